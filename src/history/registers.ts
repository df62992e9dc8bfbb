/**
 * Histories of registers, each named by a key, that clients write, compare-and-set and read.
 *
 * Two facts make long histories with many unknown outcomes cheap to check:
 *
 * 1. Linearizability is local (Herlihy and Wing, theorem 1): a history is linearizable exactly when the
 *    history of each key is. So each key is searched alone.
 * 2. Every value is written at most once. A write with unknown outcome whose value nobody ever saw can be
 *    left out: had it happened, nothing would tell. One whose value was seen did happen, and not after the
 *    first operation that saw it returned. So none stays open for ever.
 */

import { unreachable } from '../base/assert.ts'
import { checkLinearizable } from './linearizability.ts'
import type { Linearizability, SequentialModel, TimedOperation } from './linearizability.ts'

/** A register that was never written holds this; no client writes it. */
export const INITIAL_VALUE = 0

export type RegisterAction =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: number }
  | { readonly kind: 'compare-and-set'; readonly expected: number; readonly value: number }

export interface RegisterOperation extends TimedOperation {
  readonly client: number
  readonly key: number
  readonly action: RegisterAction
  /** What the register held just before: known for reads and compare-and-sets that returned. */
  readonly seen: number | null
  /**
   * Where the operation took effect, as far as somebody who sees everything can tell; null if nowhere. Only a
   * hint that saves a search: orders by position are checked like any other.
   */
  readonly position: number | null
}

export const REGISTER: SequentialModel<number, RegisterOperation> = {
  initial: INITIAL_VALUE,
  apply(state, { action, seen }) {
    if (seen !== null && seen !== state) return null
    switch (action.kind) {
      case 'read':
        return state
      case 'write':
        return action.value
      case 'compare-and-set':
        return state === action.expected ? action.value : state
      default:
        return unreachable(action)
    }
  },
  fingerprint: (state) => state,
}

/** Checks the history of each key alone; the first that is not linearizable, or null. */
export function findNonLinearizableKey(history: readonly RegisterOperation[]): NonLinearizable | null {
  const byKey = Map.groupBy(history, (operation) => operation.key)
  for (const [key, operations] of byKey) {
    if (isLinearization(operations)) continue
    const result = checkLinearizable(narrowUnknown(operations), REGISTER)
    if (result.kind !== 'linearizable') return { key, result }
  }
  return null
}

export interface NonLinearizable {
  readonly key: number
  readonly result: Exclude<Linearizability<RegisterOperation>, { kind: 'linearizable' }>
}

/**
 * Whether the order of positions is a linearization: the definition itself, in one pass. True saves the search,
 * which takes long where many writes overlap that nobody reads; false proves nothing.
 */
export function isLinearization(operations: readonly RegisterOperation[]): boolean {
  const order = operations.filter((operation) => operation.position !== null)
  const isComplete = operations.every(({ returnedAt, position }) => returnedAt === null || position !== null)
  if (!isComplete) return false
  order.sort((a, b) => (a.position ?? 0) - (b.position ?? 0) || a.calledAt - b.calledAt)
  let state: number = REGISTER.initial
  let lastCall = -Infinity
  for (const operation of order) {
    lastCall = Math.max(lastCall, operation.calledAt)
    // Something that was called after this one had returned stands before it.
    if (operation.returnedAt !== null && operation.returnedAt < lastCall) return false
    const after = REGISTER.apply(state, operation)
    if (after === null) return false
    state = after
  }
  return true
}

/** Leaves out what nobody can tell happened, and closes the rest (fact 2 above). */
export function narrowUnknown(operations: readonly RegisterOperation[]): RegisterOperation[] {
  assertValuesWrittenOnce(operations)
  const kept = operations.filter((operation) => operation.returnedAt !== null)
  const open = new Set(
    operations.filter((operation) => operation.returnedAt === null && operation.action.kind !== 'read'),
  )
  const seenBy = firstSeen(kept)
  for (let found = true; found;) {
    found = false
    for (const operation of open) {
      if (operation.action.kind === 'read') continue
      const seenAt = seenBy.get(operation.action.value)
      if (seenAt === undefined) continue
      open.delete(operation)
      kept.push({ ...operation, ...happenedBefore(operation, seenAt) })
      // A compare-and-set that happened has seen what it expected.
      if (operation.action.kind === 'compare-and-set') noteSeen(seenBy, operation.action.expected, seenAt)
      found = true
    }
  }
  return kept
}

/** The moment just before the return `seenAt`. Stamps are integers, so halves are free for such moments. */
function happenedBefore(
  operation: RegisterOperation,
  seenAt: number,
): { returnedAt: number; seen: number | null } {
  const seen = operation.action.kind === 'compare-and-set' ? operation.action.expected : null
  // A value seen before it was written is not linearizable; the least interval after the call shows it.
  return { returnedAt: Math.max(seenAt - 0.5, operation.calledAt + 0.25), seen }
}

/** For each value, the earliest return of an operation that saw it. */
function firstSeen(operations: readonly RegisterOperation[]): Map<number, number> {
  const seenBy = new Map<number, number>()
  for (const { seen, returnedAt } of operations) {
    if (seen !== null && returnedAt !== null) noteSeen(seenBy, seen, returnedAt)
  }
  return seenBy
}

function noteSeen(seenBy: Map<number, number>, value: number, at: number): void {
  seenBy.set(value, Math.min(at, seenBy.get(value) ?? Infinity))
}

function assertValuesWrittenOnce(operations: readonly RegisterOperation[]): void {
  const written = new Set<number>([INITIAL_VALUE])
  for (const { action } of operations) {
    if (action.kind === 'read') continue
    if (written.has(action.value)) throw new Error(`the value ${action.value} is written twice`)
    written.add(action.value)
  }
}
