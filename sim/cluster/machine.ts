/**
 * The state machine of a simulated replica: some registers, and where in the log they stand. Registers,
 * applied index and digest change together, as they do in one SQLite transaction.
 *
 * Images are values: applying makes a new one. So a snapshot is a reference, and a crash can put an older
 * image back. `digest` chains everything that was ever applied, in order: two replicas with the same digest
 * at the same index have applied the same entries.
 */

import type { Entry } from '../../src/raft/entry.ts'
import { REGISTER } from '../../src/history/registers.ts'
import { decodeCommand } from './command.ts'

export interface MachineImage {
  readonly appliedIndex: number
  readonly appliedTerm: number
  readonly digest: number
  readonly registers: readonly number[]
}

/** What the client of a command is told: the value that the register held just before. */
export interface ApplyResult {
  readonly image: MachineImage
  readonly seen: number | null
}

export function emptyImage(keys: number): MachineImage {
  return { appliedIndex: 0, appliedTerm: 0, digest: 0, registers: Array.from({ length: keys }, () => 0) }
}

export function applyEntry(image: MachineImage, entry: Entry): ApplyResult {
  const position = {
    appliedIndex: entry.index,
    appliedTerm: entry.term,
    digest: chain(image.digest, entry),
  }
  if (entry.kind !== 'command') return { image: { ...position, registers: image.registers }, seen: null }
  const { key, action, client } = decodeCommand(entry.data)
  const seen = image.registers[key] ?? 0
  const operation = { client, key, action, seen, calledAt: 0, returnedAt: null, position: null }
  const after = REGISTER.apply(seen, operation) ?? seen
  const registers = after === seen ? image.registers : image.registers.with(key, after)
  return { image: { ...position, registers }, seen }
}

function chain(digest: number, entry: Entry): number {
  let hash = Math.imul(digest ^ entry.index, 0x01000193) ^ entry.term
  for (const byte of entry.data) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash | 0
}
