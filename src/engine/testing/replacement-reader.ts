/**
 * A process that reads a database file while it is being replaced (file-replacement.test.ts). Each file has one generation in all of its rows,
 * half of them in its WAL, and a table of its own; whoever mixes two files reads two generations, or nothing that makes sense.
 *
 *     node replacement-reader.ts FILE open    opens a connection for each read, and tells when it has seen many generations
 *     node replacement-reader.ts FILE hold    opens one, begins a query, and goes on with it when told
 */

import { ReadConnection } from '../reader/read-connection.ts'

const dataFile = process.argv[2] as string
const OPTIONS = {
  valueSizeBytesMax: 1_000_000,
  mmapSizeBytes: 1 << 20,
  programLengthMax: 250_000_000,
  replacementWaitMs: 5_000,
}

/** Of generations: the reader was there while the file was replaced. */
const MANY = 10

interface Reads {
  count: number
  readonly generations: Set<number>
  readonly mixtures: string[]
}

function readOnce(reads: Reads): void {
  const connection = new ReadConnection(dataFile, OPTIONS)
  try {
    const found = connection.prepareOwn('SELECT DISTINCT generation FROM t').all() as unknown as bigint[][]
    const count = connection.prepareOwn('SELECT count(*) FROM t').all() as unknown as bigint[][]
    if (found.length !== 1 || Number(count[0]?.[0]) % 200 !== 0)
      reads.mixtures.push(`${found.join()} ${count.join()}`)
    reads.generations.add(Number(found[0]?.[0]))
  } catch (error) {
    reads.mixtures.push(String(error))
  } finally {
    connection.close()
  }
  reads.count++
}

function openAgainAndAgain(): void {
  const reads: Reads = { count: 0, generations: new Set(), mixtures: [] }
  let isOver = false
  const next = (): void => {
    if (isOver) return
    const before = reads.generations.size
    for (let at = 0; at < 20; at++) readOnce(reads)
    if (before <= MANY && reads.generations.size > MANY) process.send?.('many')
    setImmediate(next)
  }
  process.on('message', () => {
    isOver = true
    process.send?.({ ...reads, generations: [...reads.generations] }, () => process.exit(0))
  })
  next()
  process.send?.('ready')
}

function hold(): void {
  const connection = new ReadConnection(dataFile, OPTIONS)
  const rows = connection.prepareOwn('SELECT generation FROM t').iterate() as unknown as Iterator<bigint[]>
  const seen = [rows.next().value?.[0]]
  process.on('message', () => {
    for (let next = rows.next(); next.done !== true; next = rows.next()) seen.push(next.value[0])
    const { isReplaced } = connection
    connection.close()
    process.send?.({ rows: seen.length, generations: [...new Set(seen.map(Number))], isReplaced }, () =>
      process.exit(0),
    )
  })
  process.send?.('ready')
}

if (process.argv[3] === 'hold') hold()
else openAgainAndAgain()
