/** Bugs of the journal: what is durable, and what a start makes of it. */

import { simulator } from './system-mutant.ts'
import type { SystemMutant } from './system-mutant.ts'

export const JOURNAL_MUTANTS: readonly SystemMutant[] = [
  {
    bug: 'J1',
    title: 'a write is acknowledged before it is synced',
    hunter: simulator('power-cuts'),
    patches: [
      {
        file: 'src/journal/journal.ts',
        find: 'await segment.file.writeDurable(offset, bytes, mayBlock)',
        replace: 'await segment.file.write(offset, bytes)',
      },
    ],
  },
  {
    bug: 'J2',
    title: 'a torn frame at the end of the journal is taken as it is, because its records have no checksum',
    hunter: simulator('power-cuts'),
    patches: [
      {
        file: 'src/journal/format.ts',
        find: 'if (crc32c(bytes, seed, start + 4, start + sizeBytes) !== checksum) {',
        replace: 'if (crc32c(bytes, seed, start + 4, start + sizeBytes) === -1) {',
      },
    ],
  },
  {
    bug: 'J3',
    title: 'a frame that is damaged in the middle of the journal ends it, as if a crash had cut it there',
    hunter: {
      kind: 'test',
      file: 'src/journal/recovery.test.ts',
      name: 'any wrong byte of an earlier frame is damage, named by file and offset',
      why: 'what is forgotten is on the disks of the other members; that this one forgot a vote is seen by chance only',
    },
    patches: [
      {
        file: 'src/journal/recovery.ts',
        find: '    this.#refuseLaterFrames(end, bytes)',
        replace: '',
      },
    ],
  },
]
