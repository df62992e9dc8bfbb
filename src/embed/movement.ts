/**
 * Being told that the database has moved on, by whatever member's write: what live pages and caches stand on. It tells _that_ something
 * changed, and the watcher reads what: synchronous reads are so cheap that a cursor (`WHERE id > ?`) is a change feed. Level-triggered:
 * several entries may come as one step, a slow watcher skips steps, and misses nothing of what it reads.
 *
 * The core's thread wakes this one through the memory of `FilePosition`: no message, and no list of subscribers anywhere. Lost:
 * messages from the core for every applied entry, which a busy application would find queued by the thousand.
 */

import type { FilePosition } from './file-position.ts'

export class Movement {
  readonly #position: FilePosition
  /** All watchers wait for the same next move. */
  #next: Promise<void> | null = null
  #isClosed = false

  constructor(position: FilePosition) {
    this.#position = position
  }

  /** Yields at once, and then after every move. Ends when `signal` is aborted or the database is closed. */
  async *watch(signal?: AbortSignal): AsyncGenerator<void, void, void> {
    const isOver = (): boolean => this.#isClosed || signal?.aborted === true
    while (!isOver()) {
      // Before the watcher reads: what comes meanwhile makes another step.
      const seen = this.#position.version
      yield
      while (this.#position.version === seen && !isOver()) await this.#moveOrEnd(seen, signal)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#position.wake()
  }

  async #moveOrEnd(seen: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<void>()
    const abort = (): void => resolve()
    signal?.addEventListener('abort', abort)
    this.#next ??= this.#position.moved(seen).finally(() => (this.#next = null))
    await Promise.race([this.#next, aborted])
    signal?.removeEventListener('abort', abort)
  }
}
