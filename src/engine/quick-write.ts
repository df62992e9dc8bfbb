/**
 * Whether a write is certain to be quick: then it may run on the member's own thread (`split-engine.ts`), where nothing can stop it.
 *
 * Told from its compiled program as for reads (`reader/program.ts`): no loop whose turns depend on the data or the arguments, no function
 * that may take long, and nothing that nobody has judged. Triggers, foreign key actions and virtual tables run programs of their
 * own (`Program`, `VUpdate`) and are not quick. What is left is what most writes are: rows inserted, changed and removed by their key, with
 * their indexes, CHECKs and the keys that they refer to.
 *
 * Rejected: the text (a DELETE by a key may have a trigger behind it), and how long it took before (a client can be quick nine times and slow
 * the tenth). Time is only a second guard, for what no program shows: rows of many megabytes, and disks that make pages wait.
 */

import type { SqlValue } from '../base/value.ts'
import { costOf, type Instruction } from './reader/program.ts'
import { leadingKeywords } from './sql-text.ts'

/** Instructions, a function counted as 100: some 50 µs. An insert into a table with five indexes has 80. */
const WORK_MAX = 1_000

const FIRST_WORDS: ReadonlySet<string> = new Set(['INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'SELECT'])

/** `sqlite_sequence` has a row for each table with AUTOINCREMENT, and these walk through it. */
const SEQUENCES_MAX = 200

/** Instructions that only writes have, by one that is judged and goes the same ways. */
const JUDGED_AS: ReadonlyMap<string, string> = new Map([
  ['OpenWrite', 'OpenRead'],
  ['FkCheck', 'Noop'],
  ['FkCounter', 'Noop'],
  ['FkIfZero', 'If'],
  ['MemMax', 'Noop'],
  ['TypeCheck', 'Noop'],
  ['ResetCount', 'Noop'],
])

function toInstruction(row: readonly SqlValue[]): Instruction {
  const opcode = String(row[1])
  return {
    opcode: JUDGED_AS.get(opcode) ?? opcode,
    p1: Number(row[2]),
    p2: Number(row[3]),
    p3: Number(row[4]),
    p4: row[5] as string | null,
  }
}

/** `explained`: the rows that EXPLAIN gives for `sql`. `sequenceRoot`: the root page of `sqlite_sequence`; null where there is none. */
export function isQuickWrite(
  sql: string,
  explained: readonly (readonly SqlValue[])[],
  sequenceRoot: number | null,
): boolean {
  if (!FIRST_WORDS.has(leadingKeywords(sql, 1)[0] ?? '')) return false
  if (explained.some(leavesHalf)) return false
  const { program, hasSequence } = withSequenceApart(explained.map(toInstruction), sequenceRoot)
  const cost = costOf(program, (rootPage) => (rootPage === sequenceRoot ? SEQUENCES_MAX : null))
  const sequenceWork = hasSequence ? SEQUENCES_MAX * program.length : 0
  return cost.kind === 'bounded' && cost.workMax <= WORK_MAX + sequenceWork
}

/** OE_Fail: what fails in the middle leaves what it has done until then. A quick statement has been done as a whole, or not at all. */
const FAIL = 3

function leavesHalf(row: readonly SqlValue[]): boolean {
  const opcode = String(row[1])
  return (opcode === 'Halt' || opcode === 'HaltIfNull') && Number(row[3]) === FAIL
}

const CURSOR_OF_ITS_OWN = 1_000_000

/**
 * AUTOINCREMENT opens `sqlite_sequence` twice, with a cursor that the table itself has in between. Another number keeps the loop over the one
 * from being taken for a loop over the other.
 */
function withSequenceApart(
  program: readonly Instruction[],
  sequenceRoot: number | null,
): { program: readonly Instruction[]; hasSequence: boolean } {
  let cursor: number | null = null
  let hasSequence = false
  const apart = program.map((instruction) => {
    const { opcode, p1, p2 } = instruction
    if (opcode === 'OpenRead' && p2 === sequenceRoot) {
      cursor = p1
      hasSequence = true
    }
    if (p1 !== cursor || !ON_CURSOR.has(opcode)) return instruction
    if (opcode === 'Close') cursor = null
    return { ...instruction, p1: CURSOR_OF_ITS_OWN }
  })
  return { program: apart, hasSequence }
}

/** What AUTOINCREMENT does with the cursor (insert.c, autoIncBegin and sqlite3AutoincrementEnd). */
const ON_CURSOR: ReadonlySet<string> = new Set(
  'OpenRead Rewind Column Rowid Next NewRowid Insert Close'.split(' '),
)
