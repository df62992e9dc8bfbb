/** What readers in other processes are told, and that they are told before there is any reason to ask. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { ReadPosition, TransactionOutcome } from '../base/transaction.ts'
import { withCluster } from './testing/group-cluster.ts'
import { request, withGroup } from './testing/group-fixture.ts'

const INSERT = request('INSERT INTO t VALUES (1)')

test('a sole voter tells its read index from the moment at which it leads, and the applied index after it', () =>
  withGroup(async (group) => {
    const told: ReadPosition[] = []
    group.onReadPosition((position) => told.push(position))
    assert.deepEqual(told, [{ readIndex: group.commitIndex, appliedIndex: group.commitIndex }])
    await group.submit(INSERT)
    const index = group.commitIndex
    assert.deepEqual(told.slice(1), [
      { readIndex: index, appliedIndex: index - 1 },
      { readIndex: index, appliedIndex: index },
    ])
  }))

test('the read index is told before the write is seen in the file, and before anybody hears of it, however early', () =>
  withGroup(async (group, fixture) => {
    const happened: string[] = []
    group.onReadPosition(({ readIndex }) => {
      const { length } = fixture.read('SELECT a FROM t')
      happened.push(`told ${readIndex}, ${length} rows in the file`)
    })
    happened.length = 0
    const first = group.commitIndex + 1
    const answered = (outcome: TransactionOutcome): void => void happened.push(`${outcome.kind}`)
    for (const isEarly of [false, true]) {
      const { promise, resolve, reject } = Promise.withResolvers<TransactionOutcome>()
      group.submitTo({ resolve, reject, isEarly }, INSERT)
      answered(await promise)
      await group.waitApplied(BigInt(group.commitIndex), 10_000)
    }
    // Whether the second answer or the applied index comes first is left open.
    assert.deepEqual(happened.slice(0, 4), [
      `told ${first}, 0 rows in the file`,
      `told ${first}, 1 rows in the file`,
      'committed',
      `told ${first + 1}, 1 rows in the file`,
    ])
  }))

test('with another member in the group somebody has to be asked, from the moment at which it belongs to it', () =>
  withCluster(
    async (cluster) => {
      const { group } = await cluster.awaitLeader()
      await group.submit(request('CREATE TABLE t (a)'))
      let position: ReadPosition | null = null
      group.onReadPosition((told) => (position = told))
      assert.notEqual((position as unknown as ReadPosition).readIndex, null)
      group.proposeMembership({
        kind: 'change',
        steps: [{ kind: 'add-learner', id: 2 }],
        autoLeave: true,
      })
      await cluster.until(() => (position as unknown as ReadPosition).readIndex === null)
      await group.submit(INSERT)
      assert.equal((position as unknown as ReadPosition).readIndex, null)
    },
    { members: 2, initial: { voters: [1], learners: [] } },
  ))

test('where somebody has to be asked that is told once, not with every entry', () =>
  withCluster(async (cluster) => {
    const { group } = await cluster.awaitLeader()
    const told: (number | null)[] = []
    group.onReadPosition(({ readIndex }) => told.push(readIndex))
    await group.submit(request('CREATE TABLE t (a)'))
    await group.submit(INSERT)
    assert.deepEqual(told, [null])
  }))

test('of a database that is closed or dropped nothing is told', () =>
  withGroup(async (group) => {
    const told: (number | null)[] = []
    group.onReadPosition(({ readIndex }) => told.push(readIndex))
    await group.close()
    assert.equal(told.at(-1), null)
  }))

test('nobody is told any more who has stopped listening', () =>
  withGroup(async (group) => {
    let count = 0
    const stop = group.onReadPosition(() => count++)
    stop()
    await group.submit(INSERT)
    assert.equal(count, 1)
  }))
