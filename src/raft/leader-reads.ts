/**
 * Linearizable reads at the leader (ReadIndex, thesis 6.4).
 *
 * Reads are confirmed by position, not by name: every round of heartbeats has a number that counts up, a
 * follower answers with the number it got, and a read is confirmed when a quorum answered the round that began
 * after the read came in, or a later one. One round confirms every read that waited for it. Matching answers to
 * the context of a request, as others did, lets the answer to an earlier request confirm a repeated one.
 *
 * ```
 *   arrive() ──▶ arrived ── startRound() ──▶ rounds under way ── confirm() ──▶ answered
 * ```
 */

import type { ReplicaId } from './entry.ts'

/** A read to be answered: to the host of this replica, or to a follower. */
export type LeaderRead =
  | { readonly kind: 'local'; readonly context: number }
  | { readonly kind: 'remote'; readonly replica: ReplicaId; readonly request: number }

export interface ReadRound {
  readonly round: number
  /** The commit index when the round began: what all of its reads have to see. */
  readonly index: number
  readonly reads: readonly LeaderRead[]
}

export class LeaderReads {
  #round = 0
  #arrived: LeaderRead[] = []
  #rounds: ReadRound[] = []
  #count = 0
  /** Requests of followers that are not answered yet: a follower repeats them. */
  readonly #requests = new Set<string>()

  /** The newest round that was started; 0 if none. */
  get round(): number {
    return this.#round
  }

  /** Reads not answered yet. */
  get count(): number {
    return this.#count
  }

  get hasArrived(): boolean {
    return this.#arrived.length > 0
  }

  /** A request that is repeated while it waits is the same read. */
  arrive(read: LeaderRead): void {
    if (read.kind === 'remote' && this.#requests.has(keyOf(read))) return
    if (read.kind === 'remote') this.#requests.add(keyOf(read))
    this.#arrived.push(read)
    this.#count += 1
  }

  /**
   * Starts a round. It is one for all reads that have arrived if `commit` covers an entry of the leader's own term;
   * before that the leader may not know of all that is committed, and reads wait for a later round.
   */
  startRound(commit: number, knowsCommit: boolean): number {
    this.#round += 1
    if (knowsCommit && this.#arrived.length > 0) {
      this.#rounds.push({ round: this.#round, index: commit, reads: this.#arrived })
      this.#arrived = []
    }
    return this.#round
  }

  /** A quorum answered `round`. The rounds that this confirms. */
  confirm(round: number): readonly ReadRound[] {
    let count = 0
    while (count < this.#rounds.length && this.#rounds[count]!.round <= round) count += 1
    const confirmed = this.#rounds.splice(0, count)
    for (const { reads } of confirmed) this.#forget(reads)
    return confirmed
  }

  #forget(reads: readonly LeaderRead[]): void {
    this.#count -= reads.length
    for (const read of reads) if (read.kind === 'remote') this.#requests.delete(keyOf(read))
  }

  /** Everything that is not answered, for a leader that is none any more. */
  takeAll(): readonly LeaderRead[] {
    const reads = [...this.#rounds.flatMap((round) => round.reads), ...this.#arrived]
    this.#rounds = []
    this.#arrived = []
    this.#count = 0
    this.#requests.clear()
    return reads
  }
}

function keyOf({ replica, request }: LeaderRead & { kind: 'remote' }): string {
  return `${replica.id} ${replica.generation} ${request}`
}
