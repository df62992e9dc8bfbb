import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { HarmonyDB } from '../open.ts'
import { open } from '../open.ts'
import type { BucketChange, ChangeOptions } from './changes.ts'
import type { Bucket } from './bucket.ts'
import { CHANGES_KEPT } from './schema.ts'

const WAIT_MS = 250_000

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-changes-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function opened(t: TestContext): Promise<HarmonyDB> {
  const db = await open(await temporary(t))
  t.after(() => db.close())
  return db
}

type Changes = AsyncGenerator<BucketChange<string, number>, void, void>

function watch(bucket: Bucket<string, number>, options: ChangeOptions<string> = {}): Promise<Changes> {
  return bucket.watch({ signal: AbortSignal.timeout(WAIT_MS), ...options })
}

async function take(changes: Changes, count: number): Promise<BucketChange<string, number>[]> {
  const taken: BucketChange<string, number>[] = []
  while (taken.length < count) {
    const { value, done } = await changes.next()
    assert.ok(done !== true, `ended after ${taken.length} of ${count}`)
    taken.push(value)
  }
  return taken
}

const shown = (changes: readonly BucketChange<string, number>[]): string[] =>
  changes.map(({ kind, key, value }) => (kind === 'put' ? `${key}=${value}` : `${kind} ${key}`))

test('a watcher hears of everything that is committed from its beginning on, in order, each once', async (t) => {
  const db = await opened(t)
  const bucket = db.bucket<number>('watched')
  await bucket.put('before', 0)
  const changes = await watch(bucket)
  await bucket.put('a', 1)
  await bucket.put('a', 2)
  await bucket.putIfAbsent('a', 3)
  const undone = db.transaction(async (tx) => {
    await tx.bucket('watched').put('never', 1)
    throw new Error('rolled back')
  })
  await assert.rejects(undone)
  await db.transaction(async (tx) => {
    await tx.bucket('watched').put('b', 4)
    await tx.bucket('watched').delete('a')
  })
  await db.execute("UPDATE kv_entries SET value = '5' WHERE key = CAST('b' AS BLOB)")
  await db.bucket('another').put('x', 1)
  await bucket.put('short', 6, { ttlMs: 50 })
  const taken = await take(changes, 7)
  assert.deepEqual(shown(taken), ['a=1', 'a=2', 'b=4', 'delete a', 'b=5', 'short=6', 'expire short'])
  const tokens = taken.map(({ token }) => token)
  assert.deepEqual(
    tokens,
    tokens.toSorted((one, other) => one - other),
  )
  await changes.return()
})

test('a watcher goes on after a token, also when the database was closed in between', async (t) => {
  const folder = await temporary(t)
  let token: number
  {
    await using db = await open(folder)
    const bucket = db.bucket<number>('jobs')
    const changes = await watch(bucket, { prefix: 'j' })
    for (const [at, key] of ['other', 'j1', 'j2', 'j3'].entries()) await bucket.put(key, at)
    const first = await take(changes, 2)
    assert.deepEqual(shown(first), ['j1=1', 'j2=2'])
    token = first[0]?.token as number
  }
  await using db = await open(folder)
  const bucket = db.bucket<number>('jobs')
  assert.deepEqual(shown(await take(await watch(bucket, { prefix: 'j', after: token }), 2)), ['j2=2', 'j3=3'])
  assert.deepEqual(shown(await take(await watch(bucket, { key: 'j3', after: token }), 1)), ['j3=3'])
})

test('a watcher ends with its signal, with the bucket and with the database', async (t) => {
  const db = await opened(t)
  const bucket = db.bucket<number>('ending')
  const abort = new AbortController()
  const aborted = Array.fromAsync(await bucket.watch({ signal: abort.signal }))
  abort.abort()
  assert.deepEqual(await aborted, [])
  const all = Array.fromAsync(await watch(bucket))
  await bucket.put('a', 1)
  await bucket.drop()
  assert.deepEqual(shown(await all), ['a=1', 'delete a'])
  const untilClosed = Array.fromAsync(await watch(bucket))
  await db.close()
  assert.deepEqual(await untilClosed, [])
  await assert.rejects(watch(bucket), { code: 'SHUTTING_DOWN' })
})

test('who comes back too late is told so', async (t) => {
  const db = await opened(t)
  const bucket = db.bucket<number>('late')
  const changes = await watch(bucket)
  await bucket.put('a', 0)
  const [{ token: after }] = (await take(changes, 1)) as [BucketChange<string, number>]
  for (let part = 0; part < CHANGES_KEPT; part += 1_000)
    await bucket.putAll(Array.from({ length: 1_000 }, (_, at) => [`${at}`, part]))
  const [next] = await take(await watch(bucket, { after }), 1)
  assert.equal(next?.token, after + 1, 'the last that is kept')
  await bucket.put('b', 1)
  await assert.rejects(async () => take(await watch(bucket, { after }), 1), { code: 'CHANGES_LOST' })
  await assert.rejects(watch(db.bucket<number>('new'), { after }), { code: 'CHANGES_LOST' })
  const kept = db.prepare<{ n: number }>('SELECT count(*) AS n FROM kv_changes').get()
  assert.equal(kept?.n, CHANGES_KEPT)
})

test('nothing is recorded for buckets that nobody watches, nor after stopRecording', async (t) => {
  const db = await opened(t)
  const recorded = db.bucket<number>('recorded')
  await db.bucket('plain').put('a', 1)
  const changes = Array.fromAsync(await watch(recorded))
  await recorded.put('a', 1)
  await recorded.stopRecording()
  assert.deepEqual(shown(await changes), ['a=1'])
  await recorded.put('b', 2)
  assert.equal(db.prepare<{ n: number }>('SELECT count(*) AS n FROM kv_changes').get()?.n, 1)
})
