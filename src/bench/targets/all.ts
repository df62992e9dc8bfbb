/** All targets by name, and which of them share members. */

import type { Target } from '../target.ts'
import { etcdTarget, rqliteTarget } from './clusters.ts'
import {
  embeddedTarget,
  memberTarget,
  startMembers,
  stopMembers,
  type Members,
  type Protocol,
} from './harmonydb.ts'
import { lmdbTarget, nodeSqliteTarget, sqliteLibraryTarget } from './libraries.ts'
import { postgresTarget } from './postgres.ts'

interface TargetKind {
  readonly name: string
  readonly summary: string
  readonly open: (systems: Systems) => Promise<Target> | Target
}

/** Members are started once for all of their protocols, and stopped with the last target that uses them. */
export class Systems {
  readonly peersFolder: string
  readonly #clusters = new Map<number, { readonly members: Promise<Members>; users: number }>()

  constructor(peersFolder: string) {
    this.peersFolder = peersFolder
  }

  async members(count: number, protocol: Protocol): Promise<Target> {
    const cluster = this.#clusters.get(count) ?? { members: startMembers(count), users: 0 }
    this.#clusters.set(count, cluster)
    cluster.users++
    const members = await cluster.members
    return memberTarget(members, protocol, async () => {
      if (--cluster.users === 0) await stopMembers(members)
    })
  }
}

const PROTOCOLS: readonly { readonly protocol: Protocol; readonly over: string }[] = [
  { protocol: 'ws', over: "Hrana over WebSocket (libSQL's protocol)" },
  { protocol: 'http', over: "Hrana over HTTP (libSQL's protocol)" },
  { protocol: 'pg', over: 'the PostgreSQL protocol' },
]

export const TARGETS: readonly TargetKind[] = [
  { name: 'embedded', summary: 'HarmonyDB inside the application', open: embeddedTarget },
  ...[1, 3, 4].flatMap((count) =>
    PROTOCOLS.map(({ protocol, over }) => ({
      name: `${count}-${protocol}`,
      summary: `HarmonyDB, ${count === 1 ? 'one member' : `${count} members, all asked in turn`}, ${over}`,
      open: (systems: Systems) => systems.members(count, protocol),
    })),
  ),
  { name: 'postgres', summary: 'PostgreSQL, if installed', open: postgresTarget },
  { name: 'etcd-1', summary: 'etcd, one member, if on the PATH', open: () => etcdTarget(1) },
  { name: 'etcd-3', summary: 'etcd, three members, all asked, if on the PATH', open: () => etcdTarget(3) },
  { name: 'rqlite-1', summary: 'rqlite, one member, if on the PATH', open: () => rqliteTarget(1) },
  {
    name: 'rqlite-3',
    summary: 'rqlite, three members, all asked, if on the PATH',
    open: () => rqliteTarget(3),
  },
  { name: 'sqlite', summary: 'node:sqlite, called in process', open: nodeSqliteTarget },
  {
    name: 'better-sqlite3',
    summary: 'better-sqlite3, called in process, if installed',
    open: ({ peersFolder }) => sqliteLibraryTarget('better-sqlite3', peersFolder),
  },
  {
    name: 'libsql',
    summary: "libSQL's library with a file, called in process, if installed",
    open: ({ peersFolder }) => sqliteLibraryTarget('libsql', peersFolder),
  },
  {
    name: 'lmdb',
    summary: 'lmdb, called in process, if installed (key-value: not all workloads)',
    open: ({ peersFolder }) => lmdbTarget(peersFolder),
  },
]
