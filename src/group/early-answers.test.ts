/** Who hears of a commit before this member's own file has it, and what holds until the file does. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { TransactionOutcome, TransactionRequest } from '../base/transaction.ts'
import type { DatabaseGroup } from './database-group.ts'
import { request, withGroup } from './testing/group-fixture.ts'

const INSERT = request('INSERT INTO t VALUES (1)')

function submitEarly(group: DatabaseGroup, asked: TransactionRequest): Promise<TransactionOutcome> {
  return new Promise((resolve, reject) => group.submitTo({ resolve, reject, isEarly: true }, asked))
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const nothing = Symbol('pending')
  const soon = new Promise((resolve) => setTimeout(resolve, 20, nothing))
  return (await Promise.race([promise, soon])) === nothing
}

test('a session hears as soon as it is certain, and whoever reads from then on waits for the file', () =>
  withGroup(async (group, fixture) => {
    const { faults } = fixture
    const { promise: mayCommit, resolve: commit } = Promise.withResolvers<void>()
    faults.before = (method) => (method === 'commit' ? mayCommit : undefined)
    const before = group.appliedIndex
    const outcome = await submitEarly(group, INSERT)
    assert.equal(outcome.kind, 'committed')
    const index = outcome.kind === 'committed' ? outcome.index : 0n
    assert.equal(group.appliedIndex, before, 'the file has nothing yet')
    assert.equal(group.readIndexNow(), index)
    assert.equal(await group.readIndex(), index)
    const visible = group.waitApplied(index, 10_000)
    assert.ok(await isPending(visible))
    commit()
    await visible
    assert.equal(group.appliedIndex, index)
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1])
  }))

test('all others hear when the file has it, those in the same batch, too', () =>
  withGroup(async (group, fixture) => {
    const { faults } = fixture
    const { promise: mayCommit, resolve: commit } = Promise.withResolvers<void>()
    faults.before = (method) => (method === 'commit' ? mayCommit : undefined)
    const [late, early] = [group.submit(INSERT), submitEarly(group, INSERT)]
    assert.equal((await early).kind, 'committed')
    assert.ok(await isPending(late))
    commit()
    assert.equal((await late).kind, 'committed')
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1, 1])
  }))

test('what COMMIT itself may refuse is certain for nobody before', () =>
  withGroup(async (group, { faults }) => {
    await group.submit(request('CREATE TABLE parent (id INTEGER PRIMARY KEY)'))
    const child = 'CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)'
    await group.submit(request(child))
    const { promise: mayCommit, resolve: commit } = Promise.withResolvers<void>()
    faults.before = (method) => (method === 'commit' ? mayCommit : undefined)
    const answer = submitEarly(group, request('INSERT INTO child VALUES (1)'))
    assert.ok(await isPending(answer))
    commit()
    const outcome = await answer
    assert.equal(outcome.kind === 'failed' && outcome.error.code, 'SQLITE_CONSTRAINT_FOREIGNKEY')
  }))

test('the next batch is sent after the commit of those who have heard, whether others are waited for or not', () =>
  withGroup(
    async (group, { faults }) => {
      const sent: string[] = []
      // A commit takes its time, in which whatever is sent behind it shows.
      faults.before = async (method) => {
        if (method === 'commit') await new Promise((resolve) => setTimeout(resolve, 5))
        sent.push(...faults.sent.splice(0), `${method} done`)
      }
      faults.sent.length = 0
      for (let round = 0; round < 12; round++) {
        await Promise.all([submitEarly(group, INSERT), submitEarly(group, INSERT)])
        await group.waitApplied(await group.readIndex(), 10_000)
      }
      const one = ['executeBatch', 'executeBatch done', 'commit', 'commit done']
      assert.deepEqual(sent, Array.from({ length: 24 }, () => one).flat())
    },
    { batchRequestsMax: 1 },
  ))

test('where the file fails afterwards, the next engine gets the entry from the log, and who reads it waits', () =>
  withGroup(async (group, fixture) => {
    const { faults } = fixture
    let isFailing = true
    faults.before = (method) => {
      if (method === 'commit' && isFailing) throw new Error('the disk has an error')
    }
    const outcome = await submitEarly(group, INSERT)
    assert.equal(outcome.kind, 'committed')
    isFailing = false
    await group.waitApplied(await group.readIndex(), 10_000)
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1])
  }))

test('a member that dies before its file has what its clients have heard, has it after its next start', () =>
  withGroup(async (group, fixture) => {
    fixture.faults.before = (method) => {
      if (method === 'commit') throw new Error('the process is gone')
    }
    assert.equal((await submitEarly(group, INSERT)).kind, 'committed')
    const next = await fixture.reopen()
    fixture.faults.before = () => {}
    await next.wake()
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1])
  }))
