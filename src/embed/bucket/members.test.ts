/** Buckets on several members, and across kill -9. */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once as event } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HarmonyDB, OpenOptions } from '../open.ts'
import { open } from '../open.ts'
import { freeAddresses } from '../testing/free-addresses.ts'
import { openMembers } from '../testing/open-members.ts'

const SECRET = 'a secret of members, for tests'
const WAIT_MS = 250_000

/** Members of a machine that is busy may elect another leader at any time. */
const once = (): { readonly idempotencyKey: string } => ({ idempotencyKey: randomUUID() })

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-members-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A process that runs `program` with `open` in scope. Its lines, as they come. */
class Child {
  readonly process: ChildProcess
  readonly lines: string[] = []

  constructor(t: TestContext, program: string) {
    const text = `import { open } from ${JSON.stringify(new URL('../open.ts', import.meta.url).href)}\n${program}`
    this.process = spawn(process.execPath, ['--input-type=module', '-e', text], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface({ input: this.process.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      this.lines.push(line),
    )
    t.after(() => this.kill())
  }

  async until(isEnough: (lines: readonly string[]) => boolean): Promise<void> {
    const deadlineMs = performance.now() + WAIT_MS
    while (!isEnough(this.lines)) {
      assert.ok(performance.now() < deadlineMs, `got ${this.lines.length} lines`)
      assert.equal(this.process.exitCode, null, 'the process has ended')
      await sleep(10)
    }
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    const ended = event(this.process, 'exit')
    this.process.kill('SIGKILL')
    await ended
  }
}

interface Seen {
  readonly index: number
  readonly entries: readonly string[]
}

/** What a member has at this moment, and at which index. */
function look(db: HarmonyDB): Seen {
  const applied = db.prepare<{ at: number }>('SELECT "index" AS at FROM _harmony_state')
  return db.snapshot(() => ({
    index: applied.get()?.at ?? 0,
    entries: Array.from(db.bucket('short', { values: 'string' }), ([key]) => key),
  }))
}

test('at the same place in the log all members say the same of what expires', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-members-'))
  const peers = await freeAddresses(3)
  const members = await openMembers(
    t,
    folder,
    peers.map((listen) => ({ listen, peers, secret: SECRET })),
  )
  const short = (members[0] as HarmonyDB).bucket('short', { values: 'string' })
  await short.put('ever', '', once())
  const written = new AbortController()
  const byIndex = new Map<number, string>()
  let compared = 0
  const compare = (db: HarmonyDB): void => {
    const { index, entries } = look(db)
    const seen = entries.join()
    // Each index is compared with what another look, on whichever member, found at it.
    if (byIndex.has(index)) compared++
    assert.equal(seen, byIndex.get(index) ?? seen, `index ${index}`)
    byIndex.set(index, seen)
  }
  const watching = members.map(async (db) => {
    while (!written.signal.aborted) {
      compare(db)
      await sleep(1)
    }
  })
  for (let at = 0; at < 60; at++) {
    const writer = (members[at % 3] as HarmonyDB).bucket('short', { values: 'string' })
    await writer.put(`key ${at}`, '', { ttlMs: 1 + (at % 40), ...once() })
    // Before it is gone, even if timers are late.
    for (const db of members) compare(db)
  }
  while (look(members[1] as HarmonyDB).entries.length > 1) await sleep(20)
  written.abort()
  await Promise.all(watching)
  assert.ok(compared > 20, `${compared} comparisons`)
  assert.ok(new Set(byIndex.values()).size > 5, 'entries came and went')
})

test('a watcher that is killed goes on where it was: every change once, in order, on another member than the writer', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-members-'))
  const peers = await freeAddresses(3)
  const optionsOf = (listen = ''): OpenOptions => ({ listen, peers, secret: SECRET })
  const watcher = (after: number | null): string => `
    const db = await open(${JSON.stringify(join(folder, '2'))}, ${JSON.stringify(optionsOf(peers[2]))})
    const changes = await db.bucket('jobs').watch(${after === null ? '{}' : `{ after: ${after} }`})
    console.log('watching')
    for await (const { key, token } of changes) console.log(token + ' ' + key)`
  const first = new Child(t, watcher(null))
  const members = await openMembers(
    t,
    folder,
    peers.slice(0, 2).map((listen) => optionsOf(listen)),
  )
  await first.until((lines) => lines.length > 0)
  let written = 0
  const write = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left--) {
      await (members[written % 2] as HarmonyDB).bucket('jobs').put(`job ${written}`, written, once())
      written++
    }
  }
  await write(30)
  await first.until((lines) => lines.length > 20)
  await first.kill()
  await write(30)
  const told = first.lines.slice(1)
  const second = new Child(t, watcher(Number(told.at(-1)?.split(' ')[0])))
  await second.until((lines) => lines.length > 0)
  await write(30)
  await second.until((lines) => lines.length > 90 - told.length)
  const all = [...told, ...second.lines.slice(1)].map((line) => line.replace(/^\d+ /, ''))
  assert.deepEqual(
    all,
    Array.from({ length: 90 }, (_, at) => `job ${at}`),
  )
})

test('what was answered before kill -9 is there afterwards, and a sequence never gives a number twice', async (t) => {
  const folder = await temporary(t)
  const program = `
    const db = await open(${JSON.stringify(folder)})
    const bucket = db.bucket('log', { keys: 'ordered' })
    for (;;) await Promise.all(Array.from({ length: 8 }, async () => {
      const number = await bucket.nextSequence()
      await bucket.put([number], { number })
      console.log(number)
    }))`
  const told: number[] = []
  for (const count of [40, 40, 40]) {
    const child = new Child(t, program)
    await child.until((lines) => lines.length >= count)
    await child.kill()
    told.push(...child.lines.map(Number))
  }
  assert.equal(new Set(told).size, told.length)
  const db = await open(folder)
  t.after(() => db.close())
  const bucket = db.bucket<{ number: number }, 'ordered'>('log', { keys: 'ordered' })
  for (const number of told) assert.deepEqual(bucket.get([number]), { number })
  assert.ok((await bucket.nextSequence()) > Math.max(...told))
})
