import { test } from 'node:test'
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { HarmonyError } from '../base/errors.ts'
import { EngineEndedError } from '../engine/engine-ended.ts'
import { toDiskError } from '../host/disk.ts'
import type { DatabaseGroup } from './database-group.ts'
import type { InteractiveTransaction } from './interactive-transaction.ts'
import {
  BEGIN,
  RESULT_SIZE_BYTES_MAX,
  request,
  resultOf,
  statement,
  withGroup,
} from './testing/group-fixture.ts'

function run(transaction: InteractiveTransaction, sql: string) {
  return transaction.execute(statement(sql), RESULT_SIZE_BYTES_MAX)
}

/** Calls, because the type checker believes that a getter which was null stays null. */
function codeOf(transaction: InteractiveTransaction): string | undefined {
  return (transaction.ended as HarmonyError | null)?.code
}

function messageOf(transaction: InteractiveTransaction): string {
  return transaction.ended?.message ?? ''
}

/** Fails if the writer is not free, or something of an earlier transaction is still open. */
async function assertWriterIsFree(group: DatabaseGroup): Promise<void> {
  const transaction = await group.begin({ ...BEGIN, waitTimeoutMs: 0 })
  await run(transaction, 'INSERT INTO t VALUES (-1)')
  await transaction.rollback()
}

test('statements see each other, others see nothing before COMMIT, everybody afterwards', () =>
  withGroup(async (group, fixture) => {
    const transaction = await group.begin(BEGIN)
    await run(transaction, 'INSERT INTO t VALUES (1)')
    const { rows } = await run(transaction, 'SELECT a FROM t')
    assert.deepEqual(rows, [[1n]])
    assert.deepEqual(fixture.read('SELECT a FROM t'), [])
    const { index, context } = await transaction.commit()
    assert.equal(index, group.appliedIndex)
    assert.equal(context.lastInsertRowid, 1n)
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1])
    assert.equal(transaction.ended, null)
  }))

test('it is durable when COMMIT answers', () =>
  withGroup(async (group, fixture) => {
    const transaction = await group.begin(BEGIN)
    await run(transaction, 'INSERT INTO t VALUES (1)')
    let isAnswered = false
    let syncs = 0
    fixture.disk.beforeOperation = (operation) => {
      if (operation.kind !== 'sync') return
      syncs++
      assert.equal(isAnswered, false)
    }
    await transaction.commit().then(() => (isAnswered = true))
    assert.equal(syncs, 1)
  }))

test('ROLLBACK leaves nothing, and the writer is free', () =>
  withGroup(async (group, fixture) => {
    const transaction = await group.begin(BEGIN)
    await run(transaction, 'INSERT INTO t VALUES (1)')
    await transaction.rollback()
    assert.deepEqual(fixture.read('SELECT a FROM t'), [])
    await assertWriterIsFree(group)
    assert.equal(group.appliedIndex, 2n)
  }))

test('one that changed nothing makes no entry', () =>
  withGroup(async (group) => {
    const transaction = await group.begin(BEGIN)
    await run(transaction, 'SELECT 1')
    const { index } = await transaction.commit()
    assert.equal(index, 2n)
    await assertWriterIsFree(group)
  }))

test('a statement that fails has no effect and the transaction goes on', () =>
  withGroup(async (group, fixture) => {
    const transaction = await group.begin(BEGIN)
    await run(transaction, 'INSERT INTO t VALUES (1)')
    await assert.rejects(run(transaction, 'INSERT INTO nowhere VALUES (1)'), { code: 'SQLITE_ERROR' })
    assert.equal(transaction.ended, null)
    await transaction.commit()
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1])
  }))

test('RAISE(ROLLBACK) ends it: its error, then TRANSACTION_ABORTED, and the writer is free', () =>
  withGroup(async (group, fixture) => {
    const trigger = `CREATE TRIGGER guard BEFORE INSERT ON t WHEN NEW.a = 13 BEGIN SELECT RAISE(ROLLBACK, 'unlucky'); END`
    await group.submit(request(trigger))
    const transaction = await group.begin(BEGIN)
    await run(transaction, 'INSERT INTO t VALUES (1)')
    await assert.rejects(run(transaction, 'INSERT INTO t VALUES (13)'), /unlucky/)
    assert.equal(codeOf(transaction), 'TRANSACTION_ABORTED')
    await assert.rejects(run(transaction, 'SELECT 1'), { code: 'TRANSACTION_ABORTED' })
    await assert.rejects(transaction.commit(), { code: 'TRANSACTION_ABORTED' })
    assert.deepEqual(fixture.read('SELECT a FROM t'), [])
    await assertWriterIsFree(group)
  }))

