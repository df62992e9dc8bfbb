import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HarmonyDB } from '../open.ts'
import { open } from '../open.ts'

async function until(isTrue: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 60_000
  while (!isTrue()) {
    assert.ok(performance.now() < deadlineMs, 'it did not come')
    await sleep(20)
  }
}

describe('buckets', () => {
  let folder: string
  let db: HarmonyDB

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'harmonydb-bucket-'))
    db = await open(folder)
  })

  after(async () => {
    await db.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('before the first entry there is nothing: no tables, no buckets, and reads say so', async () => {
    const none = db.bucket('none')
    assert.equal(none.get('a'), undefined)
    assert.equal(none.has('a'), false)
    assert.equal(none.count(), 0)
    assert.deepEqual([...none], [])
    assert.deepEqual(db.buckets(), [])
    assert.equal(none.exists, false)
    await db.transaction(async (tx) => assert.equal(await tx.bucket('none').get('a'), undefined))
    assert.equal(db.prepare("SELECT 1 FROM sqlite_schema WHERE name LIKE 'kv%'").get(), undefined)
  })

  test('tables that are made in a savepoint and undone are made again', async () => {
    await db.transaction(async (tx) => {
      const undone = tx.savepoint(async () => {
        await tx.bucket('first').put('a', 1)
        assert.equal(await tx.bucket('first').get('a'), 1)
        throw new Error('no')
      })
      await assert.rejects(undone, /no/)
      assert.equal(await tx.bucket('first').get('a'), undefined)
      await tx.bucket('first').put('a', 2)
    })
    assert.equal(db.bucket('first').get('a'), 2)
  })

  test('a write that is sent again under its key is done once, also where the bucket had to be made', async () => {
    const b = db.bucket<number>('idempotent')
    await b.put('a', 1, { idempotencyKey: 'put once' })
    await b.put('a', 2, { idempotencyKey: 'put once' })
    assert.equal(b.get('a'), 1)
    assert.equal(await b.nextSequence({ idempotencyKey: 'count once' }), 1)
    assert.equal(await b.nextSequence({ idempotencyKey: 'count once' }), 1)
    assert.equal(await b.nextSequence(), 2)
    await assert.rejects(b.put('b', 1, { signal: AbortSignal.abort(new Error('enough')) }), /enough/)
    assert.equal(b.has('b'), false)
  })

  test('what was put is there as soon as that is answered; what was deleted is not', async () => {
    const users = db.bucket<{ name: string }>('users')
    await users.put('ada', { name: 'Ada' })
    assert.deepEqual(users.get('ada'), { name: 'Ada' })
    await users.put('ada', { name: 'Ada Lovelace' })
    assert.deepEqual(users.get('ada'), { name: 'Ada Lovelace' })
    assert.equal(await users.delete('ada'), true)
    assert.equal(await users.delete('ada'), false)
    assert.equal(users.get('ada'), undefined)
    assert.equal(users.exists, true)
  })

  test('entries come by the bytes of their keys, in both directions, within bounds, up to a limit', async () => {
    const b = db.bucket<number>('ranges')
    await b.putAll(['a', 'b', 'ba', 'bb', 'c', 'é', '\u{10000}', '\uffff', ''].map((key, at) => [key, at]))
    assert.deepEqual([...b.keys()], ['', 'a', 'b', 'ba', 'bb', 'c', 'é', '\uffff', '\u{10000}'])
    assert.deepEqual([...b.keys({ prefix: 'b' })], ['b', 'ba', 'bb'])
    assert.deepEqual([...b.keys({ prefix: 'b', reverse: true, limit: 2 })], ['bb', 'ba'])
    assert.deepEqual([...b.keys({ gt: 'a', lte: 'ba' })], ['b', 'ba'])
    assert.deepEqual([...b.keys({ gte: 'a', lt: 'ba' })], ['a', 'b'])
    assert.deepEqual([...b.keys({ prefix: 'b', gt: 'b' })], ['ba', 'bb'])
    assert.deepEqual([...b.keys({ gt: 'c', lt: 'c' })], [])
    assert.deepEqual([...b.entries({ limit: 1, reverse: true })], [['\u{10000}', 6]])
    assert.deepEqual([...b.values({ lt: 'b' })], [8, 0])
    assert.equal(b.count({ prefix: 'b' }), 3)
    assert.equal(await b.deleteRange({ prefix: 'b' }), 3)
    assert.equal(b.count(), 6)
  })

  test('a long scan is of one state, whatever is written meanwhile, and holds nothing back', async () => {
    const b = db.bucket<number>('long')
    await b.putAll(Array.from({ length: 1_000 }, (_, at) => [String(at).padStart(4, '0'), at]))
    const scan = b.entries()
    assert.deepEqual(scan.next().value, ['0000', 0])
    await b.deleteRange({})
    assert.equal(b.count(), 0)
    assert.equal([...scan].length, 999)
    await b.putAll(Array.from({ length: 1_000 }, (_, at) => [String(at).padStart(4, '0'), at]))
    db.snapshot(() => assert.equal([...b.keys({ reverse: true, limit: 999 })].at(-1), '0001'))
  })

  test('keys and values as bytes, strings, JSON and lists', async () => {
    const bytes = db.bucket('bytes', { keys: 'bytes', values: 'bytes' })
    await bytes.put(Buffer.from([255, 0]), Buffer.from([0, 1, 255]))
    await bytes.put(Buffer.from([255]), Buffer.from([]))
    assert.deepEqual(
      Array.from(bytes, ([key, value]) => [[...key], [...value]]),
      [
        [[255], []],
        [
          [255, 0],
          [0, 1, 255],
        ],
      ],
    )
    assert.equal(bytes.count({ prefix: Buffer.from([255]) }), 2)
    const text = db.bucket('text', { values: 'string' })
    await text.put('a', 'nul \0 and 𝄞')
    assert.equal(text.get('a'), 'nul \0 and 𝄞')
    const ordered = db.bucket<string, 'ordered'>('ordered', { keys: 'ordered' })
    for (const key of [[10], [2], [-1.5], ['b', 1], ['b'], ['a', 9], [null], [true]])
      await ordered.put(key, JSON.stringify(key))
    assert.deepEqual(
      [...ordered.values()],
      ['[null]', '[true]', '[-1.5]', '[2]', '[10]', '["a",9]', '["b"]', '["b",1]'],
    )
    assert.deepEqual([...ordered.keys({ prefix: ['b'] })], [['b'], ['b', 1]])
  })

  test('putIfAbsent and compareAndSet tell who came first', async () => {
    const b = db.bucket<number>('locks')
    const wins = await Promise.all(Array.from({ length: 10 }, (_, at) => b.putIfAbsent('leader', at)))
    assert.equal(wins.filter(Boolean).length, 1)
    const won = b.get('leader')
    assert.equal(won, wins.indexOf(true))
    assert.equal(await b.compareAndSet('leader', 99, 100), false)
    assert.equal(await b.compareAndSet('leader', won, 100), true)
    assert.equal(await b.compareAndSet('leader', undefined, 1), false)
    assert.equal(await b.compareAndSet('leader', 100, undefined), true)
    assert.equal(b.has('leader'), false)
    assert.equal(await b.compareAndSet('leader', undefined, 1), true)
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (;;) {
          const seen = b.get('leader') as number
          if (await b.compareAndSet('leader', seen, seen + 1)) return
        }
      }),
    )
    assert.equal(b.get('leader'), 11)
  })

  test('sequences count per bucket, and never twice the same', async () => {
    const b = db.bucket('orders')
    const numbers = await Promise.all(Array.from({ length: 20 }, () => b.nextSequence()))
    assert.deepEqual(
      numbers.toSorted((one, other) => one - other),
      Array.from({ length: 20 }, (_, at) => at + 1),
    )
    assert.equal(await db.bucket('other').nextSequence(), 1)
  })

  test('buckets in buckets are apart, and go with the one around them', async () => {
    const outer = db.bucket<string>('outer')
    const inner = outer.bucket<string>('inner')
    const innermost = inner.bucket<string>('innermost')
    await innermost.put('k', 'innermost')
    await outer.put('k', 'outer')
    assert.equal(inner.get('k'), undefined)
    assert.equal(innermost.get('k'), 'innermost')
    assert.deepEqual(outer.buckets(), ['inner'])
    assert.ok(db.buckets().includes('outer'))
    assert.equal(await outer.drop(), true)
    assert.equal(await outer.drop(), false)
    assert.equal(innermost.get('k'), undefined)
    assert.deepEqual(
      db.prepare('SELECT count(*) AS n FROM kv_entries WHERE value LIKE ?').get('%innermost%'),
      { n: 0 },
    )
    await innermost.put('k', 'again')
    assert.equal(innermost.get('k'), 'again')
    assert.equal(outer.get('k'), undefined)
  })

  test('a transaction has buckets and SQL together, all or nothing, and sees what it wrote', async () => {
    await db.execute('CREATE TABLE log (entry TEXT)')
    const b = db.bucket<number>('accounts')
    await b.putAll([
      ['ada', 100],
      ['bob', 0],
    ])
    await db.transaction(async (tx) => {
      const accounts = tx.bucket<number>('accounts')
      const ada = (await accounts.get('ada')) as number
      await accounts.put('ada', ada - 30)
      await accounts.put('bob', 30)
      assert.deepEqual(await accounts.entries({ gt: 'ada' }), [['bob', 30]])
      assert.equal(await accounts.count(), 2)
      await tx.execute("INSERT INTO log VALUES ('moved 30')")
      assert.equal(await tx.bucket('made inside').bucket('deeper').putIfAbsent('x', 1), true)
      assert.equal(await tx.bucket('made inside').nextSequence(), 1)
    })
    assert.deepEqual(
      [...b],
      [
        ['ada', 70],
        ['bob', 30],
      ],
    )
    assert.equal(db.bucket('made inside').bucket('deeper').get('x'), 1)
    const undone = db.transaction(async (tx) => {
      await tx.bucket('accounts').put('ada', 0)
      await tx.bucket('never').put('x', 1)
      await tx.execute("INSERT INTO log VALUES ('undone')")
      throw new Error('changed my mind')
    })
    await assert.rejects(undone, /changed my mind/)
    assert.equal(b.get('ada'), 70)
    assert.equal(db.bucket('never').exists, false)
    assert.equal(db.prepare<{ n: number }>('SELECT count(*) AS n FROM log').get()?.n, 1)
  })

  test('transactions on the same entry follow one another', async () => {
    const b = db.bucket<number>('counter')
    await b.put('n', 0)
    const increments = Array.from({ length: 12 }, () =>
      db.transaction(async (tx) => {
        const counter = tx.bucket<number>('counter')
        await counter.put('n', ((await counter.get('n')) as number) + 1)
      }),
    )
    await Promise.all(increments)
    assert.equal(b.get('n'), 12)
  })

  test('an entry that is asked for again and again is remembered, each caller has a value of its own, and every write is seen', async () => {
    const b = db.bucket<{ n: number }>('remembered')
    const ask = (key: string): void => {
      for (let count = 0; count < 1_000; count++) b.get(key)
    }
    for (let n = 1; n <= 3; n++) {
      await b.put('key', { n })
      ask('key')
      const { misses } = b
      const value = b.get('key')
      assert.deepEqual(value, { n })
      if (value !== undefined) value.n = -1
      assert.deepEqual(b.get('key'), { n })
      assert.equal(b.misses, misses)
    }
    ask('none')
    await b.delete('key')
    await b.put('none', { n: 0 })
    assert.equal(b.get('key'), undefined)
    assert.deepEqual(b.get('none'), { n: 0 })
    ask('none')
    await b.drop()
    assert.equal(b.get('none'), undefined)
    await b.put('none', { n: 9 })
    assert.deepEqual(b.get('none'), { n: 9 })
  })

  test('an entry with a time to live is gone when the log has reached its end, and is swept', async () => {
    const b = db.bucket<number>('sessions')
    await b.put('long', 2, { ttlMs: 3_600_000 })
    await b.put('ever', 3)
    let end: number | null | undefined
    // On a busy machine it may be gone before anybody looks.
    do {
      await b.put('short', 1, { ttlMs: 300 })
      end = b.expiresAt('short')
    } while (end === undefined)
    assert.ok(end !== null && end > 0)
    assert.equal(b.expiresAt('ever'), null)
    assert.equal(b.expiresAt('none'), undefined)
    const logTime = db.prepare<{ now: number }>('SELECT time_ms AS now FROM _harmony_state')
    do {
      await b.put('tick', performance.now())
      // In one snapshot: whether it is there is told by log time, to the millisecond.
      db.snapshot(() => assert.equal(b.has('short'), end > (logTime.get()?.now ?? 0)))
      await sleep(10)
    } while (b.has('short'))
    assert.deepEqual([...b.keys()], ['ever', 'long', 'tick'])
    assert.equal(b.count(), 3)
    assert.equal(await b.delete('short'), false)
    const stored = db.prepare<{ n: number }>(
      "SELECT count(*) AS n FROM kv_entries WHERE key = CAST('short' AS BLOB)",
    )
    await until(() => stored.get()?.n === 0)
    await b.put('long', 2)
    assert.equal(b.expiresAt('long'), null, 'put without a time takes the limit away')
  })

  test('in a database where nothing else is written entries end, too', async () => {
    const b = db.bucket('quiet')
    await b.put('a', 1, { ttlMs: 100 })
    await until(() => !b.has('a'))
    assert.equal(await b.putIfAbsent('a', 2), true)
  })

  test('an expired entry that nobody has swept yet counts as absent for every write', async () => {
    const b = db.bucket<number>('expired')
    for (const write of [
      () => b.putIfAbsent('a', 2),
      async () => !(await b.delete('a')),
      async () => !(await b.compareAndSet('a', 1, 2)),
      async () => (await b.deleteRange({})) === 0,
    ]) {
      await b.put('a', 1, { ttlMs: 1 })
      await sleep(5)
      assert.equal(await write(), true)
    }
  })

  test('what a transaction has read as there it can also replace, although it has expired by the time of its entry', async () => {
    const b = db.bucket<number>('during')
    await b.put('a', 1, { ttlMs: 400 })
    const done = await db.transaction(async (tx) => {
      const inside = tx.bucket<number>('during')
      const seen = await inside.get('a')
      await sleep(500)
      const isSet = await inside.compareAndSet('a', 1, 2)
      return { seen, isSet, after: await inside.get('a') }
    })
    // Where the sweep came in between, it was run again, and saw nothing from the start.
    assert.ok(done.seen === undefined ? !done.isSet : done.isSet && done.after === 2)
  })

  test('nonsense is refused with a code, and nothing is done', async () => {
    const b = db.bucket('nonsense')
    const invalid = { code: 'ARGS_INVALID' }
    assert.throws(() => db.bucket(''), invalid)
    assert.throws(() => db.bucket('x', { keys: 'numbers' as 'string' }), invalid)
    assert.throws(() => b.get(1 as unknown as string), invalid)
    assert.throws(() => b.get('\ud800'), invalid)
    assert.throws(() => [...b.keys({ limit: -1 })], invalid)
    await assert.rejects(b.put('a', undefined), invalid)
    await assert.rejects(b.put('a', 1n), invalid)
    await assert.rejects(b.put('a', 1, { ttlMs: 0.5 }), invalid)
    await assert.rejects(b.compareAndSet('a', undefined, undefined), invalid)
    await assert.rejects(db.bucket('s', { values: 'string' }).put('a', '\udc00'), invalid)
    await assert.rejects(db.bucket<number, 'ordered'>('o', { keys: 'ordered' }).put([Number.NaN], 1), invalid)
    assert.equal(b.exists, false)
    await db.bucket('kinds', { values: 'bytes' }).put('a', Buffer.from('x'))
    assert.throws(() => db.bucket('kinds').get('a'), { code: 'ARGS_INVALID', message: /values: 'json'/ })
  })
})
