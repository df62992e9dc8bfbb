/** The file of a copy of a database, as a peer streams it or a disk gives it back. */

import { readFileSync, rmSync } from 'node:fs'
import { IncomingCopy } from '../../../src/group/snapshot/incoming-copy.ts'
import { copyDatabase } from '../../../src/engine/snapshot.ts'
import { TestLeader, statement } from '../../../src/engine/testing/test-leader.ts'
import { INCOMING_SUFFIX } from '../../../src/group/snapshot/file-names.ts'
import { initialConfiguration } from '../../../src/raft/membership.ts'
import { BlockingDisk } from '../blocking-disk.ts'
import type { FuzzTarget, Outcome } from '../target.ts'
import { fuzzFolder, refusal } from '../target.ts'

const CHUNK_BYTES = 16 * 1024

export const copies: FuzzTarget = {
  name: 'copies',
  what: 'copies of a database, from the leader',
  testInputs: 300,
  async open() {
    const folder = fuzzFolder()
    const leader = new TestLeader(folder)
    leader.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b BLOB)')
    for (let row = 0; row < 20; row++)
      leader.run(statement('INSERT INTO t (a, b) VALUES (?, randomblob(200))', `row ${row}`))
    const { index, term, digest } = await copyDatabase(leader.core.dataFile, `${folder}/copy`)
    leader.core.close()
    const bytes = readFileSync(`${folder}/copy`)
    const configuration = initialConfiguration([{ id: 1, generation: 1 }], [])
    const metadata = { index: Number(index), term: Number(term), configuration }
    const dataFile = `${folder}/in.sqlite`
    const disk = new BlockingDisk(dataFile + INCOMING_SUFFIX)
    await disk.createFolder(folder)
    const incoming = new IncomingCopy({ database: 'shop', dataFile, disk }, null)
    let number = 0
    const receive = async (input: Uint8Array): Promise<Outcome> => {
      const id = new Uint8Array(16)
      new DataView(id.buffer).setUint32(0, ++number)
      const copy = { id, metadata, digest, sizeBytes: input.length }
      const sink = await incoming.receive(copy, async () => {})
      try {
        for (let at = 0; at < input.length; at += CHUNK_BYTES)
          await sink.write(input.subarray(at, at + CHUNK_BYTES))
        await sink.finish()
        return 'taken'
      } catch (error) {
        return refusal(error, ['DATA_CORRUPT'])
      } finally {
        sink.interrupted()
      }
    }
    return {
      corpus: [new Uint8Array(bytes)],
      feed: receive,
      allocationBytesMax: 16 * 1024 * 1024,
      timeMsMax: 2_000,
      async [Symbol.asyncDispose]() {
        await incoming.settled()
        rmSync(folder, { recursive: true })
      },
    }
  },
}
