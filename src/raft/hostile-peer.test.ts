/**
 * Nothing that a peer sends may make the core throw: messages with random fields, in any role, at any moment, and
 * messages that are not even shaped like one.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { encodeConfiguration } from './configuration-codec.ts'
import type { Entry } from './entry.ts'
import { initialConfiguration } from './membership.ts'
import type { Configuration } from './membership.ts'
import type { Message } from './message.ts'
import { envelope, firstGeneration, loneReplica, voters } from './testing/build.ts'
import { RandomValues } from './testing/random-values.ts'

function randomConfiguration(random: RandomValues, index: number): Configuration {
  const ids = random.subset([1, 2, 3, 4, 5])
  const configuration = initialConfiguration((ids.length > 0 ? ids : [2]).map(firstGeneration))
  const votersOutgoing = random.chance(40) ? random.subset([1, 2, 3, 4]).map(firstGeneration) : []
  const autoLeave = votersOutgoing.length > 0 && random.chance(50)
  return { ...configuration, index, votersOutgoing, autoLeave }
}

function randomEntries(
  random: RandomValues,
  previousIndex: number,
  previousTerm: number,
  term: number,
): Entry[] {
  const entries: Entry[] = []
  let entryTerm = Math.max(1, previousTerm)
  for (let at = 1; at <= random.below(4); at += 1) {
    entryTerm = random.between(entryTerm, Math.max(entryTerm, term))
    const index = previousIndex + at
    const isMembership = random.chance(20)
    const data = isMembership ? encodeConfiguration(randomConfiguration(random, index)) : new Uint8Array(2)
    entries.push({ index, term: entryTerm, kind: isMembership ? 'membership' : 'command', data })
  }
  return entries
}

function randomMessage(random: RandomValues, near: { term: number; lastIndex: number }): Message {
  const term = random.between(Math.max(0, near.term - 1), near.term + (random.chance(10) ? 1 : 0))
  const base = { ...envelope(random.between(2, 5), 1, term), fromGeneration: random.between(1, 2) }
  const index = (): number => random.between(0, near.lastIndex + 3)
  const granted = random.chance(50)
  const previousIndex = index()
  const previousTerm = random.between(0, term)
  const options: (() => Message)[] = [
    () => ({ ...base, type: 'pre-vote-request', lastIndex: index(), lastTerm: previousTerm }),
    () => ({ ...base, type: 'pre-vote-response', granted }),
    () => ({ ...base, type: 'vote-request', lastIndex: index(), lastTerm: previousTerm, forced: granted }),
    () => ({ ...base, type: 'vote-response', granted: true }),
    () => {
      const entries = randomEntries(random, previousIndex, previousTerm, term)
      return { ...base, type: 'append-request', previousIndex, previousTerm, entries, commit: index() }
    },
    () => ({ ...base, type: 'append-accepted', index: index() }),
    () => ({ ...base, type: 'append-rejected', previousIndex, hintIndex: index(), hintTerm: previousTerm }),
    () => ({ ...base, type: 'stale-leader' }),
    () => ({ ...base, type: 'heartbeat-request', commit: index(), round: random.below(5), quiesce: granted }),
    () => ({ ...base, type: 'heartbeat-response', round: random.below(5) }),
    () => {
      const snapshot = {
        index: index(),
        term: previousTerm,
        configuration: randomConfiguration(random, random.below(previousIndex + 1)),
      }
      return { ...base, type: 'snapshot-request', snapshot }
    },
    () => ({ ...base, type: 'timeout-now' }),
    () => ({ ...base, type: 'read-index-request', request: random.below(9) }),
    () => ({ ...base, type: 'read-index-response', request: random.below(9), index: index() }),
    () => ({ ...base, type: 'wake-request' }),
  ]
  return random.pick(options)()
}

type Lone = ReturnType<typeof loneReplica>

/** A host that is honest, and slow at random. */
function hostTurn(
  { raft, storage }: Lone,
  random: RandomValues,
  underWay: number[],
  state: { applied: number },
): void {
  if (random.chance(30)) raft.tick()
  if (random.chance(5)) raft.propose([new Uint8Array(3)])
  if (random.chance(3)) raft.requestRead(1)
  if (random.chance(2)) raft.transferLeadership(random.between(1, 5))
  if (random.chance(2))
    raft.proposeMembership({
      kind: 'change',
      steps: [{ kind: random.pick(['remove', 'add-voter', 'demote']), id: random.between(1, 5) }],
      autoLeave: true,
    })
  if (random.chance(2)) raft.quiesce()
  if (random.chance(2)) raft.reportSnapshot(random.between(2, 5), 'failed')
  if (random.chance(50)) {
    const { write, committed } = raft.ready()
    if (write !== null) {
      storage.perform(write)
      underWay.push(write.number)
      if (write.snapshot !== null) state.applied = write.snapshot.index
    }
    if (committed.length > 0) {
      state.applied = committed.at(-1)!.index
      raft.applied(state.applied)
    }
  }
  if (underWay.length > 0 && random.chance(60))
    raft.appended(underWay.splice(random.below(underWay.length), 1)[0]!)
  const { applied, installingSnapshot } = raft.status()
  if (random.chance(2) && applied > 0 && !installingSnapshot) {
    const base = raft.compact(random.between(raft.status().firstIndex - 1, applied))
    if (base !== null) storage.compact(base)
  }
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`60,000 messages with random fields, seed ${seed}`, () => {
    const random = new RandomValues(seed)
    const roles = new Set<string>()
    for (let life = 0; life < 60; life += 1) {
      const lone = loneReplica({ configuration: voters(random.between(1, 4)) })
      const underWay: number[] = []
      const state = { applied: 0 }
      for (let step = 0; step < 1000; step += 1) {
        const { term, lastIndex, removed } = lone.raft.status()
        if (removed) break
        lone.raft.step(randomMessage(random, { term, lastIndex }))
        hostTurn(lone, random, underWay, state)
        roles.add(lone.raft.role)
      }
    }
    assert.deepEqual([...roles].sort(), ['candidate', 'follower', 'leader', 'pre-candidate'])
  })
}

