/**
 * What the leader knows of one follower's log, and how it sends to it.
 *
 * ```
 *              accepted                    rejected, unreachable
 *   probe ───────────────▶ replicate ───────────────────────────▶ probe
 *     │  next is not kept any more      │                            ▲
 *     └───────────▶ snapshot ◀──────────┘                            │
 *                      └── installed, or sending it ended ───────────┘
 * ```
 *
 * `probe`: one request for each answer or heartbeat, until the place where the logs match is found.
 * `replicate`: a pipeline of requests, sent before the earlier ones are answered (thesis 10.2.1).
 * `snapshot`: nothing, until the follower has it.
 *
 * Invariant: `match < next`.
 */

import { assert } from '../base/assert.ts'
import type { ReplicaId } from './entry.ts'
import { Inflights } from './inflights.ts'

export type ProgressState = 'probe' | 'replicate' | 'snapshot'

export interface Window {
  readonly inflightMessagesMax: number
  readonly inflightBytesMax: number
}

export class Progress {
  readonly replica: ReplicaId
  readonly inflights: Inflights
  state: ProgressState = 'probe'
  /** Durable and equal to the leader's log up to here (matchIndex of Figure 2). Never goes back. */
  match = 0
  /** The next index to send (nextIndex of Figure 2). */
  next: number
  /** Probing, and the one request is on its way. */
  probeSent = false
  /** The index of the snapshot that is on its way; 0 if none. */
  pendingSnapshot = 0
  /** It answered since the last check of the quorum (thesis 6.2). */
  recentlyActive = false
  /** The highest commit index that a request in the pipeline told. */
  sentCommit = 0
  /** The highest round of leadership confirmation that it answered (thesis 6.4). */
  ackedRound = 0
  /** Send a request even if it has no entries: the answer tells whether something got lost. */
  checkDue = false

  constructor(replica: ReplicaId, next: number, window: Window) {
    this.replica = replica
    this.next = next
    this.inflights = new Inflights(window.inflightMessagesMax, window.inflightBytesMax)
  }

  /** Whether entries have to wait. */
  isPaused(): boolean {
    if (this.state === 'probe') return this.probeSent
    if (this.state === 'replicate') return this.inflights.isFull()
    return true
  }

  becomeProbe(): void {
    // A snapshot that was sent, and neither acknowledged nor refused, probably arrived.
    const from = this.state === 'snapshot' ? Math.max(this.match, this.pendingSnapshot) : this.match
    this.#enter('probe')
    this.next = from + 1
  }

  becomeReplicate(): void {
    this.#enter('replicate')
    this.next = this.match + 1
  }

  becomeSnapshot(index: number): void {
    this.#enter('snapshot')
    this.pendingSnapshot = index
    this.next = Math.max(this.next, index + 1)
  }

  #enter(state: ProgressState): void {
    this.state = state
    this.probeSent = false
    this.pendingSnapshot = 0
    this.sentCommit = 0
    this.checkDue = false
    this.inflights.clear()
  }

  /** It accepted up to `index`. Whether that was news. */
  accept(index: number): boolean {
    if (index <= this.match) return false
    this.match = index
    this.next = Math.max(this.next, index + 1)
    this.probeSent = false
    return true
  }

  /**
   * It has no match for `previousIndex`; the logs may match at `hint`. False if the answer is out of date,
   * which includes any that would take `match` back: a log that lost what it acknowledged must not be
   * trusted again under the same generation.
   */
  reject(previousIndex: number, hint: number): boolean {
    if (this.state === 'replicate') {
      if (previousIndex <= this.match) return false
      this.becomeProbe()
      return true
    }
    if (this.state === 'snapshot' || this.next - 1 !== previousIndex) return false
    this.next = Math.max(Math.min(previousIndex, hint + 1), this.match + 1)
    this.probeSent = false
    return true
  }

  /** A request with entries up to `lastIndex` goes out. */
  sent(lastIndex: number, sizeBytes: number): void {
    if (this.state === 'replicate') {
      this.next = lastIndex + 1
      this.inflights.add(lastIndex, sizeBytes)
    } else {
      assert(this.state === 'probe', 'entries sent to a follower that needs a snapshot')
      this.probeSent = true
    }
  }
}
