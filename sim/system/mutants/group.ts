/** Bugs of groups: when an entry may be applied, acknowledged, forgotten, and who may say what is committed. */

import { simulator } from './system-mutant.ts'
import type { SystemMutant } from './system-mutant.ts'

export const GROUP_MUTANTS: readonly SystemMutant[] = [
  {
    bug: 'G1',
    title: 'the log is compacted before the SQLite file has been made durable',
    hunter: simulator('power-cuts'),
    patches: [
      {
        file: 'src/group/state-machine.ts',
        find: 'const state = await must(this.#engine).checkpoint()',
        replace: 'const state = must(this.#engine).applied',
      },
    ],
  },
  {
    bug: 'G2',
    title: 'a follower answers linearizable reads from its own file',
    hunter: simulator('reads'),
    patches: [
      {
        file: 'src/group/database-group.ts',
        find: 'if (now !== null) return receiver.resolve(now)',
        replace: 'if (now === null || timeoutMs >= 0) return receiver.resolve(this.#applied.index)',
      },
    ],
  },
  {
    bug: 'G3',
    title: 'the leader answers reads at what it has applied, not at what is committed',
    hunter: simulator('reads'),
    patches: [
      {
        file: 'src/group/database-group.ts',
        find: 'const resolve = (index: number): void => receiver.resolve(BigInt(index))',
        replace: `const from = this.#log.leadingFrom
    const resolve = (known: number): void => {
      const index = BigInt(known)
      const own = from === null || this.#applied.index < BigInt(from) ? index : this.#applied.index
      receiver.resolve(own < index ? own : index)
    }`,
      },
    ],
  },
  {
    bug: 'G4',
    title: 'an interactive transaction writes although the database has moved on since it read',
    hunter: simulator('transactions'),
    patches: [
      {
        file: 'src/group/transactions.ts',
        find: 'if (snapshotIndex === null || fileIndex === null || snapshotIndex >= fileIndex) return',
        replace: 'if (fileIndex !== undefined) return',
      },
    ],
  },
  {
    bug: 'G5',
    title: 'what is in the log and could not be applied yet is told to its client as not done',
    hunter: simulator('engine-deaths'),
    patches: [
      {
        file: 'src/group/state-machine.ts',
        find: "        'OUTCOME_UNKNOWN',\n        `The transaction is stored",
        replace: "        'NOT_LEADER',\n        `The transaction is stored",
      },
    ],
  },
  {
    bug: 'G6',
    title: 'an entry of another leader at the place of a proposal is taken for the proposal',
    hunter: simulator('leaders'),
    patches: [
      {
        file: 'src/group/pending-proposal.ts',
        find: 'const isOurs = termAt(position.index) === position.term',
        replace: 'const isOurs = termAt(position.index) !== null',
      },
    ],
  },
  {
    bug: 'G7',
    title: 'a new leader takes writes before it knows what is committed',
    hunter: simulator('leaders'),
    patches: [
      {
        file: 'src/group/raft-log.ts',
        find: "const isReady = this.#leadership.role === 'leader' && this.#commitIndex >= this.#termIndex",
        replace: "const isReady = this.#leadership.role === 'leader'",
      },
    ],
  },
  {
    bug: 'G8',
    title: 'an interactive transaction survives the loss of the leadership and is proposed in a later term',
    hunter: {
      kind: 'test',
      file: 'src/group/fate.test.ts',
      name: 'an interactive transaction that is open when the leadership is lost is rolled back and says so',
      why: 'in a run the same member hardly ever leads again while the transaction is open',
    },
    patches: [
      {
        file: 'src/group/transactions.ts',
        find: 'void this.#open?.end(this.#leadershipLost())',
        replace: '',
      },
      {
        file: 'src/group/raft-log.ts',
        find: 'if (replica === null || !this.isLeading(term)) throw this.failure ?? this.#notLeader()',
        replace: 'if (replica === null || this.leadingFrom === null) throw this.failure ?? this.#notLeader()',
      },
    ],
  },
  {
    bug: 'G9',
    title: 'an index is told to readers before the file has it',
    hunter: simulator('reads'),
    patches: [
      {
        file: 'src/group/state-machine.ts',
        find: '    this.#unanswered++\n    try {',
        replace: '    this.#unanswered++\n    this.#reach(position.index)\n    try {',
      },
    ],
  },
  {
    bug: 'G10',
    title: 'a leader that was deposed without knowing answers a transaction that only read',
    hunter: {
      kind: 'test',
      file: 'src/group/reads.test.ts',
      name: 'a leader that does not know of the next one answers nothing that only read: neither a transaction nor a batch',
      why: 'a deposed leader steps down about when the next one is elected: in a run there is hardly ever a write in between that it could have missed',
    },
    patches: [
      {
        file: 'src/group/raft-log.ts',
        find: '    await this.#reads.request(0)\n    if (!this.isLeading(term)) throw this.#notLeader()',
        replace: '',
      },
    ],
  },
  {
    bug: 'G11',
    title: 'a client whose leader was lost while its write was being committed is told that nothing was done',
    hunter: simulator('leaders'),
    patches: [
      {
        file: 'src/group/pending-proposal.ts',
        find: '    this.#proposal?.leadershipLost(limitMs)',
        replace:
          '    if (limitMs > 0) this.#settle((proposal) => proposal.failed(this.#options.toRefusal()))',
      },
    ],
  },
  {
    bug: 'G12',
    title: "a learner's acknowledgement counts for the commit",
    hunter: {
      kind: 'test',
      file: 'src/group/replication.test.ts',
      name: 'a write that the leader and all learners have, and no other voter, is not acknowledged',
      why: 'it takes a partition that leaves the leader alone with the learner: it dies in a run too, but late',
    },
    patches: [
      {
        file: 'src/raft/leader.ts',
        find: 'const index = jointQuorumValue(state.configuration, (voter) => role.progress.get(voter.id)!.match)',
        replace: `const followers = [...role.progress.values()].map(({ match }) => match).toSorted((a, b) => b - a)
  const index = Math.max(
    followers[Math.floor(state.configuration.voters.length / 2)] ?? 0,
    jointQuorumValue(state.configuration, (voter) => role.progress.get(voter.id)!.match),
  )`,
      },
    ],
  },
  {
    bug: 'G13',
    title: 'a copy waits for the writer, although the transaction that holds it waits for who gets the copy',
    hunter: {
      kind: 'test',
      file: 'src/group/snapshot/snapshots.test.ts',
      name: 'a transaction that waits for the follower which needs a copy does not keep the copy from being made',
      why: 'it takes a follower that is needed for the majority and has fallen behind the log at the same time: one run in some hundred',
    },
    patches: [
      {
        file: 'src/group/snapshot-host.ts',
        find: 'const engine = machine.waitingEngine',
        replace: 'const engine = null as Engine | null',
      },
    ],
  },
  {
    bug: 'G14',
    title:
      'an engine without its process is asked for a copy again and again, because nobody writes who would notice',
    hunter: {
      kind: 'test',
      file: 'src/group/snapshot/snapshots.test.ts',
      name: 'a copy is made although the engine has lost its process, and nobody writes who would notice',
      why: 'a database must have nothing to write, a process that died, and a follower that needs a copy: one run in some hundred',
    },
    patches: [
      {
        file: 'src/group/state-machine.ts',
        find: 'if (this.#engine === engine) await this.#giveUpEngine()',
        replace: 'if (this.#engine === null) await this.#giveUpEngine()',
      },
    ],
  },
  {
    bug: 'G15',
    title: 'a read does not ask for a write that somebody has heard of before the file has it',
    hunter: {
      kind: 'test',
      file: 'src/group/early-answers.test.ts',
      name: 'a session hears as soon as it is certain, and whoever reads from then on waits for the file',
      why: 'the file has the write a turn of the event loop later, and no client of the simulator is that quick',
    },
    patches: [
      {
        file: 'src/group/database-group.ts',
        find: 'const known = Math.max(leadingFrom, this.#machine.acknowledged)',
        replace: 'const known = Math.max(leadingFrom, 0)',
      },
    ],
  },
]
