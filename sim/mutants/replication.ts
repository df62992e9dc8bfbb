/** Mutants of replication: commit, acknowledgements, windows, snapshots. */

import type { Mutant } from './mutant.ts'

export const REPLICATION_MUTANTS: readonly Mutant[] = [
  {
    bug: 'B12',
    title: 'a follower deletes a suffix that matches and that it has acknowledged (openraft)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/log.ts',
        find: 'while (at < entries.length && this.matches(entries[at]!.index, entries[at]!.term)) at += 1',
        replace: 'while (at < entries.length && entries[at]!.index <= this.#commit) at += 1',
      },
    ],
  },
  {
    bug: 'B13a',
    title: 'handing out a page of committed entries takes the commit index back to its end (etcd-io/raft)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/log.ts',
        find: 'this.#applyWindow.handOut(entries)',
        replace:
          'this.#applyWindow.handOut(entries); if (entries.length > 0) this.#commit = entries.at(-1)!.index',
      },
    ],
  },
  {
    bug: 'B13b',
    title: 'entries that did not fit a page are skipped (etcd-io/raft)',
    profile: 'swarm',
    patches: [
      {
        file: 'src/raft/log.ts',
        find: 'const entries = this.entries(from, this.#applicableIndex() + 1, this.#applyWindow.roomBytes)',
        replace:
          'const fitting = this.entries(from, this.#applicableIndex() + 1, this.#applyWindow.roomBytes); const entries = fitting.length > 0 && fitting.length <= this.#applicableIndex() - from ? this.entries(from + 1, this.#applicableIndex() + 1, this.#applyWindow.roomBytes) : fitting',
      },
      {
        file: 'src/raft/apply-window.ts',
        find: "assert(entries[0]!.index === this.#handedOut + 1, 'committed entries must be handed out in order')",
        replace: '',
      },
    ],
  },
  {
    bug: 'B14a',
    title: 'the size of uncommitted entries leaks, until every proposal is refused (etcd-io/raft)',
    profile: 'small-limits',
    patches: [
      {
        file: 'src/raft/uncommitted-ledger.ts',
        find: 'this.#bytes -= this.#lines[this.#head]!.sizeBytes',
        replace: 'this.#bytes -= this.#lines[this.#head]!.sizeBytes - 1',
      },
    ],
  },
  {
    bug: 'B14b',
    title: 'the window of a follower leaks, until nothing is sent to it (etcd-io/raft)',
    profile: 'small-limits',
    patches: [
      {
        file: 'src/raft/inflights.ts',
        find: 'this.#lastIndexes[this.#head]! <= index',
        replace: 'this.#lastIndexes[this.#head]! < index',
      },
    ],
  },
  {
    bug: 'B15',
    title: 'an empty append after compaction names the term 0 (etcd-io/raft)',
    profile: 'snapshots',
    patches: [
      {
        file: 'src/raft/replication.ts',
        find: 'if (previousTerm === null) return sendSnapshot(state, progress)',
        replace: '',
      },
      {
        file: 'src/raft/replication.ts',
        find: 'const previousTerm = log.termAt(previousIndex)',
        replace: 'const previousTerm = log.termAt(previousIndex) ?? 0',
      },
    ],
  },
  {
    bug: 'B16a',
    title: 'a follower stays in the snapshot state when the end of its transfer is reported (etcd)',
    profile: 'snapshots',
    patches: [
      {
        file: 'src/raft/replication.ts',
        find: "if (progress?.state !== 'snapshot') return",
        replace: "if (progress?.state !== 'snapshot' || outcome !== undefined) return",
      },
    ],
  },
  {
    bug: 'B16b',
    title: 'a fully compacted log forgets the term of its last entry (openraft)',
    profile: 'snapshots',
    patches: [
      {
        file: 'src/raft/log.ts',
        find: 'return this.#terms.lastTerm',
        replace: 'return this.#lastIndex === this.baseIndex ? 0 : this.#terms.lastTerm',
      },
    ],
  },
  {
    bug: 'B25a',
    title: 'an acknowledgement of an earlier term counts, though the log was reverted since (openraft)',
    profile: 'late-messages',
    patches: [
      {
        file: 'src/raft/step.ts',
        find: "  state.drop('stale-term')",
        replace:
          "  if (message.type === 'append-accepted') return deliverToLeader(state, message)\n  state.drop('stale-term')",
      },
    ],
  },
  {
    bug: 'B25b',
    title: 'a late rejection takes the next index back to or below the match (etcd-io/raft)',
    profile: 'late-messages',
    patches: [
      {
        file: 'src/raft/progress.ts',
        find: 'this.next = Math.max(Math.min(previousIndex, hint + 1), this.match + 1)',
        replace: 'this.next = Math.min(previousIndex, hint + 1)',
      },
    ],
  },
  {
    bug: 'B26a',
    title: 'a snapshot is installed while entries are being applied (openraft)',
    profile: 'snapshots',
    patches: [
      {
        file: 'src/raft/log.ts',
        find: 'return this.#snapshot !== null && !this.#snapshot.installing && this.#applyWindow.isBusy()',
        replace: 'return false',
      },
    ],
  },
  {
    bug: 'B26b',
    title: 'clients whose commands a snapshot skipped are never answered (openraft)',
    profile: 'snapshots',
    patches: [
      {
        file: 'sim/cluster/replica.ts',
        find: 'this.#waiting.skippedTo(image.appliedIndex)',
        replace: '',
      },
    ],
  },
  {
    bug: 'B30',
    title: 'an entry of an earlier term is committed by counting (the paper, Figure 8)',
    profile: 'old-terms',
    patches: [
      {
        file: 'src/raft/leader.ts',
        find: 'if (index >= role.firstIndex) commitAsLeader(state, role, index)',
        replace: 'commitAsLeader(state, role, index)',
      },
    ],
  },
  {
    bug: 'B31',
    title: 'a snapshot is accepted at an index that is committed already (openraft)',
    profile: 'snapshots',
    patches: [
      {
        file: 'src/raft/follower.ts',
        find: 'if (snapshot.index <= log.commit) return acceptUpTo(state, message, log.commit)',
        replace: '',
      },
    ],
  },
]
