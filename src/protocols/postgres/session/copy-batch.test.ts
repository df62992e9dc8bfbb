/** Batches of COPY: plain first, packed when there are many rows, and always all rows in order. */

import assert from 'node:assert/strict'
import { inflateRawSync } from 'node:zlib'
import { test } from 'node:test'
import { must } from '../../../base/assert.ts'
import type { SqlValue } from '../../../base/value.ts'
import { INT4_TYPE, TEXT } from '../types/registry.ts'
import { CopyBatches, type CopyBatch } from './copy-batch.ts'

const COLUMNS = [
  { name: 'a', type: { type: INT4_TYPE, modifier: -1 } },
  { name: 'b "c"', type: { type: TEXT, modifier: -1 } },
]

function batchesOf(rows: Iterable<readonly SqlValue[]>): CopyBatch[] {
  const options = { format: 'text' } as never
  const batches = new CopyBatches({ kind: 'copyIn', table: 't', columns: COLUMNS, options })
  const all: CopyBatch[] = []
  for (const row of rows) {
    for (const value of row) batches.add(value)
    if (batches.isFull) all.push(...batches.take())
  }
  return [...all, ...batches.take()]
}

/** The rows of a batch, whichever form it has. */
function rowsOf({ plan, values }: CopyBatch): (readonly unknown[])[] {
  const { sql } = must(plan.steps[0])
  if (!sql.includes('pg_unpack'))
    return Array.from({ length: values.length / 2 }, (_, at) => values.slice(at * 2, at * 2 + 2))
  return JSON.parse(
    inflateRawSync(values[0] as Uint8Array).toString(),
    (_key, value, context?: { source: string }) =>
      typeof value === 'number' ? BigInt(must(context).source) : value,
  ) as unknown[][]
}

function* numbered(count: number): Iterable<readonly SqlValue[]> {
  for (let at = 0; at < count; at++) yield [2n ** 62n + BigInt(at), at % 3 === 0 ? null : `"${at}"\n`]
}

test('every row is in one batch, in order, integers exact', () => {
  for (const count of [0, 1, 511, 512, 513, 4096, 4097, 20_000]) {
    assert.deepEqual(batchesOf(numbered(count)).flatMap(rowsOf), [...numbered(count)], `${count} rows`)
  }
})

test('packing begins behind the first rows, and takes a tenth of the room or less', () => {
  const batches = batchesOf(numbered(50_000))
  const packed = batches.filter(({ plan }) => must(plan.steps[0]).sql.includes('pg_unpack'))
  assert.ok(batches.indexOf(must(packed[0])) >= 8)
  const sizeBytes = packed.reduce((sum, { values }) => sum + (values[0] as Uint8Array).length, 0)
  const rowCount = packed.flatMap(rowsOf).length
  // A value by itself takes 9 bytes and more.
  assert.ok(rowCount > 40_000 && sizeBytes < rowCount * 18 * 0.3, `${sizeBytes} bytes for ${rowCount} rows`)
})

test('rows with floating point or bytes stay plain, in batches that SQLite can bind', () => {
  const rows = Array.from({ length: 10_000 }, (_, at): SqlValue[] => [BigInt(at), at > 5_000 ? 0.5 : null])
  const batches = batchesOf(rows)
  assert.deepEqual(batches.flatMap(rowsOf), rows)
  assert.ok(batches.every(({ values }) => values.length <= 4096))
})

test('wide rows make small batches', () => {
  const rows = Array.from({ length: 10_000 }, (_, at): SqlValue[] => [BigInt(at), 'x'.repeat(20_000)])
  assert.ok(batchesOf(rows).every((batch) => rowsOf(batch).length <= 600))
})
