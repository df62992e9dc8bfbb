/** Mutants of storage: what is promised before it is durable, and what a crash leaves. */

import type { Mutant } from './mutant.ts'

export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    bug: 'B8a',
    title: 'a vote is sent before it is durable (TiKV)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/state.ts',
        find: 'const write = this.#hardStateDirty ? this.log.writes.lastNumber + 1 : this.#hardStateWrite',
        replace: 'const write = 0',
      },
    ],
  },
  {
    bug: 'B8b',
    title: 'entries are acknowledged before they are durable (CockroachDB)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/follower.ts',
        find: 'else state.sendWhenAllDurable(answer)',
        replace: 'else state.send(answer)',
      },
    ],
  },
  {
    bug: 'B9',
    title: 'the commit index is durable before the entries that it covers (CockroachDB)',
    profile: 'swarm',
    patches: [
      {
        file: 'sim/cluster/journal.ts',
        find: "if (write.hardState !== null) parts.push({ kind: 'hard-state', hardState: write.hardState })\n  return closed(parts)",
        replace:
          "return write.hardState === null ? closed(parts) : [...closed([{ kind: 'hard-state', hardState: write.hardState }]), ...closed(parts)]",
      },
    ],
  },
  {
    bug: 'B10',
    title: 'a single voter calls a command committed before its own disk has it (etcd)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/raft.ts',
        find: 'role.uncommitted.add(lastIndex, sizeBytes)',
        replace:
          'role.uncommitted.add(lastIndex, sizeBytes); if (this.#state.configuration.voters.length === 1) { role.progress.get(this.#state.self.id)?.accept(lastIndex); this.#state.log.commitTo(lastIndex) }',
      },
    ],
  },
  {
    bug: 'B11',
    title: 'the first entry of a new leader counts before its own disk has it (openraft)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/leader.ts',
        find: '  noteDurable(state, role)\n}\n\n/** "If command received',
        replace:
          '  role.progress.get(state.self.id)?.accept(state.log.lastIndex)\n  advanceCommit(state, role)\n}\n\n/** "If command received',
      },
    ],
  },
  {
    bug: 'B17a',
    title: 'a late completion vouches for entries that were replaced since: the ABA problem (etcd-io/raft)',
    profile: 'slow-disks',
    patches: [
      {
        file: 'src/raft/write-tracker.ts',
        find: 'for (const write of this.#underWay) write.reach = Math.min(write.reach, from - 1)',
        replace: '',
      },
    ],
  },
  {
    bug: 'B17b',
    title: 'a write counts as durable while an earlier one is not (openraft)',
    profile: 'slow-disks',
    patches: [
      {
        file: 'src/raft/write-tracker.ts',
        find: '    write.done = true\n',
        replace:
          '    write.done = true\n    this.#durableNumber = Math.max(this.#durableNumber, number)\n    this.#durableIndex = Math.max(this.#durableIndex, write.reach)\n',
      },
    ],
  },
  {
    bug: 'B22',
    title: 'the applied index is not stored in one transaction with the data (etcd 3.5)',
    profile: 'swarm',
    patches: [
      {
        file: 'sim/cluster/durable-replica.ts',
        find: 'this.#images = [this.#random.pick(this.#images)]',
        replace:
          'const { appliedIndex, appliedTerm } = must(this.#images.at(-1)); this.#images = [{ ...this.#random.pick(this.#images), appliedIndex, appliedTerm }]',
      },
    ],
  },
]
