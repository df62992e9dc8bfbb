/**
 * Where a database is, in memory that the application's thread and the core's share: two counters of 32 bits. Reads look at it each
 * time, so it must cost nothing, and it must be true although the application has not turned its event loop for seconds, which no
 * message could be. Only equality is asked, so that they may wrap around.
 */

export class FilePosition {
  readonly memory: SharedArrayBuffer
  readonly #counters: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.memory = memory
    this.#counters = new Int32Array(memory)
  }

  /** Another one whenever an entry was applied. */
  get version(): number {
    return Atomics.load(this.#counters, 0)
  }

  /** Another one whenever the file was replaced by a snapshot. */
  get fileVersion(): number {
    return Atomics.load(this.#counters, 1)
  }

  noteApplied(): void {
    Atomics.add(this.#counters, 0, 1)
  }

  noteReplaced(): void {
    Atomics.add(this.#counters, 1, 1)
    this.noteApplied()
  }
}
