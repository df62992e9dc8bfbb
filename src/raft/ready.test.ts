/** What holds of every `Ready`, whatever is in it. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { entry, envelope, loneReplica } from './testing/build.ts'

test('what was handed out does not change afterwards', () => {
  const { raft } = loneReplica()
  raft.step({ ...envelope(2, 1, 1), type: 'heartbeat-request', commit: 0, round: 0, quiesce: false })
  const before = raft.ready()
  raft.requestRead(7)
  raft.ready()
  raft.step({ ...envelope(3, 1, 2), type: 'heartbeat-request', commit: 0, round: 0, quiesce: false })
  const after = raft.ready()
  assert.equal(after.readFailures.length, 1)
  assert.deepEqual([before.readFailures, before.readStates, before.messages.length], [[], [], 0])
})

test('nothing to do means nothing is handed out', () => {
  const { raft } = loneReplica()
  assert.equal(raft.hasReady(), false)
  const { messages, write, committed, readStates, readFailures, leadership } = raft.ready()
  assert.deepEqual([messages, committed, readStates, readFailures], [[], [], [], []])
  assert.deepEqual([write, leadership], [null, null])
})

test('what the state machine had applied before the start is committed, and handed out', () => {
  const log = [entry(1, 1), entry(2, 1), entry(3, 1)]
  const { raft } = loneReplica({ log, hardState: { term: 1, votedFor: null, commit: 1 } })
  assert.deepEqual(
    raft.ready().committed.map(({ index }) => index),
    [1],
  )
  raft.knownCommitted(9)
  assert.equal(raft.status().commit, 3, 'not beyond the log')
  assert.deepEqual(
    raft.ready().committed.map(({ index }) => index),
    [2, 3],
  )
  raft.knownCommitted(2)
  assert.equal(raft.status().commit, 3, 'it never goes back')
})
