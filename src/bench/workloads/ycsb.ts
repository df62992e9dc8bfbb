/**
 * YCSB's core workloads A to F (B. F. Cooper and others, "Benchmarking cloud serving systems with YCSB", SoCC 2010; the mixes as in
 * the files workloada to workloadf of its repository). Keys are scattered, so that popular records are not neighbours.
 */

import { randomUUID } from 'node:crypto'
import { scatter, Zipfian } from '../distributions.ts'
import { LoadRandom } from '../random.ts'
import type { Connection } from '../target.ts'
import type { AnyWorkload, Operate } from '../workload.ts'
import { insertRecord, loadRecords, readRecord, scanRecords, updateRecord } from './records.ts'

const RECORDS_PER_SCALE = 10_000
const SCAN_MAX = 100
const LOAD_SEED = 1

type Action = 'read' | 'update' | 'insert' | 'scan' | 'read-modify-write'

interface Mix {
  readonly letter: string
  readonly summary: string
  readonly share: number
  readonly common: Action
  readonly rare: Action
  readonly distribution: 'zipfian' | 'latest'
}

const MIXES: readonly Mix[] = [
  {
    letter: 'a',
    summary: 'half reads, half updates: sessions',
    share: 0.5,
    common: 'read',
    rare: 'update',
    distribution: 'zipfian',
  },
  {
    letter: 'b',
    summary: '95% reads, 5% updates: tags of photos',
    share: 0.95,
    common: 'read',
    rare: 'update',
    distribution: 'zipfian',
  },
  {
    letter: 'c',
    summary: 'reads only: profiles',
    share: 1,
    common: 'read',
    rare: 'read',
    distribution: 'zipfian',
  },
  {
    letter: 'd',
    summary: '95% reads of the latest records, 5% inserts: news',
    share: 0.95,
    common: 'read',
    rare: 'insert',
    distribution: 'latest',
  },
  {
    letter: 'e',
    summary: '95% scans of up to 100 records, 5% inserts: threads',
    share: 0.95,
    common: 'scan',
    rare: 'insert',
    distribution: 'zipfian',
  },
  {
    letter: 'f',
    summary: 'half reads, half read-modify-writes: user records',
    share: 0.5,
    common: 'read',
    rare: 'read-modify-write',
    distribution: 'zipfian',
  },
]

/** Scattered and unique, because the ordinal is part of it. */
function keyOf(ordinal: number): string {
  return `user${String(scatter(ordinal)).padStart(10, '0')}${String(ordinal).padStart(9, '0')}`
}

/** Which records there are: those that were loaded, and those that were inserted in this round. */
class Keys {
  readonly #zipfian: Zipfian
  readonly #loaded: number
  #present: number
  #next: number
  /** Inserted, while one before is not yet. */
  readonly #ahead = new Set<number>()
  /** Other rounds and other load processes insert into the same tables. */
  readonly #suffix = randomUUID().slice(0, 8)

  constructor(count: number) {
    this.#zipfian = new Zipfian(count)
    this.#loaded = count
    this.#present = count
    this.#next = count
  }

  existing(distribution: Mix['distribution'], random: LoadRandom): string {
    const rank = this.#zipfian.rank(random)
    return this.#key(distribution === 'latest' ? this.#present - 1 - rank : scatter(rank) % this.#present)
  }

  /** Of a record that may be asked for as soon as `insert` resolves. */
  async insert(insert: (key: string) => Promise<void>): Promise<void> {
    const ordinal = this.#next++
    await insert(this.#key(ordinal))
    // Inserts end in any order: only those before which none is missing may be asked for. Most end in order.
    if (ordinal !== this.#present) return void this.#ahead.add(ordinal)
    this.#present++
    while (this.#ahead.delete(this.#present)) this.#present++
    this.#zipfian.grow(this.#present)
  }

  #key(ordinal: number): string {
    return ordinal < this.#loaded ? keyOf(ordinal) : keyOf(ordinal) + this.#suffix
  }
}

function workloadOf(mix: Mix): AnyWorkload {
  return {
    name: `ycsb-${mix.letter}`,
    title: `YCSB ${mix.letter.toUpperCase()}`,
    summary: `${mix.summary}. Records of 1,000 bytes, ${mix.distribution} distribution.`,
    needs: 'any',
    load: (connection, scale) => {
      const count = RECORDS_PER_SCALE * scale
      const ordinals = Array.from({ length: count }, (_, ordinal) => ordinal)
      return loadRecords(connection, ordinals.map(keyOf), new LoadRandom(LOAD_SEED))
    },
    begin: (_, scale) => Promise.resolve(operationOf(mix, new Keys(RECORDS_PER_SCALE * scale))),
  }
}

function operationOf(mix: Mix, keys: Keys): Operate {
  return (connection, random) =>
    act(random.float() < mix.share ? mix.common : mix.rare, connection, random, keys, mix.distribution)
}

async function act(
  action: Action,
  connection: Connection,
  random: LoadRandom,
  keys: Keys,
  distribution: Mix['distribution'],
): Promise<void> {
  if (action === 'insert') return keys.insert((key) => insertRecord(connection, key, random))
  const key = keys.existing(distribution, random)
  if (action === 'scan') return scanRecords(connection, key, random.between(1, SCAN_MAX))
  if (action === 'read' || action === 'read-modify-write') await readRecord(connection, key)
  if (action === 'update' || action === 'read-modify-write') await updateRecord(connection, key, random)
}

export const YCSB: readonly AnyWorkload[] = MIXES.map(workloadOf)
