/**
 * When the near connection is left alone: after work that held the thread for longer than quick work does, for longer each time, and after
 * trouble.
 */

/** Work that holds the thread for longer was not quick. */
const SLOW_WORK_MS = 50
/** Twice as long each time, until as many works as below in a row were quick. */
const PAUSE_MS = 100
const PAUSE_MS_MAX = 30_000
const QUICK_WORKS = 100
/** After a failure, and where no more near connections may be open. */
const LEFT_MS = 2_000

export class NearPauses {
  /** Monotonic milliseconds. */
  readonly #nowMs: () => number
  #untilMs = 0
  #pauseMs = PAUSE_MS
  #quickWorks = 0

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  get isOver(): boolean {
    return this.#untilMs === 0 || this.#nowMs() >= this.#untilMs
  }

  /** There was trouble, or there is no place. */
  leave(): void {
    this.#untilMs = this.#nowMs() + LEFT_MS
  }

  /** It may be a machine with too much to do as well as a hostile client; the first comes by itself, the second again and again. */
  worked(startMs: number, endMs: number): void {
    if (endMs - startMs <= SLOW_WORK_MS) {
      this.#quickWorks++
      if (this.#quickWorks >= QUICK_WORKS) this.#pauseMs = PAUSE_MS
      return
    }
    this.#quickWorks = 0
    this.#untilMs = endMs + this.#pauseMs
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX)
  }
}
