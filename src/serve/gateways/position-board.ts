/**
 * Where the member writes up to which index a read must go, database by database, and its gateway processes look before each read: a file without a
 * name, in memory, which the member opens and every gateway inherits. A look costs a microsecond; asking the member over the channel costs
 * both processes thirty and the read a turn of the member's event loop.
 *
 *   record of a slot, 24 bytes, in the machine's byte order:
 *     0   float64  read index; -1 where the member has to be asked
 *     8   float64  applied index
 *     16  uint32   check value of those 16 bytes
 *     20  uint32   unused
 *
 * Every database that a gateway has asked for gets the next slot; none is used again, so that whoever still looks at the slot of a dropped database is sent to the
 * member, which knows.
 *
 * - The member writes before it does what makes the position true (`group/read-positions.ts`).
 * - A record that is read while it is written may be half of each: the check value tells, and the member is asked. So it is where nothing was
 *   written: a check value is never that of 16 zeros and itself zero.
 * - A board that can't be written says nothing from then on: it is emptied.
 * - A gateway whose member is gone must believe nothing: another process may be the member of this folder by now, and acknowledge. The parent's id is
 *   looked at *after* the request has come and before the board, so what the board says was true at that moment.
 *
 * Lost: a named file in the data folder, which a gateway of a former member could go on reading; and memory shared by threads, because gateways are
 * processes for good reasons (DESIGN.md).
 */

import { randomUUID } from 'node:crypto'
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReadPosition } from '../../base/transaction.ts'
import type { DatabaseCore } from '../../gateway/core.ts'

const RECORD_SIZE_BYTES = 24
const NONE = -1
/** Where gateway processes find it: behind their standard streams and the channel. */
export const BOARD_DESCRIPTOR = 4

/** Of a database, all that is needed of it here. */
type Positioned = Pick<DatabaseCore, 'onReadPosition'>

class PositionRecord {
  readonly bytes = new Uint8Array(RECORD_SIZE_BYTES)
  readonly #indexes = new Float64Array(this.bytes.buffer, 0, 2)
  readonly #words = new Uint32Array(this.bytes.buffer)

  set({ readIndex, appliedIndex }: ReadPosition): void {
    this.#indexes[0] = readIndex ?? NONE
    this.#indexes[1] = appliedIndex
    this.#words[4] = this.#check()
  }

  /** Null where it is not whole. */
  get(): ReadPosition | null {
    if (this.#words[4] !== this.#check()) return null
    const readIndex = this.#indexes[0] as number
    return { readIndex: readIndex === NONE ? null : readIndex, appliedIndex: this.#indexes[1] as number }
  }

  #check(): number {
    let hash = 0x9e3779b9
    for (let i = 0; i < 4; i++) {
      hash = Math.imul(hash ^ (this.#words[i] as number), 0x85ebca6b)
      hash ^= hash >>> 15
    }
    return hash >>> 0
  }
}

/** The member's side. */
export class PositionBoard {
  readonly descriptor: number
  readonly #record = new PositionRecord()
  readonly #slots = new WeakMap<Positioned, number>()
  #slotCount = 0
  #isOver = false

  /** Throws the system's error where no file can be made. */
  constructor() {
    this.descriptor = openUnnamed()
  }

  /** What stands for a database on the board; null where its position can't be told. */
  slotOf(core: Positioned): number | null {
    if (core.onReadPosition === undefined) return null
    const known = this.#slots.get(core)
    if (known !== undefined) return known
    const slot = this.#slotCount++
    this.#slots.set(core, slot)
    core.onReadPosition((position) => this.#write(slot, position))
    return slot
  }

  close(): void {
    this.empty()
    closeSync(this.descriptor)
  }

  /** From now on everybody has to ask. */
  empty(): void {
    if (!this.#isOver) ftruncateSync(this.descriptor, 0)
    this.#isOver = true
  }

  #write(slot: number, position: ReadPosition): void {
    if (this.#isOver) return
    this.#record.set(position)
    try {
      const written = writeSync(
        this.descriptor,
        this.#record.bytes,
        0,
        RECORD_SIZE_BYTES,
        slot * RECORD_SIZE_BYTES,
      )
      if (written !== RECORD_SIZE_BYTES) this.empty()
    } catch {
      this.empty()
    }
  }
}

/** A gateway's side. */
export class PositionBoardReader {
  readonly #descriptor: number
  readonly #memberProcessId: number
  readonly #record = new PositionRecord()

  constructor(descriptor: number, memberProcessId: number) {
    this.#descriptor = descriptor
    this.#memberProcessId = memberProcessId
  }

  /** Null where the member has to be asked. */
  read(slot: number): ReadPosition | null {
    if (process.ppid !== this.#memberProcessId) return null
    const { bytes } = this.#record
    const length = readSync(this.#descriptor, bytes, 0, RECORD_SIZE_BYTES, slot * RECORD_SIZE_BYTES)
    return length === RECORD_SIZE_BYTES ? this.#record.get() : null
  }
}

/** In memory where the system has a folder for that. */
function openUnnamed(): number {
  const name = `harmonydb-${randomUUID()}`
  try {
    return openIn('/dev/shm', name)
  } catch {
    return openIn(tmpdir(), name)
  }
}

function openIn(folder: string, name: string): number {
  const path = join(folder, name)
  const descriptor = openSync(path, 'wx+', 0o600)
  unlinkSync(path)
  return descriptor
}
