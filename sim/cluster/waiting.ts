/** Clients that wait at one replica for the outcome of what they proposed, or for a read. */

import type { Entry } from '../../src/raft/entry.ts'
import type { MachineImage } from './machine.ts'

/** How a proposal ended, as far as the replica that took it knows. */
export type ProposalOutcome =
  | { readonly kind: 'applied'; readonly index: number; readonly term: number; readonly seen: number | null }
  /** Another entry was committed at its index: it did not happen and never will. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'unknown' }

export type ReadOutcome =
  | { readonly kind: 'read'; readonly image: MachineImage; readonly index: number }
  | { readonly kind: 'failed' }

interface WaitingProposal {
  readonly term: number
  readonly done: (outcome: ProposalOutcome) => void
}

interface WaitingRead {
  /** The read index once it is known; null before. */
  index: number | null
  readonly done: (outcome: ReadOutcome) => void
}

export class Waiting {
  readonly #proposals = new Map<number, WaitingProposal[]>()
  readonly #reads = new Map<number, WaitingRead>()

  proposed(index: number, term: number, done: (outcome: ProposalOutcome) => void): void {
    const waiting = this.#proposals.get(index)
    if (waiting === undefined) this.#proposals.set(index, [{ term, done }])
    else waiting.push({ term, done })
  }

  /** An index may have several waiters: this replica led twice, and the first leadership's entry was lost. */
  applied(entry: Entry, seen: number | null): void {
    const waiting = this.#proposals.get(entry.index)
    if (waiting === undefined) return
    this.#proposals.delete(entry.index)
    for (const { term, done } of waiting) {
      done(term === entry.term ? { kind: 'applied', index: entry.index, term, seen } : { kind: 'lost' })
    }
  }

  /** A snapshot covers `index`: what was committed before it was never seen here. */
  skippedTo(index: number): void {
    for (const [at, waiting] of this.#proposals) {
      if (at > index) continue
      this.#proposals.delete(at)
      for (const { done } of waiting) done({ kind: 'unknown' })
    }
  }

  /** Whether somebody waits for what was applied already. */
  isStranded(appliedIndex: number): boolean {
    return [...this.#proposals.keys()].some((index) => index <= appliedIndex)
  }

  reading(context: number, done: (outcome: ReadOutcome) => void): void {
    this.#reads.set(context, { index: null, done })
  }

  readIndexKnown(context: number, index: number): void {
    const read = this.#reads.get(context)
    if (read !== undefined) read.index = index
  }

  readFailed(context: number): void {
    const read = this.#reads.get(context)
    this.#reads.delete(context)
    read?.done({ kind: 'failed' })
  }

  /** Serves every read whose index the state machine has reached. */
  serveReads(image: MachineImage): void {
    for (const [context, { index, done }] of this.#reads) {
      if (index === null || index > image.appliedIndex) continue
      this.#reads.delete(context)
      done({ kind: 'read', image, index })
    }
  }

  /** The replica is gone. */
  abandon(): void {
    for (const waiting of this.#proposals.values()) {
      for (const { done } of waiting) done({ kind: 'unknown' })
    }
    for (const { done } of this.#reads.values()) done({ kind: 'failed' })
    this.#proposals.clear()
    this.#reads.clear()
  }
}
