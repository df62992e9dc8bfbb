/** Mutants of bugs that this simulator found in this core, put back in, and of what this core does that others don't. */

import type { Mutant } from './mutant.ts'

export const OWN_MUTANTS: readonly Mutant[] = [
  {
    bug: 'S1',
    title: 'a replica that knows no configuration yet tells live voters that they were removed',
    profile: 'membership',
    patches: [
      {
        file: 'src/raft/state.ts',
        find: 'if (committed.generation < replica.generation) return false',
        replace: 'if (commit < replica.generation) return false',
      },
    ],
  },
  {
    bug: 'S2',
    title: 'only a leader can create a replica, and the vote of one that no leader reached is needed',
    profile: 'membership',
    patches: [
      {
        file: 'src/raft/tombstone.ts',
        find: "  'snapshot-request',\n  'pre-vote-request',\n  'vote-request',\n",
        replace: "  'snapshot-request',\n",
      },
    ],
  },
  {
    bug: 'S3',
    title: 'a replica that its newest, uncommitted configuration leaves out never campaigns (thesis 4.2.2)',
    profile: 'membership',
    patches: [
      {
        file: 'src/raft/state.ts',
        find: 'return isVoter(active, this.self) || isVoter(this.log.memberships.at(this.log.commit), this.self)',
        replace: 'return isVoter(active, this.self)',
      },
    ],
  },
  {
    bug: 'S4',
    title: 'a late heartbeat wakes a sleeping follower alone, which then disturbs its healthy leader',
    profile: 'sleep',
    patches: [
      {
        file: 'src/raft/quiescence.ts',
        find: 'return message.quiesce || message.round <= state.quiescedRound',
        replace: 'return message.quiesce',
      },
    ],
  },
  {
    bug: 'S5',
    title: 'an acknowledgement of an earlier term is sent after its entries were replaced',
    profile: 'slow-disks',
    patches: [{ file: 'src/raft/roles.ts', find: 'state.outbox.forgetBefore(term)', replace: '' }],
  },
  {
    bug: 'S6',
    title: 'the question of a follower confirms its read, however many voters there are',
    profile: 'reads',
    patches: [
      {
        file: 'src/raft/reads.ts',
        find: 'knowsCommit(state, role) && isQuorumWith(state, replica)',
        replace: 'knowsCommit(state, role)',
      },
    ],
  },
]
