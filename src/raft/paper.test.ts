/**
 * What the Raft paper (cited by its sections and figures) and Ongaro's thesis say, sentence by sentence, as tests. What
 * stands in quotation marks follows their wording, shortened to the part that the test is about.
 */

import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { DEFAULT_RAFT_CONFIG } from './config.ts'
import type { Entry, SnapshotMetadata } from './entry.ts'
import { initialConfiguration, isJoint } from './membership.ts'
import type { MembershipStep } from './membership.ts'
import type { AppendRequest, Message, MessageType } from './message.ts'
import type { Raft } from './raft.ts'
import type { Ready } from './ready.ts'
import { bytes, entry, envelope, firstGeneration, logOf, loneReplica, voters } from './testing/build.ts'
import type { LoneReplicaOptions } from './testing/build.ts'
import { TestCluster } from './testing/test-cluster.ts'

const TIMEOUT_TICKS = DEFAULT_RAFT_CONFIG.electionTimeoutTicks

type Lone = ReturnType<typeof loneReplica>

/** Takes and persists everything; all messages that this lets out. */
function run({ raft, storage }: Lone): Message[] {
  const messages: Message[] = []
  while (raft.hasReady()) {
    const ready = raft.ready()
    messages.push(...ready.messages)
    if (ready.write !== null) {
      storage.perform(ready.write)
      raft.appended(ready.write.number)
    }
    if (ready.committed.length > 0) raft.applied(ready.committed.at(-1)!.index)
  }
  return messages
}

function only<Type extends MessageType>(
  messages: readonly Message[],
  type: Type,
): Extract<Message, { type: Type }>[] {
  return messages.filter((message): message is Extract<Message, { type: Type }> => message.type === type)
}

function tickUntil(raft: Raft, condition: () => boolean): number {
  for (let ticks = 1; ticks <= 100; ticks += 1) {
    raft.tick()
    if (condition()) return ticks
  }
  return assert.fail('it never happens')
}

/** A candidate of the term after its log's, which has voted for itself and asked the others. */
function candidate(options: LoneReplicaOptions = {}): Lone & { sent: Message[] } {
  const lone = loneReplica(options)
  const { term } = lone.raft
  lone.raft.step({ ...envelope(2, options.id ?? 1, term), type: 'timeout-now' })
  const sent = run(lone)
  assert.equal(lone.raft.term, term + 1)
  return { ...lone, sent }
}

/** A leader whose peers are the test; its empty entry is on its own disk. */
function leader(options: LoneReplicaOptions = {}): Lone & { sent: Message[] } {
  const lone = candidate(options)
  const votes = Math.floor((options.configuration ?? voters(3)).voters.length / 2)
  for (let id = 2; id < 2 + votes; id += 1)
    lone.raft.step({ ...envelope(id, 1, lone.raft.term), type: 'vote-response', granted: true })
  assert.equal(lone.raft.role, 'leader')
  return { ...lone, sent: [...lone.sent, ...run(lone)] }
}

function accept({ raft }: { raft: Raft }, from: number, index: number): void {
  raft.step({ ...envelope(from, 1, raft.term), type: 'append-accepted', index })
}

function append(term: number, previous: Entry | null, entries: Entry[], commit = 0, to = 2): AppendRequest {
  const previousIndex = previous?.index ?? 0
  const previousTerm = previous?.term ?? 0
  return { ...envelope(1, to, term), type: 'append-request', previousIndex, previousTerm, entries, commit }
}

function heartbeat(from: number, to: number, term: number): Message {
  return { ...envelope(from, to, term), type: 'heartbeat-request', commit: 0, round: 0, quiesce: false }
}

function voteRequest(from: number, to: number, term: number, forced = false): Message {
  return { ...envelope(from, to, term), type: 'vote-request', lastIndex: 0, lastTerm: 0, forced }
}

function granted(messages: readonly Message[]): boolean[] {
  return only(messages, 'vote-response').map((vote) => vote.granted)
}

function textsOf(raft: Raft): string[] {
  const { firstIndex, lastIndex } = raft.status()
  return raft.entries(firstIndex, lastIndex + 1).map(({ term, index }) => `${term}/${index}`)
}

function electedCluster(count = 3): TestCluster {
  const cluster = new TestCluster(Array.from({ length: count }, (_, at) => at + 1))
  cluster.elect(1)
  return cluster
}

function change(cluster: TestCluster, ...steps: MembershipStep[]): void {
  const result = cluster.replica(1).raft.proposeMembership({ kind: 'change', steps, autoLeave: true })
  assert.equal(result.accepted, true)
}

