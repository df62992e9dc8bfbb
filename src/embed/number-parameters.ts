/**
 * Which parameters may be bound as the numbers that they are. `node:sqlite` binds a number as REAL, so a whole number becomes a `bigint`
 * first, which costs a tenth of a point read. It is not needed where SQLite itself makes an INTEGER of the value before it looks at it:
 * `WHERE id = ?` finds the same row by 5.0 and by 5. `SELECT ?` or a comparison with a text does not: '5' and '5.0' differ.
 *
 * Told from the compiled program: the value is loaded (Variable) and next used by SeekRowid, or by Affinity with a numeric one
 * (opcode documentation, "Affinity"; both convert in place by sqlite3VdbeIntegerAffinity). Everything else counts as unsafe.
 */

import type { Instruction } from '../engine/reader/program.ts'

/** NUMERIC, INTEGER and REAL, as the letters of Affinity's operand. */
const NUMERIC_AFFINITIES = 'CDE'

/** For each of `count` parameters, by position. */
export function numberParameters(program: readonly Instruction[], count: number): boolean[] {
  const loads = program.flatMap(({ opcode, p1, p2 }, at) =>
    opcode === 'Variable' ? [{ parameter: p1, isSafe: isConverted(program, at + 1, p2) }] : [],
  )
  return Array.from({ length: count }, (_, at) => {
    const own = loads.filter(({ parameter }) => parameter === at + 1)
    return own.length > 0 && own.every(({ isSafe }) => isSafe)
  })
}

/** Whether the first use of `register` from `at` on, in straight order, makes an INTEGER of it. */
function isConverted(program: readonly Instruction[], at: number, register: number): boolean {
  for (const { opcode, p1, p2, p3, p4 } of program.slice(at)) {
    if (opcode === 'IsNull' || (opcode === 'Variable' && p2 !== register)) continue
    // Makes another value of what is in its first register.
    if (opcode === 'Cast' && p1 !== register) continue
    if (opcode === 'SeekRowid') return p3 === register
    if (opcode !== 'Affinity') return false
    const isCovered = p1 <= register && register < p1 + p2
    return isCovered && NUMERIC_AFFINITIES.includes(p4?.[register - p1] ?? '?')
  }
  return false
}
