/**
 * Whether a statement answers the same whenever it is asked the same in one state of the database: nothing goes into its answer but the data and its
 * parameters. Told from the compiled program, by the instructions that are known to be so. Functions count as not so, all of them: some know
 * the time or draw lots, and those that don't (`lower`) would each have to be judged. So do virtual tables, and whatever nobody has judged yet.
 */

import { isFunctionCall, KNOWN_OPCODES } from '../engine/reader/opcodes.ts'
import type { Instruction } from '../engine/reader/program.ts'

/** They read the file's header or count what the connection did: a PRAGMA's answers. */
const NOT_OF_DATA: ReadonlySet<string> = new Set(['ReadCookie', 'Expire'])

export function isRepeatable(program: readonly Instruction[]): boolean {
  return program.every(
    ({ opcode }) => KNOWN_OPCODES.has(opcode) && !isFunctionCall(opcode) && !NOT_OF_DATA.has(opcode),
  )
}
