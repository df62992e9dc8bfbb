/**
 * Statements that turned out to be slow on the gateway's thread, and so run in workers, which can be killed and delay nobody.
 *
 * Time by the clock says little on a machine that has more to do than processors: then point reads take 20 ms, too, and to send them all to workers,
 * which are processes to be started, makes a busy machine one that answers nothing. So time by the clock makes a suspect, and what convicts is
 * work: the thread's own processor time, or pages that had to come from the disk. And nothing is for ever: after a while it is tried again.
 */

import { LruMap } from './lru-map.ts'

/** What a statement has used so far; two of these are compared. */
export interface WorkDone {
  /** Processor time of this thread. */
  readonly cpuMs: number
  /** Times that this process waited for the disk. */
  readonly diskWaits: number
}

/** After so many slow runs in a row. */
const SLOW_TIMES = 3
const TRY_AGAIN_MS = 30_000

interface Suspect {
  times: number
  slowAtMs: number
}

export class SlowStatements {
  readonly #timeMsMax: number
  readonly #workDone: () => WorkDone
  readonly #nowMs: () => number
  readonly #suspects: LruMap<string, Suspect>

  constructor(
    timeMsMax: number,
    rememberedMax: number,
    workDone: () => WorkDone = workOfThread,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#timeMsMax = timeMsMax
    this.#workDone = workDone
    this.#nowMs = nowMs
    this.#suspects = new LruMap(rememberedMax)
  }

  isSlow(sql: string): boolean {
    if (this.#suspects.size === 0) return false
    const suspect = this.#suspects.get(sql)
    if (suspect === undefined || suspect.times < SLOW_TIMES) return false
    if (this.#nowMs() - suspect.slowAtMs < TRY_AGAIN_MS) return true
    suspect.times = SLOW_TIMES - 1
    return false
  }

  /** Before a run: what `ran` is to be given. Null for a statement that nobody suspects, which costs nothing. */
  watch(sql: string): WorkDone | null {
    return this.#suspects.size > 0 && this.#suspects.has(sql) ? this.#workDone() : null
  }

  /** It took `durationMs` by the clock. */
  ran(sql: string, durationMs: number, before: WorkDone | null): void {
    if (durationMs <= this.#timeMsMax) {
      if (this.#suspects.size > 0) this.#suspects.delete(sql)
      return
    }
    const suspect = this.#suspects.get(sql)
    if (suspect === undefined) this.#suspects.set(sql, { times: 1, slowAtMs: this.#nowMs() })
    else if (before !== null && this.#hasWorked(before)) {
      suspect.times++
      suspect.slowAtMs = this.#nowMs()
    }
  }

  clear(): void {
    this.#suspects.clear()
  }

  #hasWorked(before: WorkDone): boolean {
    const after = this.#workDone()
    return after.cpuMs - before.cpuMs > this.#timeMsMax / 2 || after.diskWaits > before.diskWaits
  }
}

function workOfThread(): WorkDone {
  const { user, system } = process.threadCpuUsage()
  return { cpuMs: (user + system) / 1000, diskWaits: process.resourceUsage().majorPageFault }
}
