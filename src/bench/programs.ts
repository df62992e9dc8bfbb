/** Other programs: where they are, running them, and processes that must not outlive the benchmark. */

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { SocketAddress } from './target.ts'

const HOST = '127.0.0.1'
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 10_000
const POLL_INTERVAL_MS = 50
/** A server that takes a connection and says nothing is asked again. */
const PROBE_TIMEOUT_MS = 5_000
/** Of a program that makes tables or a cluster. */
const RUN_TIMEOUT_MS = 600_000
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024
const LOG_LINES_TOLD = 3
const runFile = promisify(execFile)

/** Each server, folder and load process has something to do at the end. */
const EXIT_LISTENERS_MAX = 1_000
process.setMaxListeners(EXIT_LISTENERS_MAX)

/** A folder that is gone when the benchmark ends, however it ends. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `harmonydb-bench-${name}-`))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A TCP address on loopback that was free a moment ago. */
export function freeAddress(): Promise<SocketAddress> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, HOST, () => {
      const address = server.address()
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve({ host: HOST, port: address.port })
        else reject(new Error('There is no free port'))
      })
    })
  })
}

/** The path of a program on the PATH; null if there is none. */
export function findProgram(name: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

/** PostgreSQL's server programs are not on the PATH of every system: then the newest ones where Debian keeps them. Null if there are none. */
export function findPostgresPrograms(): string | null {
  const onPath = findProgram('initdb')
  if (onPath !== null) return join(onPath, '..')
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  return (
    versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb'))) ??
    null
  )
}

/** Gives what it prints. Rejects if it fails, or is not done in time and had to be killed. */
export async function runProgram(
  program: string,
  args: readonly string[],
  timeoutMs: number = RUN_TIMEOUT_MS,
): Promise<string> {
  const limits = { maxBuffer: OUTPUT_BYTES_MAX, timeout: timeoutMs, killSignal: 'SIGKILL' } as const
  try {
    return (await runFile(program, args, limits)).stdout
  } catch (error) {
    if ((error as { killed?: boolean }).killed !== true) throw error
    throw new Error(`${program} did not end in ${timeoutMs / 1000} s`, { cause: error })
  }
}

/** A server that is killed with the benchmark. What it prints is kept, to be told if it fails. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #logFile: string
  #isStopping = false

  constructor(name: string, program: string, args: readonly string[]) {
    this.#name = name
    this.#logFile = join(temporaryFolder('log'), 'log')
    const log = openSync(this.#logFile, 'a')
    this.#child = spawn(program, args, { stdio: ['ignore', log, log] })
    closeSync(log)
    process.once('exit', this.#kill)
    this.#child.once('exit', () => {
      if (!this.#isStopping) process.emitWarning(`${name} ended while it was measured: ${this.#lastLines()}`)
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Asks again and again until `isReady`, which gives up with its signal. Rejects when the process ends, or when it takes too long. */
  async untilReady(isReady: (signal: AbortSignal) => Promise<boolean>): Promise<void> {
    const deadlineMs = performance.now() + START_TIMEOUT_MS
    while (!(await isReady(AbortSignal.timeout(PROBE_TIMEOUT_MS)).catch(() => false))) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`${this.#name} ended: ${this.#lastLines()}`)
      if (performance.now() > deadlineMs)
        throw new Error(`${this.#name} was not ready in ${START_TIMEOUT_MS / 1000} s: ${this.#lastLines()}`)
      await sleep(POLL_INTERVAL_MS)
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    process.removeListener('exit', this.#kill)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    const timer = setTimeout(this.#kill, STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }

  readonly #kill = (): void => void this.#child.kill('SIGKILL')

  #lastLines(): string {
    return readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_TOLD).join('\n')
  }
}

export async function isOk(url: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(url, { signal })
  await response.body?.cancel()
  return response.ok
}
