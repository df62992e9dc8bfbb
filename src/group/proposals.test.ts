import { test } from 'node:test'
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { HarmonyError } from '../base/errors.ts'
import type { TransactionRequest } from '../base/transaction.ts'
import { EngineEndedError } from '../engine/engine-ended.ts'
import { toDiskError } from '../host/disk.ts'
import {
  BEGIN,
  RESULT_SIZE_BYTES_MAX,
  request,
  resultOf,
  statement,
  withGroup,
} from './testing/group-fixture.ts'

const insert = (value: number) => request(`INSERT INTO t VALUES (${value})`)

test('what arrives together is one entry and one sync', () =>
  withGroup(async (group, { host }) => {
    const before = host.journalStats().syncs
    const outcomes = await Promise.all([1, 2, 3, 4, 5].map((value) => group.submit(insert(value))))
    assert.equal(host.journalStats().syncs, before + 1)
    assert.deepEqual(
      new Set(outcomes.map((outcome) => outcome.kind === 'committed' && outcome.index)),
      new Set([3n]),
    )
    assert.equal(group.appliedIndex, 3n)
  }))

test('what arrives while a batch is on its way to the disk becomes one batch, too', () =>
  withGroup(async (group, { disk }) => {
    const later: Promise<unknown>[] = []
    disk.beforeOperation = (operation) => {
      if (operation.kind !== 'sync') return
      disk.beforeOperation = () => {}
      for (let value = 10; value < 30; value++) later.push(group.submit(insert(value)))
    }
    await group.submit(insert(1))
    await Promise.all(later)
    const { batches, entries, requests } = group.stats()
    assert.deepEqual({ batches, entries, requests }, { batches: 3, entries: 3, requests: 22 })
  }))

test('where many wait, the next batch is sent to the engine right behind the commit of the one before, not after its answer', () =>
  withGroup(async (group, { disk, faults }) => {
    let isSentBehind = false
    faults.before = async (method) => {
      if (method !== 'commit') return
      faults.before = () => {}
      for (let turns = 0; turns < 20; turns++) await turn()
      isSentBehind = faults.sent.at(-1) === 'executeBatch'
    }
    const later: Promise<unknown>[] = []
    disk.beforeOperation = (operation) => {
      if (operation.kind !== 'sync' || later.length > 0) return
      for (let value = 2; value < 100; value++) later.push(group.submit(insert(value)))
    }
    await group.submit(insert(1))
    await Promise.all(later)
    assert.equal(isSentBehind, true)
  }))

test('a batch that was sent behind a commit that failed is executed after all, on an engine that has both', () =>
  withGroup(async (group, fixture) => {
    const { disk, faults } = fixture
    faults.before = async (method) => {
      if (method !== 'commit') return
      faults.before = () => {}
      for (let turns = 0; turns < 20; turns++) await turn()
      throw toDiskError(new Error('EIO'), 'write', 'the file')
    }
    const later: Promise<string>[] = []
    disk.beforeOperation = (operation) => {
      if (operation.kind === 'sync' && later.length === 0) later.push(resultOf(group.submit(insert(2))))
    }
    assert.equal(await resultOf(group.submit(insert(1))), 'OUTCOME_UNKNOWN')
    assert.deepEqual(await Promise.all(later), ['committed'])
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1, 2])
  }))

test('the applied index waits for the answer of the engine, whatever is sent behind the commit', () =>
  withGroup(async (group, { disk, faults }) => {
    const before = group.appliedIndex
    const held = Promise.withResolvers<void>()
    faults.before = (method) => (method === 'commit' ? held.promise : undefined)
    const later: Promise<unknown>[] = []
    disk.beforeOperation = (operation) => {
      if (operation.kind !== 'sync' || later.length > 0) return
      for (let value = 2; value < 100; value++) later.push(group.submit(insert(value)))
    }
    faults.sent.length = 0
    const first = group.submit(insert(1))
    while (!faults.sent.slice(faults.sent.lastIndexOf('commit') >>> 0).includes('executeBatch')) await turn()
    const meanwhile = group.appliedIndex
    held.resolve()
    assert.equal(meanwhile, before, 'a reader at a higher index would not find what belongs to it')
    await Promise.all([first, ...later])
    assert.equal(group.appliedIndex, before + 2n)
  }))

