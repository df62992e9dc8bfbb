/** The small files of a data folder, as a disk or a hasty hand may have left them. */

import { MemoryDisk } from '../../../src/host/memory-disk.ts'
import { readWhole } from '../../../src/host/disk.ts'
import { SystemClock } from '../../../src/host/clock.ts'
import { SeededRandom } from '../../../src/host/random.ts'
import { DataFolder } from '../../../src/cluster/data-folder.ts'
import {
  IDENTITY_FILE,
  foundingIdentity,
  readIdentity,
  writeIdentity,
} from '../../../src/cluster/identity.ts'
import { encodeRecord, decodeRecord } from '../../../src/group/snapshot/incoming-record.ts'
import { COPY_ID_BYTES } from '../../../src/group/snapshot/copy-codec.ts'
import { initialConfiguration } from '../../../src/raft/membership.ts'
import { crc32c } from '../../../src/base/crc32c.ts'
import type { FuzzRandom } from '../random.ts'
import type { FuzzTarget, Outcome } from '../target.ts'
import { refusal, utf8 } from '../target.ts'

const FOLDER = '/data'
const CODES = ['DATA_CORRUPT', 'FORMAT_TOO_NEW']
/** The first byte of an input: which file it is. */
const RECORD = 2

export const folder: FuzzTarget = {
  name: 'folder',
  what: 'the files format, identity and those of copies on their way, from a disk',
  testInputs: 5_000,
  async open() {
    const disk = new MemoryDisk()
    await open(disk)
    const identity = foundingIdentity(new SeededRandom(1n))
    await writeIdentity(disk, FOLDER, { ...identity, peers: [{ member: 2, address: 'two:7001' }] })
    const files = await Promise.all(
      ['format', IDENTITY_FILE].map((name) => readWhole(disk, `${FOLDER}/${name}`)),
    )
    const copy = {
      id: new Uint8Array(COPY_ID_BYTES),
      metadata: { index: 9, term: 2, configuration: initialConfiguration([{ id: 1, generation: 1 }], []) },
      digest: new Uint8Array(32),
      sizeBytes: 4096,
    }
    const record = encodeRecord({ state: 'receiving', syncedBytes: 100, copy })
    return {
      corpus: [...files, record].map((bytes, number) => Uint8Array.of(number, ...(bytes ?? []))),
      pieces: utf8('null', '{}', '[]', '"format":', '"peers":[', '1e999', '-1', '{"member":', '"address":""'),
      repair: sealRecord,
      feed: (input) => read(input),
      allocationBytesMax: 4 * 1024 * 1024,
    }
  },
}

function open(disk: MemoryDisk): Promise<DataFolder> {
  const lock = () => ({ release: () => {} })
  return DataFolder.open({
    folder: FOLDER,
    disk,
    clock: new SystemClock(),
    random: new SeededRandom(2n),
    lock,
  })
}

async function read(input: Uint8Array): Promise<Outcome> {
  const [kind, bytes] = [(input[0] ?? 0) % 3, input.subarray(1)]
  const disk = new MemoryDisk()
  await disk.createFolder(FOLDER)
  try {
    if (kind === RECORD) decodeRecord(bytes, 'a record')
    else if (kind === 0) {
      disk.plant(`${FOLDER}/format`, bytes)
      const { format } = await open(disk)
      if (!Number.isSafeInteger(format.format)) throw new Error('a format that is no number')
    } else {
      disk.plant(`${FOLDER}/${IDENTITY_FILE}`, bytes)
      const identity = await readIdentity(disk, FOLDER)
      if (identity === null || !Number.isSafeInteger(identity.member))
        throw new Error('an identity without a number')
      // What was read is written again at every start.
      await writeIdentity(disk, FOLDER, identity)
    }
    return 'taken'
  } catch (error) {
    return refusal(error, CODES)
  }
}

function sealRecord(input: Uint8Array, random: FuzzRandom): Uint8Array {
  if ((input[0] ?? 0) % 3 !== RECORD || input.length < 6 || random.oneIn(4)) return input
  const sealed = input.slice()
  const end = sealed.length - 4
  new DataView(sealed.buffer).setUint32(end, crc32c(sealed.subarray(1, end)), true)
  return sealed
}
