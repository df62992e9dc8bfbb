/** One HarmonyDB member, started as a user starts it, over Hrana. */

import { spawn, type ChildProcess } from 'node:child_process'
import { join, resolve } from 'node:path'
import { runLoadProcess } from '../harness/load-process.ts'
import { freePort, temporaryFolder } from '../harness/temporary.ts'
import { FILL_SQL, SCHEMA } from '../workloads.ts'
import type { Target } from './target.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')
const DURABILITY = 'journal fdatasync before each acknowledgement, group commit'

async function startMember(): Promise<{ url: string; child: ChildProcess }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const folder = join(temporaryFolder('member'), 'data')
  const child = spawn(process.execPath, [MAIN, 'start', '--data', folder, '--http', `127.0.0.1:${port}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  process.once('exit', () => child.kill('SIGKILL'))
  await waitUntilHealthy(url, child)
  return { url, child }
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

/** The same member over HTTP and over WebSocket. */
export async function harmonyTargets(): Promise<readonly Target[]> {
  const { url, child } = await startMember()
  await fill(url)
  const target = (name: string, protocol: 'http' | 'websocket', close: () => Promise<void>): Target => ({
    name,
    durability: DURABILITY,
    isConcurrent: true,
    run: (round) => runLoadProcess({ ...round, protocol, url }),
    close,
  })
  return [
    target('HarmonyDB, Hrana over HTTP', 'http', () => Promise.resolve()),
    target('HarmonyDB, Hrana over WebSocket', 'websocket', () => stop(child)),
  ]
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.once('exit', () => done())
    child.kill('SIGTERM')
  })
}
