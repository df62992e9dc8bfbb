/**
 * Where a database is, in memory that the application's thread and the core's share: two counters of 32 bits. Reads look at it each
 * time, so it must cost nothing, and it must be true although the application has not turned its event loop for seconds, which no
 * message could be. Only equality is asked, so that they may wrap around; they are told as numbers from 0 on.
 */

/** What JavaScript keeps without allocating. */
const SMALL = 0x3fff_ffff

export class FilePosition {
  readonly memory: SharedArrayBuffer
  readonly #counters: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.memory = memory
    this.#counters = new Int32Array(memory)
  }

  /**
   * Another one whenever an entry was applied. Not by Atomics, which is a call of its own: whoever was told of a write has it from a
   * message, and what that message's sender wrote before is seen by then. What nobody was told of may be seen a moment later.
   */
  get version(): number {
    return (this.#counters[0] as number) & SMALL
  }

  /** Another one whenever the file was replaced by a snapshot. */
  get fileVersion(): number {
    return Atomics.load(this.#counters, 1) & SMALL
  }

  noteApplied(): void {
    Atomics.add(this.#counters, 0, 1)
    this.wake()
  }

  /** Resolves when `version` is no longer `seen`, or at the next `wake`, in any thread. Keeps no process alive. */
  async moved(seen: number): Promise<void> {
    const counter = Atomics.load(this.#counters, 0)
    if ((counter & SMALL) !== seen) return
    const waiting = Atomics.waitAsync(this.#counters, 0, counter)
    if (waiting.async) await waiting.value
  }

  /** Lets everything go on that waits in `moved`. */
  wake(): void {
    Atomics.notify(this.#counters, 0)
  }

  noteReplaced(): void {
    Atomics.add(this.#counters, 1, 1)
    this.noteApplied()
  }
}
