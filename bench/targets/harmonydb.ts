/** One HarmonyDB member, started as a user starts it, over Hrana and over the PostgreSQL protocol. */

import { spawn, type ChildProcess } from 'node:child_process'
import { join, resolve } from 'node:path'
import { runLoadProcess } from '../harness/load-process.ts'
import { processorSeconds } from '../harness/processor-time.ts'
import { freePort, temporaryFolder } from '../harness/temporary.ts'
import { FILL_SQL, SCHEMA } from '../workloads.ts'
import { findPrograms, Pgbench } from './pgbench.ts'
import type { Target } from './target.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')
const DURABILITY = 'journal fdatasync before each acknowledgement, group commit'

interface Member {
  readonly url: string
  readonly postgresPort: number
  readonly child: ChildProcess
}

async function startMember(): Promise<Member> {
  const port = await freePort()
  const postgresPort = await freePort()
  const url = `http://127.0.0.1:${port}`
  const folder = join(temporaryFolder('member'), 'data')
  const listen = ['--http', `127.0.0.1:${port}`, '--pg', `127.0.0.1:${postgresPort}`]
  const child = spawn(process.execPath, [MAIN, 'start', '--data', folder, ...listen], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  process.once('exit', () => child.kill('SIGKILL'))
  await waitUntilHealthy(url, child)
  return { url, postgresPort, child }
}

async function waitUntilHealthy(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`The member ended with exit code ${child.exitCode}`)
    const isHealthy = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    )
    if (isHealthy) return
    await new Promise((wake) => setTimeout(wake, 100))
  }
  throw new Error(`The member at ${url} did not become healthy within 10 s`)
}

async function fill(url: string): Promise<void> {
  for (const sql of [...SCHEMA, FILL_SQL]) {
    const response = await fetch(`${url}/v1/databases/default/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql }),
    })
    if (!response.ok) throw new Error(`Filling the table failed: ${await response.text()}`)
  }
}

/** The same member over HTTP, over WebSocket and, where pgbench is installed, over the PostgreSQL protocol. The last one stops it. */
export async function harmonyTargets(): Promise<readonly Target[]> {
  const member = await startMember()
  await fill(member.url)
  const shared = {
    durability: DURABILITY,
    isConcurrent: true,
    processorSeconds: () => processorSeconds(member.child.pid ?? 0),
  }
  const hrana = (name: string, protocol: 'http' | 'websocket', close: () => Promise<void>): Target => ({
    ...shared,
    name,
    client: 'load process',
    supports: (workload) => workload !== 'pgbench-select',
    run: (round) => runLoadProcess({ ...round, protocol, url: member.url }),
    close,
  })
  return [
    hrana('HarmonyDB, Hrana over HTTP', 'http', () => Promise.resolve()),
    ...postgresProtocol(member, shared),
    hrana('HarmonyDB, Hrana over WebSocket', 'websocket', () => stop(member.child)),
  ]
}

function postgresProtocol(
  { postgresPort }: Member,
  shared: Pick<Target, 'durability' | 'isConcurrent' | 'processorSeconds'>,
): readonly Target[] {
  const bin = findPrograms()
  if (bin === null) return []
  const pgbench = new Pgbench(bin, { port: postgresPort, database: 'default' })
  pgbench.initialise()
  return [
    {
      ...shared,
      name: 'HarmonyDB, pgbench',
      client: 'pgbench',
      supports: () => true,
      run: (round) => Promise.resolve(pgbench.measure(round)),
      close: () => Promise.resolve(),
    },
  ]
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.once('exit', () => done())
    child.kill('SIGTERM')
  })
}