test('few clients that come back as soon as they are answered share their batches', () =>
  withGroup(async (group, { disk }) => {
    const ROUNDS = 40
    const client = async (first: number): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) await group.submit(insert(first + round))
    }
    const clients: Promise<void>[] = []
    disk.beforeOperation = (operation) => {
      // The second one begins in the middle of the first one's batch: without a moment of waiting they would take turns for ever.
      if (operation.kind === 'sync' && clients.length === 1) clients.push(client(1_000))
    }
    clients.push(client(1))
    while (clients.length < 2) await turn()
    await Promise.all(clients)
    const { batches } = group.stats()
    assert.ok(batches < ROUNDS * 1.3, `${batches} batches for ${ROUNDS} rounds of two`)
  }))

test('nobody is answered, and no reader sees anything, before the sync', () =>
  withGroup(async (group, fixture) => {
    let isAnswered = false
    let syncs = 0
    fixture.disk.beforeOperation = (operation) => {
      if (operation.kind !== 'sync') return
      syncs++
      assert.equal(isAnswered, false)
      assert.deepEqual(fixture.read('SELECT a FROM t'), [])
      assert.equal(group.appliedIndex, 2n)
    }
    await group.submit(insert(1)).then(() => (isAnswered = true))
    assert.equal(syncs, 1)
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1])
  }))

test('one that fails gets its error, the others of the batch are committed', () =>
  withGroup(async (group, fixture) => {
    const answers = [insert(1), request('INSERT INTO nowhere VALUES (1)'), insert(2)]
    const results = await Promise.all(answers.map((one) => resultOf(group.submit(one))))
    assert.deepEqual(results, ['committed', 'SQLITE_ERROR', 'committed'])
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1, 2])
  }))

test('a batch takes no more requests than its limit', () =>
  withGroup(
    async (group) => {
      await Promise.all([1, 2, 3, 4, 5].map((value) => group.submit(insert(value))))
      assert.equal(group.stats().entries, 1 + 3)
    },
    { batchRequestsMax: 2 },
  ))

test('requests that the engine leaves over go first in the next batch', () =>
  withGroup(async (group, fixture) => {
    // Sessions with other settings can't share an entry.
    const other = { ...insert(2), context: { ...insert(2).context, foreignKeys: false } }
    await Promise.all([group.submit(insert(1)), group.submit(other), group.submit(insert(3))])
    assert.deepEqual(fixture.read('SELECT a FROM t ORDER BY rowid'), [1, 2, 3])
    assert.equal(group.stats().entries, 4)
  }))

test('beyond the bound of waiting requests the answer is OVERLOADED at once, and nothing is done', () =>
  withGroup(
    async (group, fixture) => {
      const answers = Array.from({ length: 6 }, (_, value) => resultOf(group.submit(insert(value))))
      assert.deepEqual((await Promise.all(answers)).sort(), [
        ...Array.from({ length: 2 }, () => 'OVERLOADED'),
        ...Array.from({ length: 4 }, () => 'committed'),
      ])
      assert.equal(fixture.read('SELECT a FROM t').length, 4)
      assert.equal(group.stats().waitingBytes, 0)
    },
    { waitingRequestsMax: 4 },
  ))

test('who comes when others have waited for too long already is refused, and they go on waiting', () =>
  withGroup(
    async (group, fixture) => {
      const early: Promise<string>[] = []
      const late: string[] = []
      fixture.disk.beforeOperation = async (operation) => {
        if (operation.kind !== 'sync') return
        fixture.disk.beforeOperation = () => {}
        early.push(resultOf(group.submit(insert(2))))
        fixture.clock.advance(999)
        early.push(resultOf(group.submit(insert(3))))
        fixture.clock.advance(2)
        late.push(await resultOf(group.submit(insert(4))))
      }
      assert.equal(await resultOf(group.submit(insert(1))), 'committed')
      assert.deepEqual(await Promise.all(early), ['committed', 'committed'])
      assert.deepEqual(late, ['OVERLOADED'])
      assert.equal(await resultOf(group.submit(insert(5))), 'committed', 'nobody waits any more')
      assert.deepEqual(fixture.read('SELECT a FROM t'), [1, 2, 3, 5])
    },
    { waitingTimeMsMax: 1000 },
  ))

