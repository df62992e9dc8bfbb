/** Entries of a group's log: decoded alone, and replayed by an engine on a file, which must be what it was where it refuses one. */

import { rmSync } from 'node:fs'
import { SeededRandom } from '../../../src/host/random.ts'
import type { EngineCore } from '../../../src/engine/engine-core.ts'
import { decodeEntry } from '../../../src/engine/entry-codec.ts'
import { TestLeader, request, statement } from '../../../src/engine/testing/test-leader.ts'
import { WORKLOAD_SCHEMA, randomStatement } from '../../../src/engine/testing/workload.ts'
import type { FuzzTarget, Outcome } from '../target.ts'
import { fuzzFolder, refusal } from '../target.ts'

const CODES = ['DATA_CORRUPT', 'FORMAT_TOO_NEW']
const DIGEST_BYTES = 32

export const entries: FuzzTarget = {
  name: 'entries',
  what: "entries of a database's log, from a leader or a disk",
  testInputs: 10_000,
  async open() {
    const folder = fuzzFolder()
    const { log } = recordedLeader(folder)
    rmSync(folder, { recursive: true })
    return {
      corpus: log.map(({ payload }) => payload),
      feed: (input) => {
        try {
          decodeEntry(input)
          return 'taken'
        } catch (error) {
          return refusal(error, CODES)
        }
      },
      allocationBytesMax: 4 * 1024 * 1024,
    }
  },
}

function recordedLeader(folder: string): TestLeader {
  const leader = new TestLeader(folder)
  for (const sql of WORKLOAD_SCHEMA) leader.run(sql)
  const random = new SeededRandom(3n)
  for (let round = 0; round < 60; round++) leader.submit(request([randomStatement(random, false)]))
  leader.submit(
    request([statement('INSERT INTO loose VALUES (?, ?)', 1n, Uint8Array.of(1, 2))], { key: 'a key' }),
  )
  leader.core.close()
  return leader
}

/** Small tables: what a damaged statement may do to them is done quickly, and their content is read each time. */
const SCHEMA = [
  'CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT, c DEFAULT (random()))',
  'CREATE TABLE loose (a, b)',
  "CREATE TRIGGER a_insert AFTER INSERT ON a BEGIN INSERT INTO loose VALUES (new.id, 'insert'); END",
]
const WRITES = [
  ["INSERT INTO a (b) VALUES ('one'), ('two')"],
  ['UPDATE a SET b = b || 1 WHERE id < 5', 'DELETE FROM loose WHERE a > 2'],
  ['INSERT INTO loose SELECT id, c FROM a'],
  ['CREATE TABLE more (x)', 'INSERT INTO more VALUES (CURRENT_TIMESTAMP)'],
  ['INSERT OR REPLACE INTO a (id, b) VALUES (1, randomblob(8)) RETURNING *'],
]

export const replay: FuzzTarget = {
  name: 'replay',
  what: 'entries that are replayed, from a leader',
  testInputs: 400,
  async open() {
    const folder = fuzzFolder()
    const leader = new TestLeader(folder)
    leader.run(...SCHEMA)
    for (let row = 0; row < 10; row++) leader.run(statement('INSERT INTO a (b) VALUES (?)', `row ${row}`))
    const before = leader.log.slice()
    // Each of them as the next entry after the same ones.
    const corpus = WRITES.map((sqls, number) => {
      const other = new TestLeader(folder, `leader-${number}`)
      other.core.replay(before)
      const [outcome] = other.submit(request(sqls))
      if (outcome?.kind !== 'committed') throw new Error(`${sqls.join()} failed`)
      other.core.close()
      return other.log[0]?.payload ?? new Uint8Array()
    })
    const core = leader.core
    return {
      corpus,
      feed: (input) => replayed(core, input),
      // SQL of the log may make large values, within the limits of the engine.
      allocationBytesMax: 512 * 1024 * 1024,
      timeMsMax: 5_000,
      check: async () => {
        const [count] = leader.run('SELECT count(*) FROM a')
        if (count?.[0] === undefined) throw new Error('the engine serves no more')
      },
      async [Symbol.asyncDispose]() {
        core.close()
        rmSync(folder, { recursive: true })
      },
    }
  },
}

/** An entry that the digest proves right is applied; the next one must be refused, because the chain has gone on. */
function replayed(core: EngineCore, input: Uint8Array): Outcome {
  const { index, digest } = core.applied
  try {
    core.replay([{ term: 1n, index: index + 1n, payload: input }])
    return 'taken'
  } catch (error) {
    const { applied } = core
    if (applied.index !== index || Buffer.compare(applied.digest.subarray(0, DIGEST_BYTES), digest) !== 0)
      throw new Error('an entry that was refused was applied', { cause: error })
    return refusal(error, [...CODES, 'REPLICA_DIVERGED'])
  }
}
