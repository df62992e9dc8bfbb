/**
 * Whether a statement can change an unbounded number of rows: a write inside a loop of its program, or of the
 * programs of its triggers and foreign key actions, as EXPLAIN shows them (sqlite.org/opcode.html). A program
 * without such a loop changes at most as many rows as it has instructions.
 */

import type { SqlValue } from '../base/value.ts'
import { hasWord, leadingKeywords } from './sql-text.ts'

interface Instruction {
  readonly address: number
  readonly opcode: string
  readonly p1: number
  readonly p2: number
}

/** Rows of EXPLAIN as instructions, one list for each program: the addresses of each begin at 0. */
function programsOf(rows: readonly (readonly SqlValue[])[]): Instruction[][] {
  const programs: Instruction[][] = []
  for (const row of rows) {
    const instruction = {
      address: Number(row[0]),
      opcode: String(row[1]),
      p1: Number(row[2]),
      p2: Number(row[3]),
    }
    if (instruction.address === 0) programs.push([])
    programs.at(-1)?.push(instruction)
  }
  return programs
}

/** Those whose P2 is no jump target. One that is missing costs a second run (DESIGN.md), not correctness. */
const NO_JUMPS: ReadonlySet<string> = new Set(
  (
    'Null Integer Int64 Real String8 String Blob Variable Move Copy SCopy IntCopy Column MakeRecord ' +
    'Insert Delete IdxInsert IdxDelete OpenRead OpenWrite OpenEphemeral OpenAutoindex OpenPseudo ' +
    'OpenDup SorterOpen Rowid IdxRowid NewRowid Affinity ResultRow Function PureFunc AggStep AggFinal ' +
    'AggValue AggInverse Add Subtract Multiply Divide Remainder Concat BitAnd BitOr ShiftLeft ' +
    'ShiftRight Not And Or BitNot SoftNull Transaction TableLock FkCounter MemMax AddImm Cast Param ' +
    'RowData SorterData SorterInsert Sequence RowSetAdd VColumn VUpdate VOpen Clear Close Halt ' +
    'HaltIfNull ResetCount ResetSorter NullRow DeferredSeek FinishSeek Trace Explain Noop CollSeq ' +
    'ReadCookie SetCookie BeginSubrtn Return Permutation Compare IsTrue ZeroOrNull TypeCheck Offset ' +
    'Count FilterAdd ClrSubtype GetSubtype SetSubtype RealAffinity ColumnsUsed SeekHit SeekEnd ' +
    'CursorHint MaxPgcnt Pagecount Expire VBegin VCreate VDestroy VRename Savepoint EndCoroutine ' +
    'VInitIn VCheck ReleaseReg IfEmpty'
  ).split(' '),
)

const TEMPORARY_CURSORS: ReadonlySet<string> = new Set([
  'OpenEphemeral',
  'OpenAutoindex',
  'OpenDup',
  'SorterOpen',
  'OpenPseudo',
])

function isWrite(instruction: Instruction, temporary: ReadonlySet<number>): boolean {
  if (instruction.opcode === 'Program' || instruction.opcode === 'VUpdate') return true
  const isRowWrite = instruction.opcode === 'Insert' || instruction.opcode === 'Delete'
  return isRowWrite && !temporary.has(instruction.p1)
}

function hasWriteInLoop(program: readonly Instruction[]): boolean {
  // What follows Init's target sets the transaction up and jumps back to the beginning: no loop.
  const init = program[0]
  const bodyEnd = init?.opcode === 'Init' && init.p2 > 1 ? init.p2 : program.length
  const body = program.slice(0, bodyEnd)
  const temporary = new Set(body.filter(({ opcode }) => TEMPORARY_CURSORS.has(opcode)).map(({ p1 }) => p1))
  const writes = body.filter((instruction) => isWrite(instruction, temporary)).map(({ address }) => address)
  return body.some(
    ({ opcode, address, p2 }) =>
      opcode === 'Clear' ||
      (p2 > 0 && p2 < address && !NO_JUMPS.has(opcode) && writes.some((at) => at >= p2 && at <= address)),
  )
}

const QUERY_WORDS = new Set(['SELECT'])

/** INSERT … VALUES loops over as many rows as its text holds. */
function isValuesInsert(sql: string): boolean {
  const first = leadingKeywords(sql, 1)[0]
  return (first === 'INSERT' || first === 'REPLACE') && !hasWord(sql, QUERY_WORDS)
}

/** Full-text indexes take commands as inserts, and these touch the whole index. */
const INDEX_COMMANDS: ReadonlySet<string> = new Set(['rebuild', 'optimize', 'merge', 'delete-all'])

export function isIndexCommand(sql: string, values: readonly SqlValue[]): boolean {
  if (values.some((value) => typeof value === 'string' && INDEX_COMMANDS.has(value.toLowerCase())))
    return true
  return /'(rebuild|optimize|merge|delete-all)'/i.test(sql)
}

/** `explained`: the rows that EXPLAIN gives for `sql`. */
export function canChangeManyRows(sql: string, explained: readonly (readonly SqlValue[])[]): boolean {
  const programs = programsOf(explained)
  return (isValuesInsert(sql) ? programs.slice(1) : programs).some(hasWriteInLoop)
}
