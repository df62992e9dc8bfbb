/** Mutants of linearizable reads and leases. */

import type { Mutant } from './mutant.ts'

export const READ_MUTANTS: readonly Mutant[] = [
  {
    bug: 'B4',
    title: 'a new leader answers reads before it has committed an entry of its term (etcd)',
    profile: 'reads',
    patches: [
      {
        file: 'src/raft/reads.ts',
        find: 'return state.log.commit >= role.firstIndex',
        replace: 'return true',
      },
    ],
  },
  {
    bug: 'B5',
    title: 'an answer to an earlier heartbeat confirms a later read (etcd)',
    profile: 'reads',
    patches: [
      {
        file: 'src/raft/leader-reads.ts',
        find: '    this.#round += 1\n',
        replace: '    this.#round = 1\n',
      },
    ],
  },
  {
    bug: 'B6a',
    title: 'a lease lasts until somebody tells the leader otherwise, however long it was paused (TiKV)',
    profile: 'leases',
    patches: [
      {
        file: 'src/raft/lease.ts',
        find: 'return this.isEnabled && nowMs < this.#expiresAtMs',
        replace: 'return this.isEnabled && this.#expiresAtMs > 0',
      },
    ],
  },
  {
    bug: 'B6b',
    title: 'a lease is longer than the time for which followers refuse their vote (sofa-jraft, etcd-io/raft)',
    profile: 'leases',
    patches: [
      {
        file: 'src/raft/lease.ts',
        find: 'return (electionTimeoutTicks - 1) * config.tickMs * drift',
        replace: 'return 2 * electionTimeoutTicks * config.tickMs * drift',
      },
    ],
  },
  {
    bug: 'B7',
    title: 'reads are served by lease while the leadership is handed over (openraft)',
    profile: 'leases',
    patches: [
      { file: 'src/raft/transfer.ts', find: '  role.lease.forfeit()\n', replace: '' },
      { file: 'src/raft/reads.ts', find: ' && role.transfer === null', replace: '' },
    ],
  },
]