test('beyond the bound of waiting bytes too, but one large request alone gets through', () =>
  withGroup(
    async (group) => {
      const large = request(`INSERT INTO t VALUES ('${'x'.repeat(5000)}')`)
      assert.equal(await resultOf(group.submit(large)), 'committed')
      const answers = await Promise.all([large, large].map((one) => resultOf(group.submit(one))))
      assert.deepEqual(answers, ['committed', 'OVERLOADED'])
    },
    { waitingSizeBytesMax: 4000 },
  ))

test('a full disk: refused with nothing done, and it works again when there is space', () =>
  withGroup(async (group, fixture) => {
    fixture.disk.capacityBytes = 0
    // The segment in use still takes some; then there is none.
    const large = request(`INSERT INTO t VALUES ('${'x'.repeat(40_000)}')`)
    const results = [await resultOf(group.submit(large)), await resultOf(group.submit(large))]
    assert.deepEqual(results, ['committed', 'DISK_FULL'])
    assert.equal(fixture.read('SELECT a FROM t').length, 1)
    fixture.disk.capacityBytes = Number.POSITIVE_INFINITY
    assert.equal(await resultOf(group.submit(large)), 'committed')
    const again = await fixture.reopen()
    await again.wake()
    assert.equal(fixture.read('SELECT a FROM t').length, 2)
  }))

test('a failed sync: nobody knows, nothing is shown, and no later write is pretended', () =>
  withGroup(async (group, fixture) => {
    fixture.disk.beforeOperation = (operation) => {
      if (operation.kind === 'sync') throw toDiskError({ code: 'EIO' }, 'sync', operation.path)
    }
    const answers = await Promise.all([1, 2].map((value) => resultOf(group.submit(insert(value)))))
    assert.deepEqual(answers, ['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN'])
    fixture.disk.beforeOperation = () => {}
    assert.equal(await resultOf(group.submit(insert(3))), 'DISK_FAILED')
    assert.deepEqual(fixture.read('SELECT a FROM t'), [])
    assert.equal(fixture.host.failure?.code, 'DISK_FAILED')
    // This time it had reached the disk: the member finds it when it is started again.
    await (await fixture.reopen()).wake()
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1, 2])
  }))

test('an engine that fails to commit what is durable: unknown now, applied with the next request', () =>
  withGroup(async (group, fixture) => {
    fixture.faults.before = (method) => {
      if (method !== 'commit') return
      fixture.faults.before = () => {}
      throw new HarmonyError('DISK_FULL', 'no space for the WAL')
    }
    assert.equal(await resultOf(group.submit(insert(1))), 'OUTCOME_UNKNOWN')
    assert.equal(await resultOf(group.submit(insert(2))), 'committed')
    assert.deepEqual(fixture.read('SELECT a FROM t ORDER BY a'), [1, 2])
    assert.equal(group.appliedIndex, 4n)
  }))

test('while the engine can not be opened, requests get the reason, and it is tried again after a pause', () =>
  withGroup(async (group, fixture) => {
    fixture.faults.before = (method) => {
      if (method === 'commit' || method === 'open') throw new HarmonyError('DISK_FULL', 'no space')
    }
    assert.equal(await resultOf(group.submit(insert(1))), 'OUTCOME_UNKNOWN')
    assert.equal(await resultOf(group.submit(insert(2))), 'DISK_FULL')
    fixture.faults.before = () => {}
    assert.equal(await resultOf(group.submit(insert(3))), 'DISK_FULL')
    fixture.clock.advance(1_000)
    assert.equal(await resultOf(group.submit(insert(4))), 'committed')
    assert.deepEqual(fixture.read('SELECT a FROM t ORDER BY a'), [1, 4])
  }))

test('an engine that dies while it executes: nothing was done, and another one is opened', () =>
  withGroup(async (group, fixture) => {
    fixture.faults.before = (method) => {
      if (method !== 'executeBatch') return
      fixture.faults.before = () => {}
      throw new HarmonyError('INTERNAL', 'the thread ended')
    }
    assert.equal(await resultOf(group.submit(insert(1))), 'INTERNAL')
    assert.equal(await resultOf(group.submit(insert(2))), 'committed')
    assert.deepEqual(fixture.read('SELECT a FROM t'), [2])
    assert.equal(fixture.faults.calls.filter((call) => call === 'open').length, 2)
  }))

/** Whether one of them is the insert of 2. */
function isDeadly(given: readonly TransactionRequest[]): boolean {
  return given.some(({ statements }) => statements.some(({ sql }) => sql.includes('(2)')))
}