test('idle for too long: rolled back, told, nothing left open', () =>
  withGroup(async (group, fixture) => {
    const transaction = await group.begin(BEGIN)
    await run(transaction, 'INSERT INTO t VALUES (1)')
    fixture.clock.advance(4_000)
    await run(transaction, 'INSERT INTO t VALUES (2)')
    fixture.clock.advance(4_999)
    assert.equal(transaction.ended, null)
    fixture.clock.advance(1)
    assert.equal(codeOf(transaction), 'TRANSACTION_TIMEOUT')
    assert.match(messageOf(transaction), /was idle for more than 5000 ms/)
    await assert.rejects(run(transaction, 'SELECT 1'), { code: 'TRANSACTION_TIMEOUT' })
    await assert.rejects(transaction.commit(), { code: 'TRANSACTION_TIMEOUT' })
    await turn()
    await assertWriterIsFree(group)
    assert.deepEqual(fixture.read('SELECT a FROM t'), [])
  }))

test('open for too long, however busy: rolled back, told, nothing left open', () =>
  withGroup(async (group, fixture) => {
    const transaction = await group.begin(BEGIN)
    for (let second = 0; second < 10; second++) {
      await run(transaction, `INSERT INTO t VALUES (${second})`)
      fixture.clock.advance(1_000)
    }
    assert.match(messageOf(transaction), /was open for more than 10000 ms/)
    await turn()
    await assertWriterIsFree(group)
    assert.deepEqual(fixture.read('SELECT a FROM t'), [])
  }))

test('a timeout during a statement: its result is not given out, and the writer is free after it', () =>
  withGroup(async (group, fixture) => {
    const transaction = await group.begin(BEGIN)
    const { promise, resolve } = Promise.withResolvers<void>()
    fixture.faults.before = (method) => (method === 'execute' ? promise : undefined)
    const statementDone = run(transaction, 'INSERT INTO t VALUES (1)')
    await turn()
    fixture.clock.advance(10_000)
    resolve()
    await assert.rejects(statementDone, { code: 'TRANSACTION_TIMEOUT' })
    await turn()
    fixture.faults.before = () => {}
    await assertWriterIsFree(group)
  }))

test('no timer outlives its transaction', () =>
  withGroup(async (group, fixture) => {
    await group.submit(request('SELECT 1'))
    const before = fixture.clock.alarmCount
    const committed = await group.begin(BEGIN)
    await run(committed, 'INSERT INTO t VALUES (1)')
    await committed.commit()
    await (await group.begin(BEGIN)).rollback()
    assert.equal(fixture.clock.alarmCount, before)
  }))

test('transactions take the writer in the order in which they asked', () =>
  withGroup(async (group, fixture) => {
    const first = await group.begin(BEGIN)
    const order: string[] = []
    const later = ['second', 'third'].map(async (name) => {
      const transaction = await group.begin(BEGIN)
      order.push(name)
      await run(transaction, `INSERT INTO t VALUES ('${name}')`)
      await transaction.commit()
    })
    const batch = group.submit(request(`INSERT INTO t VALUES ('batch')`)).then(() => order.push('batch'))
    await turn()
    assert.equal(group.stats().waitingTransactions, 2)
    await first.commit()
    await Promise.all([...later, batch])
    assert.deepEqual(order, ['second', 'third', 'batch'])
    assert.deepEqual(fixture.read('SELECT a FROM t ORDER BY rowid'), order)
  }))

test('one that does not get the writer in time: TRANSACTION_BUSY, and it does not get it later', () =>
  withGroup(async (group, fixture) => {
    const first = await group.begin(BEGIN)
    const second = resultOf(group.begin(BEGIN) as never)
    await turn()
    fixture.clock.advance(1_000)
    assert.equal(await second, 'TRANSACTION_BUSY')
    await first.commit()
    await assertWriterIsFree(group)
  }))

test('too many that wait: OVERLOADED at once', () =>
  withGroup(
    async (group) => {
      const first = await group.begin(BEGIN)
      const waiting = group.begin(BEGIN)
      await assert.rejects(group.begin(BEGIN), { code: 'OVERLOADED' })
      await first.rollback()
      await (await waiting).rollback()
    },
    { waitingTransactionsMax: 1 },
  ))

test('a database that moved on since the client has read it: TRANSACTION_CONFLICT, before and after waiting', () =>
  withGroup(async (group) => {
    const snapshotIndex = group.appliedIndex
    const holder = await group.begin({ ...BEGIN, snapshotIndex })
    await run(holder, 'INSERT INTO t VALUES (1)')
    const waiting = group.begin({ ...BEGIN, snapshotIndex })
    await turn()
    await holder.commit()
    await assert.rejects(waiting, { code: 'TRANSACTION_CONFLICT' })
    await assert.rejects(group.begin({ ...BEGIN, snapshotIndex }), { code: 'TRANSACTION_CONFLICT' })
    const fresh = await group.begin({ ...BEGIN, snapshotIndex: group.appliedIndex })
    await fresh.rollback()
    await assertWriterIsFree(group)
  }))