describe('§5.1 Raft basics', () => {
  for (const role of ['follower', 'candidate', 'leader'] as const) {
    const make = { follower: loneReplica, candidate, leader }[role]
    test(`"if one server's current term is smaller than the other's, then it updates its current term": a ${role}`, () => {
      const { raft } = make()
      raft.step(heartbeat(2, 1, 9))
      assert.deepEqual([raft.term, raft.role], [9, 'follower'])
    })
  }

  test('"if a candidate or leader discovers that its term is out of date, it immediately reverts to follower state"', () => {
    const { raft } = leader()
    raft.step({ ...envelope(3, 1, 5), type: 'append-accepted', index: 0 })
    assert.deepEqual([raft.term, raft.role, raft.leader], [5, 'follower', null])
  })

  test('"if a server receives a request with a stale term number, it rejects the request"', () => {
    const lone = loneReplica({ id: 2, hardState: { term: 5, votedFor: null, commit: 0 } })
    lone.raft.step(append(4, null, logOf(4)))
    lone.raft.step(voteRequest(3, 2, 4))
    const answers = run(lone)
    assert.deepEqual(
      answers.map(({ type, term }) => [type, term]),
      [
        ['stale-leader', 5],
        ['vote-response', 5],
      ],
    )
    assert.deepEqual(granted(answers), [false])
    assert.equal(lone.raft.status().lastIndex, 0)
  })
})

describe('§5.2 Leader election', () => {
  test('"when servers start up, they begin as followers"', () => {
    assert.equal(loneReplica().raft.role, 'follower')
  })

  test('"leaders send periodic heartbeats to all followers in order to maintain their authority"', () => {
    const lone = leader()
    for (let round = 0; round < 3; round += 1) {
      for (let tick = 0; tick < DEFAULT_RAFT_CONFIG.heartbeatTicks; tick += 1) lone.raft.tick()
      assert.deepEqual(
        only(run(lone), 'heartbeat-request').map(({ to }) => to),
        [2, 3],
      )
    }
  })

  test('"a server remains in follower state as long as it receives valid RPCs from a leader or candidate"', () => {
    const { raft } = loneReplica()
    for (let tick = 0; tick < 10 * TIMEOUT_TICKS; tick += 1) {
      raft.tick()
      raft.step(heartbeat(2, 1, 1))
    }
    assert.equal(raft.role, 'follower')
  })

  test('"if a follower receives no communication over the election timeout, it begins an election"', () => {
    const { raft } = loneReplica()
    const ticks = tickUntil(raft, () => raft.role !== 'follower')
    assert.equal(ticks >= TIMEOUT_TICKS && ticks < 2 * TIMEOUT_TICKS, true)
  })

  test('"to begin an election, a follower increments its current term and transitions to candidate state"', () => {
    const { raft } = candidate({ log: logOf(3) })
    assert.deepEqual([raft.term, raft.role], [4, 'candidate'])
  })

  test('"it then votes for itself and issues RequestVote RPCs in parallel to each of the other servers"', () => {
    const lone = loneReplica({ configuration: voters(5) })
    lone.raft.step({ ...envelope(2, 1, 0), type: 'timeout-now' })
    assert.deepEqual(
      only(run(lone), 'vote-request').map(({ to }) => to),
      [2, 3, 4, 5],
    )
    assert.deepEqual(lone.raft.status().votedFor, firstGeneration(1))
  })

  const elections: [servers: number, votes: number, role: string][] = [
    [1, 0, 'leader'],
    [3, 0, 'candidate'],
    [3, 1, 'leader'],
    [5, 1, 'candidate'],
    [5, 2, 'leader'],
    [5, 4, 'leader'],
  ]
  for (const [servers, votes, role] of elections) {
    test(`"a candidate wins if it receives votes from a majority": ${votes} besides its own of ${servers}`, () => {
      const lone = loneReplica({ configuration: voters(servers) })
      lone.raft.step({ ...envelope(2, 1, 0), type: 'timeout-now' })
      run(lone)
      for (let id = 2; id < 2 + votes; id += 1)
        lone.raft.step({ ...envelope(id, 1, 1), type: 'vote-response', granted: true })
      assert.equal(lone.raft.role, role)
    })
  }

  test('a candidate that a majority refuses has lost', () => {
    const { raft } = candidate({ configuration: voters(3) })
    for (const id of [2, 3]) raft.step({ ...envelope(id, 1, 1), type: 'vote-response', granted: false })
    assert.equal(raft.role, 'follower')
  })

  test('"each server will vote for at most one candidate in a given term, on a first-come-first-served basis"', () => {
    const lone = loneReplica({ id: 3 })
    lone.raft.step(voteRequest(1, 3, 1))
    lone.raft.step(voteRequest(2, 3, 1))
    assert.deepEqual(granted(run(lone)), [true, false])
    lone.raft.step(voteRequest(1, 3, 1))
    assert.deepEqual(granted(run(lone)), [true], 'a repeated request gets the same answer')
  })

  test('the vote outlives a restart (Figure 2: votedFor is persistent)', () => {
    const before = loneReplica({ id: 3 })
    before.raft.step(voteRequest(1, 3, 1))
    run(before)
    const after = loneReplica({ id: 3, hardState: before.storage.hardState })
    after.raft.step(voteRequest(2, 3, 1))
    assert.deepEqual(granted(run(after)), [false])
  })

  test('"if the leader\'s term is at least as large as the candidate\'s current term, then the candidate returns to follower state"', () => {
    for (const term of [1, 2]) {
      const { raft } = candidate()
      raft.step(heartbeat(2, 1, term))
      assert.deepEqual([raft.role, raft.leader], ['follower', firstGeneration(2)])
    }
  })

  test('"if the term in the RPC is smaller, then the candidate rejects the RPC and continues in candidate state"', () => {
    const lone = candidate({ log: logOf(3) })
    lone.raft.step(heartbeat(2, 1, 3))
    assert.equal(lone.raft.role, 'candidate')
    assert.equal(only(run(lone), 'stale-leader').length, 1)
  })

  test('"election timeouts are chosen randomly from a fixed interval": all of [T, 2T), anew for each election', () => {
    const seen = new Set<number>()
    const { raft } = loneReplica()
    for (let election = 0; election < 300; election += 1) {
      raft.step(heartbeat(2, 1, raft.term + 1))
      seen.add(tickUntil(raft, () => raft.role !== 'follower'))
    }
    const expected = Array.from({ length: TIMEOUT_TICKS }, (_, at) => TIMEOUT_TICKS + at)
    assert.deepEqual(
      [...seen].sort((left, right) => left - right),
      expected,
    )
  })

  test('"when this happens, each candidate will time out and start a new election": after a split vote', () => {
    const { raft } = candidate()
    raft.step({ ...envelope(2, 1, 1), type: 'vote-response', granted: false })
    tickUntil(raft, () => raft.role === 'pre-candidate')
    assert.equal(raft.term, 1)
  })
})

