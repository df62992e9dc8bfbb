/**
 * Whether the next batch waits a moment for clients that have just been answered.
 *
 * Clients that send their next transaction when the last one is answered fall into two halves: while the batch of one half is on its way to the disk,
 * the other half waits, and so on, for ever. Each batch costs the same few hundred microseconds of processor time for processes that wake
 * each other, whether it carries 8 or 16, so with few clients twice the batches cost nearly twice the time. Those who were answered a moment ago
 * are back within some turns of the event loop if they come back at once, and then all of them share one batch and one sync. A batch that runs on this thread begins
 * with the first who is back, and runs the others as they come: that costs none of the time in which they would have been waited for.
 *
 * It is a bet. Where they don't come back (clients far away, or done), it costs some empty turns, and is tried less and less often. Many
 * clients make large batches anyway; for them it is better not to let the engine wait.
 *
 * Rejected: a fixed pause, which everyone pays for, a lone client too; timers, which have milliseconds.
 */

import type { Clock } from '../host/clock.ts'

/** With more clients than this, what a batch costs by itself is little beside its transactions. */
const CROWD_MAX = 48
/** Some microseconds each. */
const TURNS_IN_VAIN_MAX = 8
const TURNS_MAX = 48
/** So many batches pass at most between two tries after many in vain. */
const PAUSE_MAX = 64
/** Of the crowd. One that is late takes part in the next batch. */
const MOST = 0.75
/** A client can't have heard of an answer and sent its next transaction within so short a time. */
const SAME_CLIENT_MS = 0.02
/** So many batches of one transaction in a row are those of one client. */
const ALONE_BATCHES = 16

export class Gathering {
  readonly #clock: Clock
  /** Clients that had something to be done when the last batch was committed. */
  #crowd = 0
  /** Of the last batch. */
  #taken = 0
  /** Its clients heard of it before its COMMIT. */
  #wasEarly = false
  #committedAtMs = Number.NEGATIVE_INFINITY
  #batchesOfOne = ALONE_BATCHES
  /** How many batches pass without a try after the next one in vain, and how many are left of them. */
  #pause = 1
  #pauseLeft = 0
  /** Of the try under way: how many of the crowd were there when it was last looked, and how many turns it has taken. */
  #there = 0
  #turns = 0
  #turnsInVain = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** So few clients that all of them wait for the same batch: what is done between their answers and their next requests costs nothing. */
  get isOfFew(): boolean {
    return this.#crowd <= CROWD_MAX
  }

  /** Whether the last batches were those of a client which has the database to itself. */
  get isAlone(): boolean {
    return this.#batchesOfOne >= ALONE_BATCHES
  }

  /**
   * A transaction has come while none is under way. Where everything is done in one turn of the event loop, nobody is ever seen
   * waiting: those who sent theirs meanwhile are read one after the other. So who comes right behind an answer is another client.
   */
  arrived(): void {
    if (this.#clock.nowMs() - this.#committedAtMs < SAME_CLIENT_MS) this.#batchesOfOne = 0
  }

  /** A batch was committed: who was in it, who waited meanwhile, and when its clients heard of it, if that was before its COMMIT. */
  committed(takenCount: number, waitingCount: number, answeredAtMs: number | null = null): void {
    this.#wasEarly = answeredAtMs !== null
    this.#crowd = takenCount + waitingCount
    this.#taken = takenCount
    this.#batchesOfOne = this.#crowd > 1 ? 0 : this.#batchesOfOne + 1
    this.#committedAtMs = answeredAtMs ?? this.#clock.nowMs()
  }

  /** Whether to wait before the next batch is taken. To be asked once for each. */
  isWorthATry(): boolean {
    if (this.isAlone || this.#crowd > CROWD_MAX) return false
    if (this.#pauseLeft === 0) return true
    this.#pauseLeft--
    return false
  }

  /** Resolves when the first are there, or nobody comes. `thereCount`: how many of the crowd are. */
  async begin(thereCount: () => number): Promise<void> {
    this.#turns = 0
    this.#turnsInVain = 0
    // Now all are read that came while the thread was at the batch. Who is answered only now can't be among them; who heard before the COMMIT
    // can.
    await this.#turn()
    this.#there = thereCount()
    if (!this.#wasEarly) this.#crowd = Math.max(this.#crowd, this.#taken + this.#there)
    while (this.#there === 0 && (await this.goOn(thereCount)));
  }

  /** One turn further. False when the whole crowd is there, or does not come. */
  async goOn(thereCount: () => number): Promise<boolean> {
    const isInVain = this.#turns >= TURNS_MAX || this.#turnsInVain >= TURNS_IN_VAIN_MAX
    if (this.#there >= this.#crowd || isInVain) return false
    await this.#turn()
    const now = thereCount()
    this.#turns++
    this.#turnsInVain = now > this.#there ? 0 : this.#turnsInVain + 1
    this.#there = now
    return true
  }

  /** The try is over, whoever has come. To be called once for each `begin`. */
  end(): void {
    const isWon = this.#there >= this.#crowd * MOST
    this.#pause = isWon ? 1 : Math.min(this.#pause * 2, PAUSE_MAX)
    this.#pauseLeft = isWon ? 0 : this.#pause
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#clock.soon(resolve))
  }
}
