/** Mutants of elections: votes, freshness of logs, quorums, pre-vote, identity of replicas. */

import type { Mutant } from './mutant.ts'

export const ELECTION_MUTANTS: readonly Mutant[] = [
  {
    bug: 'B20a',
    title:
      'the answer to a pre-vote carries the term of the voter, so no grant is ever believed (etcd-io/raft)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/election.ts',
        find: 'const term = granted ? request.term : state.term',
        replace: 'const term = state.term',
      },
    ],
  },
  {
    bug: 'B20b',
    title:
      'a pre-candidate ignores the higher term in a refusal, and asks for an old one for ever (openraft)',
    profile: 'last-two',
    patches: [
      {
        file: 'src/raft/step.ts',
        find: "if (message.type === 'pre-vote-response' && message.granted) return takePreVote(state, message)",
        replace: "if (message.type === 'pre-vote-response') return takePreVote(state, message)",
      },
    ],
  },
  {
    bug: 'B21a',
    title: 'a replica that believes itself a learner refuses its vote (etcd)',
    profile: 'membership',
    patches: [
      {
        file: 'src/raft/election.ts',
        find: 'const granted = isFree && state.log.isUpToDate(request.lastTerm, request.lastIndex)',
        replace:
          'const granted = isFree && isVoter(state.configuration, state.self) && state.log.isUpToDate(request.lastTerm, request.lastIndex)',
      },
    ],
  },
  {
    bug: 'B21b',
    title: 'a learner campaigns (etcd-io/raft, hashicorp/raft)',
    profile: 'membership',
    patches: [
      {
        file: 'src/raft/state.ts',
        find: 'return isVoter(active, this.self) ||',
        replace: 'return isMember(active, this.self) ||',
      },
    ],
  },
  {
    bug: 'B23a',
    title: 'half of an even number of voters counts as a majority (hashicorp/raft)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/quorum.ts',
        find: 'return Math.floor(voterCount / 2) + 1',
        replace: 'return Math.ceil(voterCount / 2)',
      },
    ],
  },
  {
    bug: 'B23b',
    title: 'the quorum is looked for in an unsorted list of progress (openraft)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/quorum.ts',
        find: 'while (at > 0 && values[at - 1]! < value) {',
        replace: 'while (at < 0) {',
      },
    ],
  },
  {
    bug: 'B23c',
    title: 'one vote less than a majority is enough (openraft)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/quorum.ts',
        find: 'if (granted >= needed) return',
        replace: 'if (granted >= Math.max(1, needed - 1)) return',
      },
    ],
  },
  {
    bug: 'B24a',
    title:
      'logs are compared by length and last term as a vector, so an election may be impossible (openraft)',
    profile: 'last-two',
    patches: [
      {
        file: 'src/raft/log.ts',
        find: 'return term > this.lastTerm || (term === this.lastTerm && index >= this.#lastIndex)',
        replace: 'return term >= this.lastTerm && index >= this.#lastIndex',
      },
    ],
  },
  {
    bug: 'B24b',
    title: 'a longer log wins whatever its last term is (liferaft)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/log.ts',
        find: 'return term > this.lastTerm || (term === this.lastTerm && index >= this.#lastIndex)',
        replace: 'return index >= this.#lastIndex',
      },
    ],
  },
  {
    bug: 'B27',
    title: 'a destroyed replica is created again by a late message, and votes a second time (TiKV)',
    profile: 'replacement',
    patches: [
      {
        file: 'src/raft/tombstone.ts',
        find: 'if (toGeneration <= local.tombstone || toGeneration < local.generation)',
        replace: 'if (toGeneration < local.generation)',
      },
      {
        file: 'sim/cluster/member.ts',
        find: 'assert(replica.generation > this.#tombstone, () => `generation ${replica.generation} was destroyed`)',
        replace: '',
      },
    ],
  },
  {
    bug: 'B28',
    title: 'a leader whose disk does not answer goes on leading (hashicorp/raft)',
    profile: 'stalls',
    patches: [
      {
        file: 'src/raft/disk.ts',
        find: "if (state.role.kind !== 'follower') becomeFollower",
        replace: "if (state.role.kind === 'candidate') becomeFollower",
      },
      {
        file: 'src/raft/disk.ts',
        find: "if (state.role.kind === 'leader') handOver(state, state.role)",
        replace: '',
      },
    ],
  },
  {
    bug: 'B29',
    title: 'a leader that hands over takes writes, so its successor never catches up (hashicorp/raft)',
    profile: 'busy',
    patches: [
      {
        file: 'src/raft/raft.ts',
        find: "if (role.transfer !== null) return this.#refuse('transferring')",
        replace: '',
      },
    ],
  },
]