describe('§5.3 Log replication', () => {
  test('"the leader appends the command to its log as a new entry, then issues AppendEntries RPCs in parallel to each of the other servers"', () => {
    const lone = leader()
    for (const id of [2, 3]) accept(lone, id, 1)
    run(lone)
    lone.raft.propose([bytes('x')])
    const requests = only(run(lone), 'append-request').filter(({ entries }) => entries.length > 0)
    assert.deepEqual(
      requests.map(({ to, previousIndex, previousTerm }) => [to, previousIndex, previousTerm]),
      [
        [2, 1, 1],
        [3, 1, 1],
      ],
    )
    assert.deepEqual(requests[0]!.entries, [{ index: 2, term: 1, kind: 'command', data: bytes('x') }])
  })

  const commits: [servers: number, acknowledged: number, committed: boolean][] = [
    [1, 0, true],
    [3, 0, false],
    [3, 1, true],
    [5, 1, false],
    [5, 2, true],
  ]
  for (const [servers, acknowledged, committed] of commits) {
    test(`"a log entry is committed once the leader has replicated it on a majority": on ${acknowledged + 1} of ${servers}`, () => {
      const lone = leader({ configuration: voters(servers) })
      for (let id = 2; id < 2 + acknowledged; id += 1) accept(lone, id, 1)
      assert.equal(lone.raft.commit, committed ? 1 : 0)
    })
  }

  test('"this also commits all preceding entries in the leader\'s log, including entries created by previous leaders"', () => {
    const lone = leader({ log: logOf(1, 1, 2) })
    accept(lone, 2, 4)
    const committed = [...lone.raft.ready().committed, ...lone.raft.ready().committed]
    assert.deepEqual(
      committed.map(({ index }) => index),
      [1, 2, 3, 4],
    )
  })

  test('"it includes that index in future AppendEntries RPCs (including heartbeats) so that the other servers eventually find out"', () => {
    const lone = leader()
    accept(lone, 2, 1)
    assert.deepEqual(
      only(run(lone), 'append-request').map(({ to, commit }) => [to, commit]),
      [[2, 1]],
    )
    lone.raft.tick()
    assert.deepEqual(
      only(run(lone), 'heartbeat-request').map(({ to, commit }) => [to, commit]),
      [
        [2, 1],
        [3, 0],
      ],
    )
  })

  test('"once a follower learns that a log entry is committed, it applies the entry to its local state machine (in log order)"', () => {
    const { raft, storage } = loneReplica({ id: 2 })
    raft.step(append(1, null, logOf(1, 1, 1), 2))
    const { write } = raft.ready()
    storage.perform(write!)
    raft.appended(write!.number)
    assert.deepEqual(
      raft.ready().committed.map(({ index }) => index),
      [1, 2],
    )
  })

  test('"if the follower does not find an entry in its log with the same index and term, then it refuses the new entries"', () => {
    const log = logOf(1, 2)
    for (const previous of [entry(2, 1), entry(3, 2), entry(3, 3)]) {
      const lone = loneReplica({ id: 2, log })
      lone.raft.step(append(3, previous, [entry(previous.index + 1, 3)]))
      assert.deepEqual(
        only(run(lone), 'append-rejected').map(({ previousIndex }) => previousIndex),
        [previous.index],
      )
      assert.deepEqual(textsOf(lone.raft), ['1/1', '2/2'])
    }
  })

  test('"conflicting entries in follower logs will be overwritten with entries from the leader\'s log"', () => {
    const cases: [previous: Entry | null, entries: Entry[], log: string[]][] = [
      [entry(2, 2), [entry(3, 3)], ['1/1', '2/2', '3/3']],
      [entry(1, 1), [entry(2, 3), entry(3, 4)], ['1/1', '3/2', '4/3']],
      [null, [entry(1, 1)], ['1/1', '2/2']],
      [null, [entry(1, 3)], ['3/1']],
    ]
    for (const [previous, entries, log] of cases) {
      const { raft } = loneReplica({ id: 2, log: logOf(1, 2) })
      raft.step(append(5, previous, entries))
      assert.deepEqual(textsOf(raft), log)
    }
  })

  test('"the leader initializes all nextIndex values to the index just after the last one in its log" (Figure 7)', () => {
    const { raft } = leader({ log: logOf(1, 1, 2) })
    assert.deepEqual(
      raft.status().followers.map(({ match, next }) => [match, next]),
      [
        [0, 4],
        [0, 4],
      ],
    )
  })

  const figure7: Record<string, number[]> = {
    a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
    b: [1, 1, 1, 4],
    c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    e: [1, 1, 1, 4, 4, 4, 4],
    f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  }
  for (const [name, terms] of Object.entries(figure7)) {
    test(`"the leader must find the latest log entry where the two logs agree": follower (${name}) of Figure 7`, () => {
      const log = logOf(1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
      const lead = candidate({ log, hardState: { term: 7, votedFor: null, commit: 0 } })
      // Whoever the third is, it votes for this leader.
      lead.raft.step({ ...envelope(3, 1, 8), type: 'vote-response', granted: true })
      const follower = loneReplica({
        id: 2,
        log: logOf(...terms),
        hardState: { term: 7, votedFor: null, commit: 0 },
      })
      let exchanges = 0
      for (let sent = run(lead); sent.length > 0; sent = run(lead)) {
        for (const message of sent) if (message.to === 2) follower.raft.step(message)
        for (const answer of run(follower)) lead.raft.step(answer)
        exchanges += 1
      }
      assert.deepEqual(textsOf(follower.raft), textsOf(lead.raft))
      assert.equal(exchanges <= 6, true, 'a term at a time, not an entry at a time')
    })
  }

  test('"the leader retries AppendEntries RPCs indefinitely until all followers eventually store all log entries"', () => {
    const lone = leader()
    for (const id of [2, 3]) accept(lone, id, 1)
    lone.raft.propose([bytes('x')])
    run(lone) // Lost.
    for (let attempt = 0; attempt < 5; attempt += 1) {
      lone.raft.step({ ...envelope(2, 1, 1), type: 'heartbeat-response', round: 0 })
      const [request] = only(run(lone), 'append-request').filter(({ to }) => to === 2)
      assert.equal(request?.previousIndex, 2, 'asks whether the entry arrived')
    }
    lone.raft.step({
      ...envelope(2, 1, 1),
      type: 'append-rejected',
      previousIndex: 2,
      hintIndex: 1,
      hintTerm: 1,
    })
    const [again] = only(run(lone), 'append-request')
    assert.deepEqual(
      again?.entries.map(({ index }) => index),
      [2],
    )
  })

  test('Leader Append-Only: "a leader never overwrites or deletes entries in its log" (Figure 3)', () => {
    const { raft } = leader({ log: logOf(1, 1) })
    const before = textsOf(raft)
    raft.step({ ...append(raft.term, entry(1, 1), [entry(2, 2)], 0, 1), from: 2 })
    assert.deepEqual(textsOf(raft), before)
    assert.deepEqual(raft.status().dropped, { 'second-leader': 1 })
  })

  test('"set commitIndex = min(leaderCommit, index of last new entry)" (Figure 2)', () => {
    const cases: [entries: Entry[], leaderCommit: number, commit: number][] = [
      [[], 3, 1],
      [[entry(2, 1)], 3, 2],
      [[entry(2, 1), entry(3, 1)], 2, 2],
    ]
    for (const [entries, leaderCommit, commit] of cases) {
      const { raft } = loneReplica({ id: 2, log: logOf(1, 1, 1) })
      raft.step(append(1, entry(1, 1), entries, leaderCommit))
      assert.equal(raft.commit, commit)
    }
  })
})

describe('§5.4 Safety', () => {
  const freshness: [name: string, terms: number[], lastTerm: number, lastIndex: number, vote: boolean][] = [
    ['a later last term, though shorter', [1, 1, 1], 2, 1, true],
    ['the same last term and as long', [1, 1], 1, 2, true],
    ['the same last term and longer', [1, 1], 1, 3, true],
    ['the same last term and shorter', [1, 1], 1, 1, false],
    ['an earlier last term, though longer', [1, 2], 1, 9, false],
  ]
  for (const [name, terms, lastTerm, lastIndex, vote] of freshness) {
    test(`§5.4.1 "the voter denies its vote if its own log is more up-to-date": ${name}`, () => {
      const lone = loneReplica({ id: 2, log: logOf(...terms) })
      lone.raft.step({ ...envelope(1, 2, 9), type: 'vote-request', lastIndex, lastTerm, forced: false })
      assert.deepEqual(granted(run(lone)), [vote])
    })
  }

  test('§5.4.2 "only log entries from the leader\'s current term are committed by counting replicas"', () => {
    const lone = leader({ log: logOf(1, 2) })
    accept(lone, 2, 2)
    accept(lone, 3, 2)
    assert.equal(lone.raft.commit, 0)
    accept(lone, 2, 3)
    assert.equal(lone.raft.commit, 3)
  })

  test('§5.5 "Raft RPCs are idempotent": a repeated request is answered and changes nothing', () => {
    const lone = loneReplica({ id: 2 })
    const request = append(1, null, logOf(1, 1), 1)
    lone.raft.step(request)
    const first = run(lone)
    const log = textsOf(lone.raft)
    lone.raft.step(request)
    const second = run(lone)
    assert.deepEqual(textsOf(lone.raft), log)
    assert.deepEqual(
      second.map(({ type }) => type),
      first.map(({ type }) => type),
    )
  })

  test('Figure 2 "updated on stable storage before responding to RPCs"', () => {
    const { raft, storage } = loneReplica({ id: 2 })
    raft.step(voteRequest(1, 2, 1))
    const { messages, write } = raft.ready()
    assert.deepEqual(messages, [])
    storage.perform(write!)
    raft.appended(write!.number)
    assert.deepEqual(granted(raft.ready().messages), [true])
  })
})

/** The first generation that is given out in term 1. */
const NEW = 2 ** 20

/** C_old = 1 2 3, C_new = 1 4 5, appended and not acknowledged by anyone. */
function jointLeader(): Lone {
  const lone = leader()
  for (const id of [2, 3]) accept(lone, id, 1)
  const steps = [2, 3].map((id) => ({ kind: 'remove', id }) as const)
  const added = [4, 5].map((id) => ({ kind: 'add-voter', id }) as const)
  const result = lone.raft.proposeMembership({
    kind: 'change',
    steps: [...steps, ...added],
    autoLeave: true,
  })
  assert.equal(result.accepted, true)
  return lone
}

function acceptAs(lone: Lone, from: number, generation: number, index: number): void {
  const { raft } = lone
  raft.step({ ...envelope(from, 1, raft.term), fromGeneration: generation, type: 'append-accepted', index })
}

describe('§6 Cluster membership changes', () => {
  test('"once a given server adds the new configuration entry to its log, it uses that configuration for all future decisions"', () => {
    const lone = jointLeader()
    assert.equal(isJoint(lone.raft.configuration), true)
    assert.equal(lone.raft.commit, 1)
  })

  test('"log entries are replicated to all servers in both configurations"', () => {
    const requests = only(run(jointLeader()), 'append-request')
    assert.deepEqual([...new Set(requests.map(({ to }) => to))], [2, 3, 4, 5])
  })

  test('"agreement (for elections and entry commitment) requires separate majorities from both the old and new configurations"', () => {
    const old = jointLeader()
    run(old)
    for (const id of [2, 3]) acceptAs(old, id, 1, 2)
    assert.equal(old.raft.commit, 1, 'the old majority is not enough')
    acceptAs(old, 4, NEW, 2)
    assert.equal(old.raft.commit, 2)
    const fresh = jointLeader()
    run(fresh)
    for (const id of [4, 5]) acceptAs(fresh, id, NEW, 2)
    assert.equal(fresh.raft.commit, 1, 'the new majority is not enough')
  })

  test('"once C_old,new has been committed, the leader creates a log entry describing C_new": once', () => {
    const cluster = electedCluster()
    change(cluster, { kind: 'remove', id: 2 }, { kind: 'add-voter', id: 4 })
    cluster.stabilize()
    const kinds = cluster
      .replica(1)
      .raft.entries(1, 99)
      .map(({ kind }) => kind)
    assert.deepEqual(kinds, ['empty', 'membership', 'membership'])
    assert.equal(isJoint(cluster.replica(1).raft.configuration), false)
  })

  test('"new servers may not initially store any log entries": they join as learners, which have no vote', () => {
    const cluster = electedCluster()
    change(cluster, { kind: 'add-learner', id: 4 }, { kind: 'add-learner', id: 5 })
    cluster.stabilize()
    for (const id of [4, 5]) cluster.replica(id).crash()
    const { raft } = cluster.replica(1)
    raft.propose([bytes('x')])
    cluster.stabilize()
    assert.equal(raft.commit, raft.status().lastIndex)
  })

  test('"the leader steps down once it has committed the C_new log entry", and not before', () => {
    const cluster = electedCluster()
    cluster.replica(1).holdsWrites = true
    change(cluster, { kind: 'remove', id: 1 })
    cluster.processReady(1)
    assert.equal(cluster.replica(1).raft.role, 'leader')
    cluster.replica(1).holdsWrites = false
    cluster.stabilize()
    assert.deepEqual(
      [cluster.replica(1).raft.role, cluster.replica(1).raft.status().removed],
      ['follower', true],
    )
    assert.equal(cluster.leaders.length, 1)
  })

  test('"it does not count itself in majorities" while it commits a C_new that it is not part of', () => {
    const lone = leader()
    accept(lone, 2, 1)
    lone.raft.proposeMembership({ kind: 'change', steps: [{ kind: 'remove', id: 1 }], autoLeave: true })
    run(lone)
    for (const id of [2, 3]) accept(lone, id, 2)
    run(lone)
    assert.deepEqual([lone.raft.commit, isJoint(lone.raft.configuration)], [2, false])
    accept(lone, 2, 3)
    assert.equal(lone.raft.commit, 2, 'one of the two, and its own log')
    accept(lone, 3, 3)
    assert.equal(lone.raft.commit, 3)
  })

  test('"servers disregard RequestVote RPCs when they believe a current leader exists"', () => {
    const { raft } = loneReplica({ id: 2 })
    raft.step(heartbeat(1, 2, 1))
    raft.step(voteRequest(3, 2, 2))
    assert.equal(raft.term, 1)
    for (let tick = 0; tick < TIMEOUT_TICKS; tick += 1) raft.tick()
    raft.step(voteRequest(3, 2, 2))
    assert.equal(raft.term, 2)
  })
})

describe('§7 Log compaction', () => {
  const snapshot: SnapshotMetadata = { index: 5, term: 2, configuration: voters(3) }

  function install(lone: Lone): void {
    lone.raft.step({ ...envelope(1, 2, 3), type: 'snapshot-request', snapshot })
  }

  test('"each server takes snapshots independently, covering just the committed entries in its log"', () => {
    const lone = leader()
    assert.throws(() => lone.raft.snapshotMetadata(1), /index 1 is not applied/)
    accept(lone, 2, 1)
    run(lone)
    assert.deepEqual(lone.raft.snapshotMetadata(1), { index: 1, term: 1, configuration: voters(3) })
  })

  test('"the last included index and term are preserved to support the AppendEntries consistency check"', () => {
    const lone = leader()
    accept(lone, 2, 1)
    run(lone)
    const base = lone.raft.compact(1)
    lone.storage.compact(base!)
    lone.raft.propose([bytes('x')])
    const request = only(run(lone), 'append-request').at(-1)
    assert.deepEqual([request?.previousIndex, request?.previousTerm], [1, 1])
  })

  test('"the leader must occasionally send snapshots": "when it has already discarded the next log entry that it needs to send"', () => {
    const lone = leader()
    accept(lone, 2, 1)
    run(lone)
    const base = lone.raft.compact(1)
    lone.storage.compact(base!)
    lone.storage.offerSnapshot(base!)
    lone.raft.step({
      ...envelope(3, 1, 1),
      type: 'append-rejected',
      previousIndex: 0,
      hintIndex: 0,
      hintTerm: 0,
    })
    lone.raft.step({ ...envelope(3, 1, 1), type: 'heartbeat-response', round: 0 })
    assert.deepEqual(
      only(run(lone), 'snapshot-request').map(({ to, snapshot }) => [to, snapshot]),
      [[3, base]],
    )
    assert.equal(lone.raft.status().followers[1]!.state, 'snapshot')
  })

  test('"if the snapshot contains new information, the follower discards its entire log"', () => {
    const lone = loneReplica({ id: 2, log: logOf(1, 1) })
    install(lone)
    const answers = run(lone)
    assert.deepEqual([lone.raft.status().firstIndex, lone.raft.status().lastIndex], [6, 5])
    assert.deepEqual(
      only(answers, 'append-accepted').map(({ index }) => index),
      [5],
    )
  })

  test('"if it describes a prefix of its log, then log entries following the snapshot are still valid and must be retained"', () => {
    const lone = loneReplica({ id: 2, log: logOf(1, 1, 1, 2, 2, 2, 2) })
    install(lone)
    const writes = lone.raft.ready().write
    assert.equal(writes?.snapshot, null)
    assert.deepEqual(
      [lone.raft.status().firstIndex, lone.raft.status().lastIndex, lone.raft.commit],
      [1, 7, 5],
    )
  })
})

describe('§8 Client interaction', () => {
  test('"each leader commits a blank no-op entry into the log at the start of its term"', () => {
    const lone = leader({ log: logOf(1) })
    assert.deepEqual(
      lone.raft.entries(2, 3).map(({ kind, term }) => [kind, term]),
      [['empty', 2]],
    )
  })

  test('"a leader must check whether it has been deposed before processing a read-only request"', () => {
    const lone = leader()
    accept(lone, 2, 1)
    run(lone)
    lone.raft.requestRead(7)
    const asked = lone.raft.ready()
    assert.deepEqual(asked.readStates, [])
    const round = only(asked.messages, 'heartbeat-request')[0]!.round
    lone.raft.step({ ...envelope(2, 1, 1), type: 'heartbeat-response', round })
    assert.deepEqual(lone.raft.ready().readStates, [{ context: 7, index: 1 }])
  })
})

describe('Thesis 3.10: leadership transfer', () => {
  test('"the prior leader stops accepting new client requests"', () => {
    const lone = leader()
    lone.raft.transferLeadership(2)
    const result = lone.raft.propose([bytes('x')])
    assert.equal(!result.accepted && result.reason, 'transferring')
  })

  test('"the prior leader fully updates the target server\'s log to match its own, then sends a TimeoutNow request"', () => {
    const lone = leader()
    lone.raft.transferLeadership(2)
    assert.deepEqual(only(run(lone), 'timeout-now'), [])
    accept(lone, 2, 1)
    assert.deepEqual(
      only(run(lone), 'timeout-now').map(({ to }) => to),
      [2],
    )
  })

  test('TimeoutNow "has the same effect as the target server\'s election timer firing", and voters do not wait for theirs', () => {
    const cluster = electedCluster()
    cluster.replica(1).raft.transferLeadership(3)
    cluster.stabilize()
    assert.deepEqual(
      cluster.leaders.map(({ id }) => id.id),
      [3],
    )
    assert.equal(cluster.replica(3).raft.term, 2)
  })

  test('"if leadership transfer does not complete after about an election timeout, the prior leader aborts the transfer and resumes"', () => {
    const lone = leader()
    lone.raft.transferLeadership(2)
    for (let tick = 0; tick < TIMEOUT_TICKS; tick += 1) lone.raft.tick()
    assert.equal(lone.raft.propose([bytes('x')]).accepted, true)
  })
})

describe('Thesis 4: membership', () => {
  test('4.1 "a server always uses the latest configuration in its log, regardless of whether the entry is committed": and gives it back', () => {
    const cluster = electedCluster()
    cluster.isolate(1)
    change(cluster, { kind: 'add-voter', id: 4 })
    cluster.stabilize()
    assert.equal(isJoint(cluster.replica(1).raft.configuration), true)
    cluster.tick(3, TIMEOUT_TICKS)
    cluster.replica(2).raft.campaign()
    cluster.stabilize()
    cluster.heal()
    cluster.tick(2, 1)
    cluster.stabilize()
    assert.deepEqual(cluster.replica(1).raft.configuration, voters(3))
  })

  test('4.1 "a leader must not append a new configuration while an earlier one is not committed"', () => {
    const lone = leader()
    accept(lone, 2, 1)
    const steps = [{ kind: 'add-learner', id: 4 }] as const
    lone.raft.proposeMembership({ kind: 'change', steps, autoLeave: true })
    const second = lone.raft.proposeMembership({ kind: 'change', steps, autoLeave: true })
    assert.equal(!second.accepted && second.reason, 'change-in-progress')
  })

  test('4.2.2 a leader that is removed goes on "until the C_new entry is committed", and "another server" takes over', () => {
    const cluster = electedCluster()
    change(cluster, { kind: 'remove', id: 1 })
    cluster.stabilize()
    assert.deepEqual(
      cluster.leaders.map(({ id }) => id.id),
      [2],
    )
  })

  test('4.2.3 "a server that is not in C_new will not receive heartbeats, so it will time out and start new elections": it disturbs nobody', () => {
    const cluster = electedCluster(4)
    change(cluster, { kind: 'remove', id: 4 })
    cluster.stabilize()
    const { term } = cluster.replica(1).raft
    cluster.tick(4, 10 * TIMEOUT_TICKS)
    cluster.stabilize()
    assert.deepEqual([cluster.replica(1).raft.role, cluster.replica(1).raft.term], ['leader', term])
    assert.equal(cluster.replica(4).raft.status().removed, true)
  })
})

describe('Thesis 6: client interaction', () => {
  test('6.2 "a leader steps down if an election timeout elapses without a successful round of heartbeats to a majority"', () => {
    const { raft } = leader()
    const ticks = tickUntil(raft, () => raft.role !== 'leader')
    assert.equal(ticks <= 2 * TIMEOUT_TICKS, true)
    const kept = leader().raft
    for (let tick = 0; tick < 10 * TIMEOUT_TICKS; tick += 1) {
      kept.tick()
      kept.step({ ...envelope(2, 1, 1), type: 'heartbeat-response', round: 0 })
    }
    assert.equal(kept.role, 'leader')
  })

  test('6.4 step 1: "if the leader has not yet marked an entry from its current term committed, it waits until it has done so"', () => {
    const lone = leader()
    lone.raft.requestRead(7)
    assert.deepEqual(only(run(lone), 'heartbeat-request'), [])
    accept(lone, 2, 1)
    assert.equal(only(run(lone), 'heartbeat-request').length, 2)
  })

  test('6.4 step 2: "the leader saves its current commit index in a local variable readIndex"', () => {
    const lone = leader()
    accept(lone, 2, 1)
    run(lone)
    lone.raft.requestRead(7)
    run(lone)
    lone.raft.propose([bytes('x')])
    run(lone)
    accept(lone, 2, 2)
    lone.raft.step({ ...envelope(2, 1, 1), type: 'heartbeat-response', round: 1 })
    assert.deepEqual(lone.raft.ready().readStates, [{ context: 7, index: 1 }])
  })

  test('6.4 step 3: "it issues a new round of heartbeats and waits for their acknowledgments from a majority": one for all reads that wait', () => {
    const lone = leader({ configuration: voters(5) })
    for (const id of [2, 3]) accept(lone, id, 1)
    run(lone)
    for (const context of [1, 2, 3]) lone.raft.requestRead(context)
    assert.equal(only(run(lone), 'heartbeat-request').length, 4)
    const answers: Ready[] = []
    for (const from of [2, 3]) {
      lone.raft.step({ ...envelope(from, 1, 1), type: 'heartbeat-response', round: 1 })
      answers.push(lone.raft.ready())
    }
    assert.deepEqual(
      answers.map(({ readStates }) => readStates.map(({ context }) => context)),
      [[], [1, 2, 3]],
    )
  })

  test('6.4 "followers can help offload the processing of read-only queries": by asking the leader for a readIndex', () => {
    const cluster = electedCluster()
    cluster.replica(2).raft.requestRead(7)
    cluster.takeLog()
    cluster.stabilize()
    assert.match(cluster.takeLog().join('\n'), /2> read 7 at 1/)
  })
})

describe('Thesis 9.6: preventing disruptions when a server rejoins the cluster', () => {
  test('"a candidate only increments its term if it first learns from a majority that they would be willing to grant it their votes"', () => {
    const lone = loneReplica({ configuration: voters(5) })
    lone.raft.campaign()
    assert.deepEqual([lone.raft.role, lone.raft.term], ['pre-candidate', 0])
    for (const from of [2, 3]) {
      assert.equal(lone.raft.term, 0)
      lone.raft.step({ ...envelope(from, 1, 1), type: 'pre-vote-response', granted: true })
    }
    assert.deepEqual([lone.raft.role, lone.raft.term], ['candidate', 1])
  })

  test('"a server that has been partitioned does not increase its term", however long', () => {
    const { raft } = loneReplica()
    for (let tick = 0; tick < 100 * TIMEOUT_TICKS; tick += 1) raft.tick()
    assert.equal(raft.term, 0)
  })

  test('a pre-vote changes nothing in who gives it: neither term nor vote', () => {
    const lone = loneReplica({ id: 2 })
    lone.raft.step({ ...envelope(1, 2, 4), type: 'pre-vote-request', lastIndex: 0, lastTerm: 0 })
    const [answer] = only(run(lone), 'pre-vote-response')
    assert.deepEqual([answer?.granted, answer?.term], [true, 4])
    assert.deepEqual([lone.raft.term, lone.raft.status().votedFor], [0, null])
  })
})

describe('Thesis 10.2: performance', () => {
  test('10.2.1 "the leader may write to its disk in parallel with replicating": the requests go beside the write', () => {
    const lone = leader()
    for (const id of [2, 3]) accept(lone, id, 1)
    run(lone)
    lone.raft.propose([bytes('x')])
    const { messages, write } = lone.raft.ready()
    assert.equal(write?.entries.length, 1)
    assert.equal(only(messages, 'append-request').length, 2)
  })

  test('10.2.1 "the leader may even commit an entry before it has been written to its own disk, if a majority of followers have"', () => {
    const lone = leader()
    for (const id of [2, 3]) accept(lone, id, 1)
    run(lone)
    lone.raft.propose([bytes('x')])
    const { write } = lone.raft.ready()
    accept(lone, 2, 2)
    assert.equal(lone.raft.commit, 1)
    accept(lone, 3, 2)
    assert.equal(lone.raft.commit, 2)
    // Applied here only once it is durable here.
    assert.deepEqual(lone.raft.ready().committed, [])
    lone.raft.appended(write!.number)
    assert.equal(lone.raft.ready().committed.length, 1)
  })

  test('10.2.2 "a leader can pipeline AppendEntries": the next goes before the last is answered', () => {
    const lone = leader()
    for (const id of [2, 3]) accept(lone, id, 1)
    run(lone)
    for (const text of ['a', 'b', 'c']) {
      lone.raft.propose([bytes(text)])
      const [request] = only(run(lone), 'append-request')
      assert.deepEqual(request?.entries.length, 1)
    }
    assert.equal(lone.raft.status().followers[0]!.inflightMessages, 3)
  })
})

test('a learner is sent everything and asked nothing (thesis 4.2.1)', () => {
  const configuration = initialConfiguration([firstGeneration(1)], [firstGeneration(2)])
  const lone = leader({ configuration })
  assert.equal(only(lone.sent, 'append-request').length, 1)
  assert.equal(lone.raft.commit, 1)
})
