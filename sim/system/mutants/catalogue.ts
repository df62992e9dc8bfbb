/** Bugs of the layers above the core, each put into a copy of the sources, where the whole system in the simulator must find it. */

import type { Patch } from '../../mutants/mutant.ts'
import type { Focus } from './focus.ts'

export interface SystemMutant {
  readonly bug: string
  readonly title: string
  readonly patches: readonly Patch[]
  /** The kind of run in which it is likely to show. */
  readonly focus: Focus
}

export const SYSTEM_MUTANTS: readonly SystemMutant[] = [
  {
    bug: 'H1',
    title: 'a write is acknowledged before it is synced',
    focus: 'power-cuts',
    patches: [
      {
        file: 'src/journal/journal.ts',
        find: 'await segment.file.writeDurable(offset, bytes, this.#mayBlock(bytes.length))',
        replace: 'await segment.file.write(offset, bytes)',
      },
    ],
  },
  {
    bug: 'H2',
    title: 'the log is compacted before the SQLite file has been made durable',
    focus: 'power-cuts',
    patches: [
      {
        file: 'src/group/state-machine.ts',
        find: 'const state = await must(this.#engine).checkpoint()',
        replace: 'const state = must(this.#engine).applied',
      },
    ],
  },
  {
    bug: 'H3',
    title: 'a follower answers linearizable reads from its own file',
    focus: 'reads',
    patches: [
      {
        file: 'src/group/database-group.ts',
        find: 'return this.readIndexNow() ?? BigInt(await this.#log.readIndex(timeoutMs))',
        replace: 'return this.#applied.index',
      },
    ],
  },
  {
    bug: 'H4',
    title: 'the leader answers reads at what it has applied, not at what is committed',
    focus: 'reads',
    patches: [
      {
        file: 'src/group/database-group.ts',
        find: 'return this.readIndexNow() ?? BigInt(await this.#log.readIndex(timeoutMs))',
        replace: `const own = this.#log.leadingFrom === null ? null : max(BigInt(this.#log.leadingFrom), this.#applied.index)
    const index = BigInt(await this.#log.readIndex(timeoutMs))
    return own !== null && own < index ? own : index`,
      },
    ],
  },
  {
    bug: 'H5',
    title: 'an interactive transaction writes although the database has moved on since it read',
    focus: 'transactions',
    patches: [
      {
        file: 'src/group/transactions.ts',
        find: 'if (snapshotIndex === null || fileIndex === null || snapshotIndex >= fileIndex) return',
        replace: 'if (fileIndex !== undefined) return',
      },
    ],
  },
  {
    bug: 'H6',
    title: 'what is in the log and could not be applied yet is told to its client as not done',
    focus: 'engine-deaths',
    patches: [
      {
        file: 'src/group/state-machine.ts',
        find: "        'OUTCOME_UNKNOWN',\n        `The transaction is stored",
        replace: "        'NOT_LEADER',\n        `The transaction is stored",
      },
    ],
  },
  {
    bug: 'H7',
    title: 'idempotency keys are not stored',
    focus: 'engine-deaths',
    patches: [
      { file: 'src/engine/pending-entry.ts', find: '    storeKeys(parts, entry, index)\n', replace: '' },
    ],
  },
  {
    bug: 'H8',
    title: 'replicas draw random numbers of their own, and the digest is not compared',
    focus: 'schema',
    patches: [
      {
        file: 'src/engine/replay.ts',
        find: 'run.start(entry.stamp, entry.transactions',
        replace: 'run.start({ ...entry.stamp, seed: new Uint8Array(16) }, entry.transactions',
      },
      {
        file: 'src/engine/replay.ts',
        find: 'if (!bytesEqual(digest, entry.digest)) {',
        replace: 'if (digest === entry.digest) {',
      },
    ],
  },
]