test('a COMMIT that fails on the disk: unknown, over, and the journal takes no more', () =>
  withGroup(async (group, fixture) => {
    const transaction = await group.begin(BEGIN)
    await run(transaction, 'INSERT INTO t VALUES (1)')
    fixture.disk.beforeOperation = (operation) => {
      if (operation.kind === 'sync') throw toDiskError({ code: 'EIO' }, 'sync', operation.path)
    }
    await assert.rejects(transaction.commit(), { code: 'OUTCOME_UNKNOWN' })
    assert.equal(codeOf(transaction), 'OUTCOME_UNKNOWN')
    fixture.disk.beforeOperation = () => {}
    assert.deepEqual(fixture.read('SELECT a FROM t'), [])
    assert.equal(await resultOf(group.submit(request('INSERT INTO t VALUES (2)'))), 'DISK_FAILED')
  }))

test('a COMMIT that finds no space: nothing was done, and the writer is free', () =>
  withGroup(async (group, fixture) => {
    const transaction = await group.begin(BEGIN)
    await run(transaction, `INSERT INTO t VALUES ('${'x'.repeat(70_000)}')`)
    fixture.disk.capacityBytes = 0
    await assert.rejects(transaction.commit(), { code: 'DISK_FULL' })
    fixture.disk.capacityBytes = Number.POSITIVE_INFINITY
    assert.deepEqual(fixture.read('SELECT a FROM t'), [])
    await assertWriterIsFree(group)
  }))

test('an engine that dies under a transaction ends it and is replaced', () =>
  withGroup(async (group, fixture) => {
    const transaction = await group.begin(BEGIN)
    fixture.faults.before = (method) => {
      if (method === 'execute') throw new HarmonyError('INTERNAL', 'the thread ended')
    }
    await assert.rejects(run(transaction, 'INSERT INTO t VALUES (1)'), { code: 'INTERNAL' })
    assert.equal(codeOf(transaction), 'INTERNAL')
    fixture.faults.before = () => {}
    await assertWriterIsFree(group)
  }))

test('a statement that is stopped ends its transaction with STATEMENT_TIMEOUT; one of another database with TRANSACTION_CONFLICT', () =>
  withGroup(async (group, fixture) => {
    for (const [end, code] of [
      ['timeout', 'STATEMENT_TIMEOUT'],
      ['bystander', 'TRANSACTION_CONFLICT'],
    ] as const) {
      const transaction = await group.begin(BEGIN)
      await run(transaction, 'INSERT INTO t VALUES (1)')
      fixture.faults.before = (method) => {
        if (method === 'execute') throw new EngineEndedError(end, 'the process ended')
      }
      await assert.rejects(run(transaction, 'SELECT 1'), { code })
      assert.equal(codeOf(transaction), code)
      fixture.faults.before = () => {}
      await assertWriterIsFree(group)
    }
    assert.deepEqual(fixture.read('SELECT a FROM t'), [])
  }))

test('calls after the end say what happened', () =>
  withGroup(async (group) => {
    const transaction = await group.begin(BEGIN)
    await transaction.commit()
    await assert.rejects(run(transaction, 'SELECT 1'), { code: 'NO_TRANSACTION' })
    await assert.rejects(transaction.commit(), { code: 'NO_TRANSACTION' })
    await assert.rejects(transaction.rollback(), { code: 'NO_TRANSACTION' })
  }))

test('a used idempotency key is told', () =>
  withGroup(async (group) => {
    const keyed = { ...BEGIN, idempotencyKey: 'k' }
    const transaction = await group.begin(keyed)
    await run(transaction, 'INSERT INTO t VALUES (1)')
    await transaction.commit()
    await assert.rejects(group.begin(keyed), /idempotency key is committed already/)
    await assertWriterIsFree(group)
  }))

test('dropping the database ends it with DATABASE_NOT_FOUND', () =>
  withGroup(async (group) => {
    const transaction = await group.begin(BEGIN)
    const waiting = resultOf(group.submit(request('SELECT 1')))
    await group.drop()
    assert.equal(codeOf(transaction), 'DATABASE_NOT_FOUND')
    assert.equal(await waiting, 'DATABASE_NOT_FOUND')
    await assert.rejects(group.begin(BEGIN), { code: 'DATABASE_NOT_FOUND' })
  }))
