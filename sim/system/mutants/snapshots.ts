/** Bugs of copies: how a replica gets a file from another one, and how it heals its own. */

import { simulator } from './system-mutant.ts'
import type { SystemMutant } from './system-mutant.ts'

export const SNAPSHOT_MUTANTS: readonly SystemMutant[] = [
  {
    bug: 'C1',
    title: 'idempotency keys are lost on the way of a copy',
    hunter: simulator('short-logs'),
    patches: [
      {
        file: 'src/group/snapshot/leftovers.ts',
        find: "import { dirname } from 'node:path'\n",
        replace: "import { dirname } from 'node:path'\nimport { DatabaseSync } from 'node:sqlite'\n",
      },
      {
        file: 'src/group/snapshot/leftovers.ts',
        find: '  await replaceFile(disk, dataFile + INCOMING_SUFFIX, dataFile)\n',
        replace: `  await replaceFile(disk, dataFile + INCOMING_SUFFIX, dataFile)
  const copy = new DatabaseSync(dataFile)
  copy.exec('DELETE FROM _harmony_idempotency')
  copy.close()
`,
      },
    ],
  },
  {
    bug: 'C2',
    title: 'a reader goes on with the file whose place a copy has taken',
    hunter: simulator('short-logs'),
    patches: [
      {
        file: 'src/engine/reader/held-connection.ts',
        find: '    if (this.#connection.isReplaced) this.#moveOver()\n',
        replace: '',
      },
    ],
  },
  {
    bug: 'C3',
    title: 'a copy takes the place of the file while the engine has that open',
    hunter: simulator('short-logs'),
    patches: [
      {
        file: 'src/group/state-machine.ts',
        find: '      await this.#waking?.catch(() => {})\n      await this.#giveUpEngine()\n      await work()',
        replace: '      await this.#waking?.catch(() => {})\n      await work()',
      },
    ],
  },
  {
    bug: 'C4',
    title: 'healing keeps the damaged file',
    hunter: simulator('divergence'),
    patches: [
      {
        file: 'src/group/snapshot/snapshots.ts',
        find: `        await this.#installFile()
        isInPlace = true`,
        replace: '        isInPlace = true',
      },
    ],
  },
  {
    bug: 'C5',
    title: 'an exchange of files that a crash interrupted is not carried out by the next start',
    hunter: {
      kind: 'test',
      file: 'src/group/snapshot/leftovers.test.ts',
      name: 'once the exchange of files has begun the next start ends it; before that nothing has changed',
      why: 'the moment is a few microseconds long; the test tries every one',
    },
    patches: [
      {
        file: 'src/group/snapshot/leftovers.ts',
        find: "    case 'installing':\n      return finishInstallation(disk, dataFile, record)",
        replace: "    case 'installing':\n      return cutToDurable(disk, dataFile, record)",
      },
    ],
  },
  {
    bug: 'C6',
    title: 'a copy is accepted whatever it has',
    hunter: {
      kind: 'test',
      file: 'src/engine/engine-core.test.ts',
      name: 'a snapshot is a copy of what is committed, and is installed in place of a file',
      why: 'copies arrive whole in the simulator, because what arrives of a connection is what was sent; the check is for what nobody foresaw',
    },
    patches: [
      {
        file: 'src/engine/snapshot.ts',
        find: 'if (index !== expected.index || term !== expected.term || !bytesEqual(digest, expected.digest)) {',
        replace: 'if (!bytesEqual(digest, digest)) {',
      },
    ],
  },
  {
    bug: 'C7',
    title: 'a copy that was interrupted goes on at the wrong place',
    hunter: {
      kind: 'test',
      file: 'src/group/snapshot/snapshots.test.ts',
      name: 'what was received before an interruption is not sent again',
      why: 'the check at its end finds it out, and it is sent again as a whole: nothing is wrong in the end but the effort',
    },
    patches: [
      {
        file: 'src/group/snapshot/incoming-copy.ts',
        find: 'return new Sink(receiving.writtenBytes, {',
        replace: 'return new Sink(0, {',
      },
    ],
  },
  {
    bug: 'C8',
    title: 'the log is compacted beyond what a follower needs that is being sent a copy',
    hunter: {
      kind: 'test',
      file: 'src/group/snapshot/snapshots.test.ts',
      name: 'the leader keeps what comes after a copy until its receiver has it',
      why: 'the follower is sent another copy, and one more, until the writers pause: late, and right in the end',
    },
    patches: [
      {
        file: 'src/group/log-tail.ts',
        find: 'return Math.min(index, kept, keptForSnapshots(log, limits, needs.retainedFrom))',
        replace: 'return Math.min(index, kept)',
      },
    ],
  },
]
