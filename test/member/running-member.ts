/** A real member in a process of its own, for tests: on a free port, with a temporary data folder. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const ROOT = resolve(import.meta.dirname, '../..')
export const MAIN: string = join(ROOT, 'src/cli/main.ts')

/** What a test gives to `t.after`. */
interface TestContext {
  after(task: () => Promise<void> | void): void
}

export interface MemberOptions {
  readonly dataFolder?: string
  readonly args?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

export interface Finished {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Variables of whoever runs the tests must not reach the member. With HARMONYDB_TEST_GATEWAYS=2 it serves clients by two processes. */
export function environmentOf(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HARMONYDB_'))
  const gateways = process.env['HARMONYDB_TEST_GATEWAYS'] ?? '0'
  return {
    ...Object.fromEntries(inherited),
    NODE_TEST_CONTEXT: undefined,
    HARMONYDB_GATEWAYS: gateways,
    ...extra,
  }
}

/** Runs the command to its end. */
export async function runCommand(
  args: readonly string[],
  options: { readonly input?: string; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: environmentOf(options.environment) })
  const output = collect(child)
  child.stdin.end(options.input ?? '')
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { exitCode, ...output() }
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (piece) => (stdout += String(piece)))
  child.stderr?.on('data', (piece) => (stderr += String(piece)))
  return () => ({ stdout, stderr })
}

export class RunningMember {
  readonly child: ChildProcess
  readonly port: number
  readonly dataFolder: string
  readonly #output: () => { stdout: string; stderr: string }

  private constructor(
    child: ChildProcess,
    port: number,
    dataFolder: string,
    output: () => { stdout: string; stderr: string },
  ) {
    this.child = child
    this.port = port
    this.dataFolder = dataFolder
    this.#output = output
  }

  /** Resolves when the member listens; it is killed when the test ends. */
  static async start(t: TestContext, options: MemberOptions = {}): Promise<RunningMember> {
    const dataFolder = options.dataFolder ?? temporaryFolder(t)
    const args = [
      'start',
      '--data',
      dataFolder,
      '--http',
      '127.0.0.1:0',
      '--log-format',
      'json',
      ...(options.args ?? []),
    ]
    const child = spawn(process.execPath, [MAIN, ...args], { env: environmentOf(options.environment) })
    const output = collect(child)
    t.after(() => killed(child))
    const port = await portOf(child)
    if (port === null) throw new Error(`the member did not start: ${output().stderr}`)
    return new RunningMember(child, port, dataFolder, output)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get stdout(): string {
    return this.#output().stdout
  }

  get stderr(): string {
    return this.#output().stderr
  }

  query(
    body: unknown,
    options: { readonly database?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    return this.ask('POST', `/v1/databases/${options.database ?? 'default'}/query`, body, options.headers)
  }

  /** `body` is sent as it is if it is text. */
  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, text, json: parseJson(text) }
  }

  /** Sends `signal` and resolves when the process has ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    const closed = once(this.child, 'close') as Promise<[number | null]>
    this.child.kill(signal)
    const [exitCode] = await closed
    return { exitCode, ...this.#output() }
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
type Json = any

export interface Answer {
  readonly status: number
  readonly text: string
  readonly json: Json
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** From the log line that says where the member listens; null if it ended without one. */
async function portOf(child: ChildProcess): Promise<number | null> {
  if (child.stderr === null) return null
  const lines = createInterface({ input: child.stderr })
  try {
    for await (const line of lines) {
      const { event, http } = parseJson(line) as { event?: string; http?: string }
      if (event === 'started') return Number(http?.split(':').at(-1))
    }
    return null
  } finally {
    lines.close()
    child.stderr.resume()
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}
