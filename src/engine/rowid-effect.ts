/**
 * What a statement does to `last_insert_rowid()`, told from its program (sqlite.org/opcode.html; the flags are those of sqliteInt.h). Where that is certain, nobody has
 * to set the value beforehand to see it afterwards, which costs a quick write as much as its insert (`priming.ts`).
 *
 * Every instruction that counts for `changes()` says so by a flag, and an insert into a table with rowids by another one that its rowid is to be told. An UPSERT
 * has both kinds, and only running it tells which it was.
 */

import type { SqlValue } from '../base/value.ts'

export type RowidEffect =
  /** Each row that it counts is one that it has inserted: the value is that of the last one, or the old one if it counts none. */
  'sets' | 'keeps' | 'unknown'

/** OPFLAG_NCHANGE. */
const COUNTS = 0x01
/** OPFLAG_LASTROWID. */
const TELLS_ROWID = 0x20

const ROW_WRITES: ReadonlySet<string> = new Set(['Insert', 'Delete', 'IdxInsert'])

/** `explained`: the rows that EXPLAIN gives. A program with triggers has others behind it, which may do anything. */
export function rowidEffect(explained: readonly (readonly SqlValue[])[]): RowidEffect {
  const opcodes = explained.map((row) => String(row[1]))
  if (opcodes.includes('Program') || opcodes.includes('VUpdate')) return 'unknown'
  const counting = explained
    .filter((row) => ROW_WRITES.has(String(row[1])))
    .map((row) => Number(row[6]))
    .filter((flags) => (flags & COUNTS) !== 0)
  if (counting.every((flags) => (flags & TELLS_ROWID) === 0)) return 'keeps'
  return counting.every((flags) => (flags & TELLS_ROWID) !== 0) ? 'sets' : 'unknown'
}
