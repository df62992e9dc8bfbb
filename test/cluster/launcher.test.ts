/** `harmonydb cluster` as people and scripts use it. */

import { test, type TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MAIN, runCommand } from '../member/running-member.ts'
import { freeBasePort, until } from './cluster.ts'
import { insist } from './load.ts'

const MEMBERS = 3

class Launcher {
  readonly #child: ChildProcess
  readonly folder: string
  readonly basePort: number
  output = ''

  constructor(t: TestContext, folder: string, basePort: number) {
    this.folder = folder
    this.basePort = basePort
    const args = ['--members', String(MEMBERS), '--data', folder, '--base-port', String(basePort)]
    this.#child = spawn(process.execPath, [MAIN, 'cluster', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.output += text))
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.output += text))
    t.after(() => {
      this.#child.kill('SIGKILL')
      for (let index = 0; index < MEMBERS; index++)
        if (isAlive(this.pid(index))) process.kill(this.pid(index), 'SIGKILL')
    })
  }

  url(index: number): string {
    return `http://127.0.0.1:${this.basePort + 10 * index}`
  }

  pid(index: number): number {
    try {
      return Number(readFileSync(join(this.folder, `member-${index}/pid`), 'utf8'))
    } catch {
      return 0
    }
  }

  /** Resolves when it has printed `text`, once more than before. */
  async prints(text: RegExp): Promise<void> {
    const all = new RegExp(text, 'g')
    const before = this.output.match(all)?.length ?? 0
    await until(
      `the launcher prints ${text}`,
      async () => (this.output.match(all)?.length ?? 0) > before,
      () => this.output,
    )
  }

  async interrupt(): Promise<number | null> {
    const exited = once(this.#child, 'exit') as Promise<[number | null]>
    this.#child.kill('SIGINT')
    return (await exited)[0]
  }
}

/** One that has ended and that nobody asked for its exit code is not alive, although it has an id. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return pid > 0 && execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })[0] !== 'Z'
  } catch {
    return false
  }
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-launcher-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))
  return folder
}

test('a cluster is started, loses a member, gets it back, is stopped, and starts again with its data', async (t) => {
  const folder = temporaryFolder(t)
  const basePort = await freeBasePort(MEMBERS)
  const first = new Launcher(t, folder, basePort)
  await first.prints(/all members are ready/)
  assert.equal(statSync(join(folder, 'secret')).mode & 0o777, 0o600)
  await insist(first.url(0), 'CREATE TABLE IF NOT EXISTS notes (title TEXT PRIMARY KEY)')
  await insist(first.url(1), "INSERT OR IGNORE INTO notes VALUES ('kept')")

  const killed = first.pid(2)
  const seen = first.prints(/member 2 is down; start it again with: \S.* --start 2/)
  process.kill(killed, 'SIGKILL')
  await seen
  assert.deepEqual(await insist(first.url(1), 'SELECT title FROM notes'), [['kept']])
  const started = await runCommand(['cluster', '--data', folder, '--start', '2'])
  assert.equal(started.exitCode, 0, started.stderr)
  assert.match(started.stdout, /Member 2 serves at http/)
  assert.notEqual(first.pid(2), killed)
  assert.deepEqual(await insist(first.url(2), 'SELECT title FROM notes'), [['kept']])

  process.kill(first.pid(0), 'SIGKILL')
  const again = await runCommand(['cluster', '--data', folder])
  assert.equal(again.exitCode, 0, again.stderr)
  assert.match(again.stdout, /shown by another terminal/)
  assert.deepEqual(await insist(first.url(0), 'SELECT title FROM notes'), [['kept']])

  const pids = [0, 1, 2].map((index) => first.pid(index))
  assert.equal(await first.interrupt(), 0, first.output)
  assert.deepEqual(pids.filter(isAlive), [], 'nothing is left running')

  const second = new Launcher(t, folder, basePort)
  await second.prints(/all members are ready/)
  assert.deepEqual(await insist(second.url(2), 'SELECT title FROM notes'), [['kept']])
  const stopped = await runCommand(['cluster', '--data', folder, '--stop', '1'])
  assert.equal(stopped.exitCode, 0, stopped.stderr)
  assert.equal(isAlive(second.pid(1)), false)
  assert.equal(await second.interrupt(), 0, second.output)
})

test('a member that can’t start says why, and the command ends with 1', async (t) => {
  const folder = temporaryFolder(t)
  const basePort = await freeBasePort(MEMBERS)
  const launcher = new Launcher(t, folder, basePort)
  await launcher.prints(/all members are ready/)
  assert.equal(await launcher.interrupt(), 0)
  const { createServer } = await import('node:net')
  const squatter = createServer().listen(basePort, '127.0.0.1')
  t.after(() => squatter.close())
  await once(squatter, 'listening')
  const { exitCode, stderr } = await runCommand(['cluster', '--data', folder, '--start', '0'])
  assert.equal(exitCode, 1)
  assert.match(stderr, /Member 0 ended: harmonydb: .*is already in use/)
})
