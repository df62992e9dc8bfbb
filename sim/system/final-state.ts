/** What the SQLite files have when everything is at rest, as any SQLite tool would see it. */

import { DatabaseSync } from 'node:sqlite'
import type { SqlValue } from '../../src/base/value.ts'
import { contentDigest } from '../../src/engine/content-digest.ts'
import { readAppliedState } from '../../src/engine/snapshot.ts'
import { Violation } from '../checkers/checker.ts'
import type { FinalContent } from './workloads/workload.ts'

/** One database's file on one machine. */
export interface ReplicaFile {
  readonly machine: number
  readonly database: string
  readonly dataFile: string
}

function openFile(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, readBigInts: true, returnArrays: true })
}

/** Throws where a file is not sound, or one replica differs from another. */
export function checkReplicas(replicas: readonly ReplicaFile[]): void {
  for (const replica of replicas) checkIntegrity(replica)
  for (const files of Map.groupBy(replicas, ({ database }) => database).values()) checkEqual(files)
}

export function contentOf({ dataFile }: ReplicaFile): FinalContent {
  return {
    rows: (sql) => {
      const database = openFile(dataFile)
      try {
        return database.prepare(sql).all() as unknown as SqlValue[][]
      } finally {
        database.close()
      }
    },
  }
}

function checkIntegrity({ dataFile, database, machine }: ReplicaFile): void {
  const file = openFile(dataFile)
  try {
    const problems = file.prepare('PRAGMA integrity_check').all() as unknown as string[][]
    if (problems.length === 1 && problems[0]?.[0] === 'ok') return
    throw new Violation(
      'sound files',
      `${database} on machine ${machine}: ${problems.slice(0, 5).flat().join('; ')}`,
      {
        members: [machine],
      },
    )
  } finally {
    file.close()
  }
}

/** Content, digest chain and applied index. */
function fingerprint({ dataFile }: ReplicaFile): { content: string; chain: string; index: bigint } {
  const file = openFile(dataFile)
  try {
    const { digest, index } = readAppliedState(dataFile)
    return { content: hex(contentDigest(file)), chain: hex(digest), index }
  } finally {
    file.close()
  }
}

function checkEqual(replicas: readonly ReplicaFile[]): void {
  const prints = replicas.map((replica) => ({ replica, ...fingerprint(replica) }))
  const first = prints[0]
  for (const other of prints.slice(1)) {
    if (first === undefined || (other.content === first.content && other.chain === first.chain)) continue
    throw new Violation(
      'equal replicas',
      `${first.replica.database} differs between machine ${first.replica.machine} (index ${first.index}, content ` +
        `${first.content.slice(0, 12)}, chain ${first.chain.slice(0, 12)}) and machine ${other.replica.machine} (index ` +
        `${other.index}, content ${other.content.slice(0, 12)}, chain ${other.chain.slice(0, 12)})`,
      { members: [first.replica.machine, other.replica.machine] },
    )
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