const GARBAGE: readonly unknown[] = [
  undefined,
  null,
  NaN,
  -1,
  0.5,
  2 ** 53,
  Infinity,
  'x',
  {},
  [],
  [null],
  true,
  new Uint8Array(1),
]

test('each field of each message replaced by garbage: dropped and counted, or harmless', () => {
  const random = new RandomValues(7)
  const { raft } = loneReplica()
  for (let round = 0; round < 3000; round += 1) {
    const message: Record<string, unknown> = { ...randomMessage(random, { term: 3, lastIndex: 3 }) }
    const field = random.pick(Object.keys(message))
    message[field] = random.pick(GARBAGE)
    raft.step(message as unknown as Message)
  }
  assert.equal((raft.status().dropped['malformed'] ?? 0) > 1000, true)
})

test('what is not a message at all is dropped and counted', () => {
  const { raft } = loneReplica()
  for (const garbage of GARBAGE) raft.step(garbage as Message)
  assert.deepEqual(raft.status().dropped, { malformed: GARBAGE.length })
})

function requestWith(entries: unknown[]): Message {
  return {
    ...envelope(2, 1, 3),
    type: 'append-request',
    previousIndex: 0,
    previousTerm: 0,
    entries,
    commit: 0,
  } as Message
}

test('entries that do not fit together are malformed', () => {
  const { raft } = loneReplica()
  const good = { index: 1, term: 1, kind: 'command', data: new Uint8Array(1) }
  const bad: unknown[][] = [
    [{ ...good, index: 2 }],
    [{ ...good, term: 4 }],
    [{ ...good, term: 0 }],
    [good, { ...good, index: 3 }],
    [
      { ...good, term: 2 },
      { ...good, index: 2 },
    ],
    [{ ...good, kind: 'other' }],
    [{ ...good, kind: 'membership' }],
    [{ ...good, data: [1] }],
    [null],
  ]
  for (const entries of bad) raft.step(requestWith(entries))
  assert.deepEqual([raft.status().dropped, raft.status().lastIndex], [{ malformed: bad.length }, 0])
  raft.step(requestWith([good]))
  assert.equal(raft.status().lastIndex, 1)
})
