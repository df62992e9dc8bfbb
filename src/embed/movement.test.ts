import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FilePosition } from './file-position.ts'
import { Movement } from './movement.ts'
import { open } from './open.ts'

/** The state of the promise once everything that can happen without another event has happened. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  const later = new Promise((resolve) => setImmediate(() => resolve(pending)))
  return (await Promise.race([promise, later])) === pending
}

test('a watcher is told at once, and then after every move and not before', async () => {
  const position = new FilePosition()
  const steps = new Movement(position).watch()
  assert.equal((await steps.next()).done, false)
  const second = steps.next()
  assert.ok(await isPending(second))
  position.noteApplied()
  assert.equal((await second).done, false)
})

test('what moves while the watcher reads makes another step, and several moves one', async () => {
  const position = new FilePosition()
  const steps = new Movement(position).watch()
  await steps.next()
  position.noteApplied()
  position.noteApplied()
  assert.equal(await isPending(steps.next()), false)
  assert.ok(await isPending(steps.next()))
})

test('many watchers wait for the same move; each ends by its own signal, all by close', async () => {
  const position = new FilePosition()
  const movement = new Movement(position)
  const abort = new AbortController()
  const watchers = [movement.watch(abort.signal), movement.watch(), movement.watch()]
  await Promise.all(watchers.map((each) => each.next()))
  const waiting = watchers.map((each) => each.next())
  abort.abort()
  assert.equal((await waiting[0])?.done, true)
  assert.ok(await isPending(Promise.race(waiting.slice(1))))
  movement.close()
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ done }) => done),
    [true, true, true],
  )
})

test('a loop reads every row that was written, in order, though it is not told of each write', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-watch-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await using db = await open(folder)
  await db.execute('CREATE TABLE posts (id INTEGER PRIMARY KEY)')
  const count = 200
  const writing = (async () => {
    for (let id = 1; id <= count; id++) await db.execute('INSERT INTO posts VALUES (?)', [id])
  })()
  const newer = db.prepare<{ id: number }>('SELECT id FROM posts WHERE id > ? ORDER BY id')
  const seen: number[] = []
  for await (const _ of db.watch({ signal: AbortSignal.timeout(250_000) })) {
    seen.push(...newer.all(seen.at(-1) ?? 0).map(({ id }) => id))
    if (seen.length >= count) break
  }
  await writing
  assert.deepEqual(
    seen,
    Array.from({ length: count }, (_, at) => at + 1),
  )
})

test('a watcher that waits ends when the database is closed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-watch-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const db = await open(folder)
  const steps = db.watch()
  await steps.next()
  const waiting = steps.next()
  await db.close()
  // The end of the member may itself be a move; after it there is none.
  const last = (await waiting).done === true ? await waiting : await steps.next()
  assert.equal(last.done, true)
})
