/**
 * A real member for the tests of clients: its own process, started as users start it, on a free port. With HARMONYDB_TEST_MEMBERS=4 it is one of
 * a cluster of four, and not the one that leads. With HARMONYDB_TEST_GATEWAYS=2 two processes of its own serve its clients.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { environmentOf } from '../member/running-member.ts'
import { Cluster } from '../cluster/cluster.ts'

const MEMBERS = Number(process.env['HARMONYDB_TEST_MEMBERS'] ?? 1)
const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')

export interface Member extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly wsUrl: string
  readonly dataFolder: string
}

/** The URL in what the member prints when it is ready. Rejects with its output if it ends before. */
async function readUrl(child: ChildProcess): Promise<string> {
  let output = ''
  const { promise, resolve: found, reject } = Promise.withResolvers<string>()
  const take = (piece: string): void => {
    output += piece
    const url = /HTTP and libSQL\s+(http:\/\/\S+)/.exec(output)?.[1]
    if (url !== undefined) found(url)
  }
  child.stdout?.setEncoding('utf8').on('data', take)
  child.stderr?.setEncoding('utf8').on('data', take)
  child.once('exit', (code) => reject(new Error(`the member ended with code ${code}:\n${output}`)))
  return promise
}

/** On a busy machine a transaction takes seconds, and those that wait for the writer wait for all before them. */
const PATIENCE = [
  'writerWaitTimeoutMs=2min',
  'transactionIdleTimeoutMs=2min',
  'transactionTotalTimeoutMs=5min',
]

/** `await using` stops it and removes its data. `ownArgs` are those of `harmonydb start`. */
export async function startMember(...ownArgs: string[]): Promise<Member> {
  const args = [...PATIENCE.flatMap((limit) => ['--limit', `gateway.${limit}`]), ...ownArgs]
  if (MEMBERS > 1) return startCluster(args)
  const dataFolder = mkdtempSync(join(tmpdir(), 'harmonydb-clients-'))
  const child = spawn(
    process.execPath,
    [MAIN, 'start', '--data', dataFolder, '--http', '127.0.0.1:0', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: environmentOf() },
  )
  const url = await readUrl(child)
  return {
    url,
    wsUrl: url.replace(/^http/, 'ws'),
    dataFolder,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      rmSync(dataFolder, { recursive: true, force: true })
    },
  }
}

async function startCluster(args: readonly string[]): Promise<Member> {
  const cluster = await Cluster.start({ members: MEMBERS, args })
  const { httpUrl, dataFolder } = cluster.place(await followerOf(cluster))
  return {
    url: httpUrl,
    wsUrl: httpUrl.replace(/^http/, 'ws'),
    dataFolder,
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  }
}

/** Where members ask for tokens, they don't tell who leads; then any will do. */
async function followerOf(cluster: Cluster): Promise<number> {
  const groups = await Promise.all(
    cluster.indexes.map(async (index) => ({ index, group: await cluster.group(index).catch(() => null) })),
  )
  return groups.find(({ group }) => group !== null && group.role !== 'leader')?.index ?? 0
}
