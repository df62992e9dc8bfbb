/** Bugs of the engine: how entries are executed, replayed and compared. */

import { simulator } from './system-mutant.ts'
import type { SystemMutant } from './system-mutant.ts'

export const ENGINE_MUTANTS: readonly SystemMutant[] = [
  {
    bug: 'E1',
    title: 'the applied index is written at checkpoints, not in the transaction of the data',
    hunter: simulator('engine-deaths'),
    patches: [
      {
        file: 'src/engine/pending-entry.ts',
        find: '    parts.run.connection.writeState({ ...applied, timeMs: entry.timeMs })\n    storeKeys',
        replace: '    storeKeys',
      },
      {
        file: 'src/engine/engine-core.ts',
        find: "      const row = must(this.#connection.row('PRAGMA main.wal_checkpoint(PASSIVE)'))",
        replace: `      writeApplied(this.#run, this.applied, this.#stored.timeMs)
      const row = must(this.#connection.row('PRAGMA main.wal_checkpoint(PASSIVE)'))`,
      },
    ],
  },
  {
    bug: 'E2',
    title: 'a replica does not compare the digest of what it replays',
    hunter: simulator('divergence'),
    patches: [
      {
        file: 'src/engine/replay.ts',
        find: 'if (!bytesEqual(digest, entry.digest)) {',
        replace: 'if (digest === entry.digest) {',
      },
    ],
  },
  {
    bug: 'E3',
    title: 'replicas draw random numbers of their own, and the digest is not compared',
    hunter: simulator('schema'),
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
  {
    bug: 'E4',
    title: 'what a batch had done before a conflict with ROLLBACK is acknowledged, and gone',
    hunter: simulator('batches'),
    patches: [
      {
        file: 'src/engine/leader-batch.ts',
        find: "        this.#takenMax = at + 1\n        return 'restart'",
        replace: `        this.#takenMax = at + 1
        this.#run.start(this.#stamp, request.context.foreignKeys, 'leader')
        attempt.outcomes.push({ kind: 'final', outcome: done.outcome })
        return 'stop'`,
      },
    ],
  },
  {
    bug: 'E5',
    title: 'idempotency keys are not stored',
    hunter: simulator('engine-deaths'),
    patches: [
      { file: 'src/engine/pending-entry.ts', find: '    storeKeys(parts, entry, index)\n', replace: '' },
    ],
  },
  {
    bug: 'E6',
    title: 'replicas that replay do not store idempotency keys',
    hunter: simulator('leaders'),
    patches: [
      {
        file: 'src/engine/replay.ts',
        find: "return { kind: 'survivor', results, context, idempotencyKey }",
        replace: "return { kind: 'survivor', results, context, idempotencyKey: null }",
      },
    ],
  },
  {
    bug: 'E7',
    title: 'the near engine goes on with the file as it was before the far one wrote',
    hunter: {
      kind: 'test',
      file: 'src/engine/split-engine.test.ts',
      name: 'what both run replays to the same, whoever it was',
      why: 'SQLite itself refuses most of what would come of it, and the batch is run again by the far engine',
    },
    patches: [
      {
        file: 'src/engine/split-engine.ts',
        find: '    this.#isNearStale = true\n    this.#farCalls++\n',
        replace: '    this.#farCalls++\n',
      },
    ],
  },
  {
    bug: 'E8',
    title: 'the far engine goes on with the file as it was before the near one wrote',
    hunter: {
      kind: 'test',
      file: 'src/engine/split-engine.test.ts',
      name: 'idempotency keys expire at the same entry, whoever stored them and whoever runs it',
      why: 'an entry that does not join the file is refused at its commit, and its client asks again',
    },
    patches: [
      {
        file: 'src/engine/split-engine.ts',
        find: '    if (this.#isFarStale) void this.#far.refresh().catch(() => {})\n',
        replace: '',
      },
    ],
  },
  {
    bug: 'E9',
    title: 'after a commit that failed the other engine of a database goes on without the entry',
    hunter: {
      kind: 'test',
      file: 'src/engine/split-engine.test.ts',
      name: 'after a commit that failed neither runs anything',
      why: 'the group gives up an engine whose commit failed, so only the calls that are under way could do harm',
    },
    patches: [
      {
        file: 'src/engine/split-engine.ts',
        find: '      this.#broken = error as Error\n',
        replace: '',
      },
    ],
  },
  {
    bug: 'E10',
    title: 'the near engine keeps what it knew of a schema that is another now',
    hunter: {
      kind: 'test',
      file: 'src/engine/split-engine.test.ts',
      name: 'the near one forgets what it knew of a schema that is another now',
      why: 'a statement has to run near twice, with a change of its table in between, and then once more',
    },
    patches: [
      {
        file: 'src/engine/split-engine.ts',
        find: '    if (this.#nearStructure !== this.#far.structure) near.forgetSchema()\n',
        replace: '',
      },
    ],
  },
  {
    bug: 'E11',
    title: 'the end of a process is not told to those who wait for its answers',
    hunter: simulator('engine-deaths'),
    patches: [
      {
        file: 'src/engine/engine-process.ts',
        find: 'for (const waiter of this.#waiters.values()) waiter.reject(waiter === current ? this.#end : bystander)',
        replace: 'current?.reject(this.#end ?? bystander)',
      },
    ],
  },
  {
    bug: 'E12',
    title: 'engines are opened in a process that has ended',
    hunter: simulator('engine-deaths'),
    patches: [
      {
        file: 'src/group/engines.ts',
        find: '      if (slot.process === started) slot.process = null\n',
        replace: '',
      },
    ],
  },
  {
    bug: 'E13',
    title: 'an engine does not wait until the process of a member that was killed has let go of the file',
    hunter: simulator('outliving-engines'),
    patches: [
      {
        file: 'src/engine/engine-server.ts',
        find: 'const lock = await lockFile(message.options.dataFile)',
        replace: 'const lock = { release: () => void lockFile }',
      },
    ],
  },
]
