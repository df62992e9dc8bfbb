/** What a leader does with the question of a follower: an answer at once where the two are a quorum, a round of heartbeats where they are not. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { initialConfiguration, isJoint } from './membership.ts'
import type { Configuration } from './membership.ts'
import type { Message } from './message.ts'
import type { Raft } from './raft.ts'
import { bytes, envelope, firstGeneration, loneReplica, voters } from './testing/build.ts'

const REQUEST = 77

type Lone = ReturnType<typeof loneReplica>

/** Persists everything; the types of all messages that this lets out, with what they say of reads. */
function run({ raft, storage }: Lone): string[] {
  const sent: string[] = []
  while (raft.hasReady()) {
    const { messages, write, committed } = raft.ready()
    sent.push(...messages.map(told))
    if (write !== null) {
      storage.perform(write)
      raft.appended(write.number)
    }
    if (committed.length > 0) raft.applied(committed.at(-1)!.index)
  }
  return sent.filter((text) => text !== '')
}

function told(message: Message): string {
  if (message.type === 'heartbeat-request') return `heartbeat to ${message.to}`
  return message.type === 'read-index-response' ? `index ${message.index} to ${message.to}` : ''
}

/** Leads term 1; others have voted, and acknowledged nothing. */
function leader(configuration: Configuration): Lone {
  const lone = loneReplica({ configuration })
  lone.raft.step({ ...envelope(2, 1, 0), type: 'timeout-now' })
  run(lone)
  for (const { id } of configuration.voters.slice(1))
    lone.raft.step({ ...envelope(id, 1, 1), type: 'vote-response', granted: true })
  assert.equal(lone.raft.role, 'leader')
  run(lone)
  return lone
}

function accept({ raft }: Lone, from: number, index: number): void {
  raft.step({ ...envelope(from, 1, 1), type: 'append-accepted', index })
}

function ask(raft: Raft, from: number, fromGeneration = 1): void {
  raft.step({ ...envelope(from, 1, 1), fromGeneration, type: 'read-index-request', request: REQUEST })
}

/** Knows that its empty entry at index 1 is committed. */
function settledLeader(configuration: Configuration): Lone {
  const lone = leader(configuration)
  for (const { id } of configuration.voters.slice(1)) accept(lone, id, 1)
  run(lone)
  return lone
}

test('of three voters the leader and the one that asks are a quorum: it is answered at once, with what is committed then', () => {
  const lone = settledLeader(voters(3))
  lone.raft.propose([bytes('x')])
  run(lone)
  ask(lone.raft, 3)
  assert.deepEqual(run(lone), ['index 1 to 3'])
  accept(lone, 2, 2)
  run(lone)
  ask(lone.raft, 3)
  assert.deepEqual(run(lone), ['index 2 to 3'])
})

test('a leader that has not committed an entry of its own term lets it wait', () => {
  const lone = leader(voters(3))
  ask(lone.raft, 3)
  assert.deepEqual(run(lone), [])
  accept(lone, 2, 1)
  assert.deepEqual(run(lone), ['heartbeat to 2', 'heartbeat to 3'])
})

test('of five voters two are not enough: a round of heartbeats is answered first', () => {
  const lone = settledLeader(voters(5))
  ask(lone.raft, 3)
  assert.deepEqual(run(lone).length, 4)
  for (const from of [2, 4]) lone.raft.step({ ...envelope(from, 1, 1), type: 'heartbeat-response', round: 1 })
  assert.deepEqual(run(lone), ['index 1 to 3'])
})

test('the question of a learner confirms nothing', () => {
  const configuration = initialConfiguration([1, 2, 3].map(firstGeneration), [firstGeneration(4)])
  const lone = settledLeader(configuration)
  ask(lone.raft, 4)
  assert.deepEqual(run(lone), ['heartbeat to 2', 'heartbeat to 3', 'heartbeat to 4'])
})

test('nor does that of another replica of a voter’s member: it may have voted for nobody yet', () => {
  const lone = settledLeader(voters(3))
  ask(lone.raft, 3, 2)
  assert.deepEqual(run(lone), ['heartbeat to 2', 'heartbeat to 3'])
})

test('in a joint configuration the two must be a quorum of both', () => {
  const lone = settledLeader(voters(3))
  const steps = [4, 5].map((id) => ({ kind: 'add-voter', id }) as const)
  const change = lone.raft.proposeMembership({ kind: 'change', steps, autoLeave: false })
  assert.equal(change.accepted, true)
  run(lone)
  assert.equal(isJoint(lone.raft.configuration), true)
  ask(lone.raft, 3)
  assert.equal(run(lone).filter((text) => text.startsWith('heartbeat')).length, 4)
})