test('a request that kills the engine runs alone after that: it gets the error, the others are committed', () =>
  withGroup(async (group, fixture) => {
    fixture.faults.beforeBatch = (given) => {
      if (isDeadly(given)) throw new EngineEndedError('timeout', 'ran for more than 30000 ms')
    }
    const results = await Promise.all([1, 2, 3, 4].map((value) => resultOf(group.submit(insert(value)))))
    assert.deepEqual(results, ['committed', 'STATEMENT_TIMEOUT', 'committed', 'committed'])
    assert.deepEqual(fixture.read('SELECT a FROM t ORDER BY rowid'), [1, 3, 4])
    assert.equal(group.stats().waitingBytes, 0)
  }))

test('an engine that ends for a statement of another database costs nobody anything but time', () =>
  withGroup(async (group, fixture) => {
    let ends = 2
    fixture.faults.before = (method) => {
      if ((method === 'executeBatch' || method === 'begin') && ends-- > 0) {
        throw new EngineEndedError('bystander', 'ended for another call')
      }
    }
    const results = await Promise.all([1, 2].map((value) => resultOf(group.submit(insert(value)))))
    assert.deepEqual(results, ['committed', 'committed'])
    ends = 1
    await (await group.begin(BEGIN)).rollback()
    assert.deepEqual(fixture.read('SELECT a FROM t ORDER BY rowid'), [1, 2])
  }))

test('a process that ends by itself under a request is no reason to refuse it; ending twice is', () =>
  withGroup(async (group, fixture) => {
    let deaths = 1
    fixture.faults.beforeBatch = () => {
      if (deaths-- > 0) throw new EngineEndedError('death', 'ended (SIGKILL)')
    }
    assert.equal(await resultOf(group.submit(insert(1))), 'committed')
    deaths = 2
    assert.equal(await resultOf(group.submit(insert(2))), 'INTERNAL')
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1])
  }))

test('an engine that ends again and again is told', () =>
  withGroup(async (group, fixture) => {
    fixture.faults.before = (method) => {
      if (method === 'executeBatch') throw new EngineEndedError('bystander', 'ended for another call')
    }
    assert.equal(await resultOf(group.submit(insert(1))), 'INTERNAL')
  }))

test('while an interactive transaction holds the writer, requests wait until their deadline', () =>
  withGroup(
    async (group, fixture) => {
      const transaction = await group.begin({ ...BEGIN, idleTimeoutMs: 60_000, totalTimeoutMs: 60_000 })
      await transaction.execute(statement('INSERT INTO t VALUES (100)'), RESULT_SIZE_BYTES_MAX)
      const early = resultOf(group.submit(insert(1)))
      await turn()
      await turn()
      fixture.clock.advance(600)
      const late = resultOf(group.submit(insert(2)))
      fixture.clock.advance(600)
      assert.equal(await early, 'TRANSACTION_BUSY')
      await transaction.commit()
      assert.equal(await late, 'committed')
      assert.deepEqual(fixture.read('SELECT a FROM t ORDER BY rowid'), [100, 2])
    },
    { batchWaitTimeoutMs: 1_000 },
  ))

test('an idempotency key is applied once, also across a restart', () =>
  withGroup(async (group, fixture) => {
    const keyed = { ...insert(1), idempotencyKey: 'order-7' }
    assert.equal(await resultOf(group.submit(keyed)), 'committed')
    assert.equal(await resultOf(group.submit(keyed)), 'committed')
    const again = await fixture.reopen()
    assert.equal(await resultOf(again.submit(keyed)), 'committed')
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1])
  }))

test('waiting for an index ends when it is applied, or late, or with the database', () =>
  withGroup(async (group, fixture) => {
    const applied = group.waitApplied(3n, 1_000)
    await group.submit(insert(1))
    await applied
    const late = group.waitApplied(99n, 1_000)
    fixture.clock.advance(1_000)
    await assert.rejects(late, { code: 'STATEMENT_TIMEOUT' })
    const never = group.waitApplied(99n, 1_000)
    const seen: bigint[] = []
    const stop = group.onApplied((index) => seen.push(index))
    await group.submit(insert(2))
    stop()
    await group.submit(insert(3))
    assert.deepEqual(seen, [4n])
    await Promise.all([assert.rejects(never, { code: 'SHUTTING_DOWN' }), fixture.close()])
  }))
