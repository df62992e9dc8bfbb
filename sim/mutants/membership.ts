/** Mutants of membership changes. */

import type { Mutant } from './mutant.ts'

export const MEMBERSHIP_MUTANTS: readonly Mutant[] = [
  {
    bug: 'B1',
    title:
      'voters change one at a time without joint consensus, before the term has committed anything (Raft thesis)',
    profile: 'single-changes',
    patches: [
      {
        file: 'src/raft/membership.ts',
        find: 'return { ok: true, configuration: this.#votersChange() ? this.#joint(autoLeave) : this.#simple() }',
        replace:
          'return { ok: true, configuration: this.#votersChange() && this.#touched.size > 1 ? this.#joint(autoLeave) : { ...this.#simple(), voters: sorted([...this.#voters.values()]) } }',
      },
      {
        file: 'src/raft/raft.ts',
        find: 'if (!hasCommittedOwnTerm(this.#state, role))',
        replace: 'if (this.#state.term < 0)',
      },
    ],
  },
  {
    bug: 'B2',
    title: 'a configuration is in force only when it is applied (etcd, raft-rs)',
    profile: 'membership',
    patches: [
      {
        file: 'src/raft/state.ts',
        find: 'return this.log.memberships.active\n',
        replace: 'return this.log.memberships.at(this.log.applied)\n',
      },
    ],
  },
  {
    bug: 'B3',
    title:
      'a voter leaves when its removal is appended, and vanishes before the others have it (etcd, CockroachDB)',
    profile: 'membership',
    patches: [
      {
        file: 'src/raft/state.ts',
        find: 'return !isMember(memberships.active, replica) && !isMember(committed, replica)',
        replace: 'return !isMember(memberships.active, replica)',
      },
    ],
  },
  {
    bug: 'B18',
    title:
      'the end of a joint configuration is proposed again and again until it is committed (etcd-io/raft)',
    profile: 'membership',
    patches: [
      {
        file: 'src/raft/leader.ts',
        find: '  const { configuration } = state\n  if (configuration.index > state.log.commit) return\n',
        replace: '  const configuration = state.log.memberships.at(state.log.commit)\n',
      },
      {
        file: 'src/raft/leader.ts',
        find: "applyChange(state.configuration, { kind: 'leave-joint' }, place)",
        replace: "applyChange(state.log.memberships.at(state.log.commit), { kind: 'leave-joint' }, place)",
      },
    ],
  },
  {
    bug: 'B19a',
    title: 'a snapshot carries the newest configuration, though that is not committed (etcd-io/raft)',
    profile: 'membership',
    patches: [
      {
        file: 'src/raft/log.ts',
        find: 'const configuration = this.memberships.at(index)\n',
        replace: 'const configuration = this.memberships.active\n',
      },
    ],
  },
  {
    bug: 'B19b',
    title: 'a configuration that was truncated with the log stays in force (canonical/raft, openraft)',
    profile: 'membership',
    patches: [
      {
        file: 'src/raft/log.ts',
        find: 'this.memberships.truncate(from)',
        replace: 'void from',
      },
      {
        file: 'src/raft/membership-history.ts',
        find: "assert(configuration.index > this.active.index, 'configurations must come in log order')",
        replace: '',
      },
    ],
  },
]
