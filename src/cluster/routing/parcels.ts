/**
 * Calls and answers that are too large for one frame, on the side that holds them: the parts of a call as they come in, the bytes of an answer
 * as they are fetched. Bounded for each other member, and forgotten when nobody asks any more.
 */

import { HarmonyError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../host/clock.ts'
import type { RoutingLimits } from './limits.ts'

interface Parcel {
  /** Of the whole: room for it is reserved, but memory is taken by what arrives. */
  readonly sizeBytes: number
  /** In order, from the first byte on. */
  readonly parts: Uint8Array[]
  filledBytes: number
  usedAtMs: number
}

/** What a parcel costs besides its bytes, so that the bound holds for any number of small ones. */
const PARCEL_OVERHEAD_BYTES = 1024

/** Of one other member: parts of its calls under the numbers that it chose, answers for it under our own ones, negative. */
class Shelf {
  readonly parcels = new Map<number, Parcel>()
  heldBytes = 0

  put(number: number, parcel: Parcel): void {
    this.parcels.set(number, parcel)
    this.heldBytes += parcel.sizeBytes + PARCEL_OVERHEAD_BYTES
  }

  remove(number: number): void {
    const parcel = this.parcels.get(number)
    if (parcel !== undefined) this.heldBytes -= parcel.sizeBytes + PARCEL_OVERHEAD_BYTES
    this.parcels.delete(number)
  }
}

export class Parcels {
  readonly #clock: Clock
  readonly #limits: RoutingLimits
  readonly #shelves = new Map<number, Shelf>()
  #timer: Timer | null = null
  #lastNumber: number

  /** `firstNumber` differs from one start of the member to the next, so that nobody fetches what another process has put there. */
  constructor(clock: Clock, limits: RoutingLimits, firstNumber: number) {
    this.#clock = clock
    this.#limits = limits
    this.#lastNumber = firstNumber
  }

  /** Of `member`, all together. */
  heldBytes(member: number): number {
    return this.#shelves.get(member)?.heldBytes ?? 0
  }

  /** How large an answer may be that is kept for `member`. */
  roomBytes(member: number): number {
    const { partsHeldBytesMax, messageSizeBytesMax } = this.#limits
    return Math.max(
      0,
      Math.min(messageSizeBytesMax, partsHeldBytesMax - this.heldBytes(member) - PARCEL_OVERHEAD_BYTES),
    )
  }

  /** Takes in a part. Parts come in order, because each is sent when the one before was answered. Throws REQUEST_INVALID, OVERLOADED. */
  add(member: number, number: number, sizeBytes: number, offset: number, bytes: Uint8Array): void {
    const shelf = this.#shelf(member)
    const parcel = shelf.parcels.get(number) ?? this.#open(member, shelf, number, sizeBytes)
    const isNext = parcel.sizeBytes === sizeBytes && offset === parcel.filledBytes && bytes.length > 0
    if (!isNext || offset + bytes.length > sizeBytes) {
      shelf.remove(number)
      throw invalid(`Part ${offset} of parcel ${number} does not fit in.`)
    }
    // A copy of its own: `bytes` keeps the frame alive in which it came.
    parcel.parts.push(bytes.slice())
    parcel.filledBytes += bytes.length
    parcel.usedAtMs = this.#clock.nowMs()
  }

  /** The whole, which is forgotten here. Throws REQUEST_INVALID if it is not complete. */
  take(member: number, number: number): Uint8Array {
    const shelf = this.#shelf(member)
    const parcel = shelf.parcels.get(number)
    shelf.remove(number)
    if (parcel !== undefined && parcel.filledBytes === parcel.sizeBytes) return joined(parcel)
    throw invalid(`The parcel ${number} is not complete here.`)
  }

  /** Holds `bytes` until `member` has fetched them. The caller has asked for room. */
  keep(member: number, bytes: Uint8Array): number {
    const number = ++this.#lastNumber
    const shelf = this.#shelf(member)
    const sizeBytes = bytes.length
    const usedAtMs = this.#clock.nowMs()
    shelf.put(-number, { sizeBytes, parts: [bytes], filledBytes: sizeBytes, usedAtMs })
    this.#watch()
    return number
  }

  /** The part that begins at `offset`; asking for the end says that all of it has arrived. Throws REQUEST_INVALID. */
  read(member: number, number: number, offset: number): Uint8Array {
    const shelf = this.#shelf(member)
    const parcel = shelf.parcels.get(-number)
    const bytes = parcel?.parts[0]
    if (parcel === undefined || bytes === undefined || offset > bytes.length)
      throw invalid(`There is no part ${offset} of parcel ${number}.`)
    parcel.usedAtMs = this.#clock.nowMs()
    if (offset === bytes.length) shelf.remove(-number)
    return bytes.subarray(offset, offset + this.#limits.partSizeBytes)
  }

  /** Nobody will ask any more. */
  forget(member: number): void {
    this.#shelves.delete(member)
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#shelves.clear()
  }

  #shelf(member: number): Shelf {
    const known = this.#shelves.get(member)
    if (known !== undefined) return known
    const shelf = new Shelf()
    this.#shelves.set(member, shelf)
    return shelf
  }

  #open(member: number, shelf: Shelf, number: number, sizeBytes: number): Parcel {
    if (sizeBytes > this.roomBytes(member)) {
      throw new HarmonyError(
        'OVERLOADED',
        `This member holds ${shelf.heldBytes} bytes of large requests for member ${member} and takes no more. ` +
          'Nothing was done; try again later.',
      )
    }
    const parcel: Parcel = { sizeBytes, parts: [], filledBytes: 0, usedAtMs: this.#clock.nowMs() }
    shelf.put(number, parcel)
    this.#watch()
    return parcel
  }

  #watch(): void {
    this.#timer ??= this.#clock.after(this.#limits.partsIdleMs, () => {
      this.#timer = null
      this.#forgetIdle()
      if ([...this.#shelves.values()].some(({ parcels }) => parcels.size > 0)) this.#watch()
    })
  }

  #forgetIdle(): void {
    const oldestMs = this.#clock.nowMs() - this.#limits.partsIdleMs
    for (const shelf of this.#shelves.values())
      for (const [number, { usedAtMs }] of shelf.parcels) if (usedAtMs <= oldestMs) shelf.remove(number)
  }
}

function joined({ sizeBytes, parts }: Parcel): Uint8Array {
  const whole = new Uint8Array(sizeBytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function invalid(message: string): HarmonyError {
  return new HarmonyError('REQUEST_INVALID', `${message} Nothing was done.`)
}
