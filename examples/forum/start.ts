/** The whole forum with one command: three processes, each started again when it dies, as a service manager would. Ctrl-C stops them. */

import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const RESTART_PAUSE_MS = 3_000

const folder = process.env['FORUM_FOLDER'] ?? 'forum-data'
const web = (process.env['FORUM_WEB'] ?? '127.0.0.1:3001,127.0.0.1:3002,127.0.0.1:3003').split(',')
const peers = process.env['FORUM_PEERS'] ?? '127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103'

/** The same for all of them, and at every start. */
function secret(): string {
  const file = join(folder, 'secret')
  mkdirSync(folder, { recursive: true })
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600 })
  return readFileSync(file, 'utf8')
}

const children = new Map<number, ChildProcess>()
let isStopping = false

function run(at: number): void {
  const environment = {
    FORUM_NAME: `forum-${at + 1}`,
    FORUM_DATA: join(folder, String(at + 1)),
    FORUM_WEB: web[at],
    FORUM_LISTEN: peers.split(',')[at],
    FORUM_PEERS: peers,
    FORUM_SECRET: secret(),
    FORUM_OTHERS: web
      .filter((_, other) => other !== at)
      .map((address) => `http://${address}`)
      .join(','),
  }
  const child = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, 'main.ts')], {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  })
  children.set(at, child)
  child.once('exit', (code, signal) => {
    children.delete(at)
    if (isStopping) return
    // One that ended by itself said why, and would do so again.
    if (signal === null) return stop(code ?? 1)
    process.stdout.write(`forum-${at + 1} was killed (${signal}); it is started again\n`)
    setTimeout(() => isStopping || run(at), RESTART_PAUSE_MS)
  })
}

function stop(exitCode: number): void {
  isStopping = true
  process.exitCode = exitCode
  for (const child of children.values()) child.kill('SIGTERM')
}

for (const at of web.keys()) run(at)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(0))
