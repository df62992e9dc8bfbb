/**
 * Memory that answers are written into. An encoder borrows a slab while it writes, and gives back what is left of it when its bytes are taken, or when it
 * has to wait: a connection that waits for its next statement, as most do most of the time, holds none, and those that wait for a batch or for a leader have a few bytes
 * each in one that they share. What was written is never written again, so a socket may hold on to it.
 *
 * Lost: a slab for each that waits. With a hundred connections or more, each batch of answers threw away megabytes, and V8 collected its old space
 * as often as its young one.
 */

export const SLAB_BYTES: number = 64 * 1024
/** A smaller rest is not worth being given back. */
const REST_BYTES_MIN = 4 * 1024
/** So many rests are kept at most. */
const RESTS_MAX = 64

/** Two arrays and not one of pairs: this is done for every answer. */
const rests: Buffer[] = []
const offsets: number[] = []

/** Whoever has borrowed the rest of a slab. */
export interface Borrower {
  /** `slab` may be written from `offset` on. */
  lend(slab: Buffer, offset: number): void
}

/** Lends a slab with room for `sizeBytes`. */
export function borrowSlab(borrower: Borrower, sizeBytes: number): void {
  const offset = offsets.pop()
  const rest = rests.pop()
  if (rest !== undefined && offset !== undefined && rest.length - offset >= sizeBytes)
    return borrower.lend(rest, offset)
  borrower.lend(Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, sizeBytes * 2)), 0)
}

/** Whether the rest that was given back at `offset` is the caller's again: nobody has borrowed it since, nor given back another. */
export function takeBackSlab(slab: Buffer, offset: number): boolean {
  const top = rests.length - 1
  if (rests[top] !== slab || offsets[top] !== offset) return false
  rests.pop()
  offsets.pop()
  return true
}

export function giveBackSlab(slab: Buffer, offset: number): void {
  if (slab.length !== SLAB_BYTES || SLAB_BYTES - offset < REST_BYTES_MIN || rests.length >= RESTS_MAX) return
  rests.push(slab)
  offsets.push(offset)
}
