/**
 * Keeps the WAL short. Not by SQLite's `wal_autocheckpoint`: that works inside COMMIT, while clients wait for it, and once
 * readers keep the WAL from being reset, it tries again at every single COMMIT, with a sync each time (270 µs of the 375 µs that a
 * lone write took). Here it is done between transactions, when the answers have left, and a try that was in vain is not repeated
 * before much more has been written.
 *
 *   behind by FRAMES_MAX    ──▶ PASSIVE: moves what readers allow, waits for nobody
 *   longer than FRAMES_MAX  ──▶ RESTART: waits a moment for readers, so that the next write begins the WAL anew
 *
 *   nothing to do for REST_MS ▶ PASSIVE, however little it is (`WalRest`)
 *
 * The last is for readers: a page that is in the WAL must be looked for there, and is read into a buffer; once all is moved, and until the next
 * write, they read the file alone, through the memory map, in half of the time.
 *
 * Readers of the gateway hold their snapshot for 20 ms at most, but then take the next one at once: without that moment of waiting, a
 * database that is read and written all the time would never find the WAL unused, and it would grow for ever.
 */

import { must } from '../base/assert.ts'
import type { WriterConnection } from './connection.ts'

/**
 * Of 4 KiB, at least: 64 MB. Moving them takes two syncs, beside which every durable write of that moment waits for the disk, and a page that was written many times is
 * moved once; so the more at a time the better, up to what a start after a crash should have to read (20 to 70 ms). With a quarter of it 16 writers lost a tenth of their rate.
 *
 * A WAL of that length is moved as far as readers allow before it begins anew, so that there is little left to do while writers wait.
 */
const FRAMES_MAX = 16_000
/** Readers that hold their snapshot longer than this (transactions) are not waited for. */
const READERS_WAIT_MS = 30

export interface WalLength {
  /** Frames in the WAL. */
  readonly frames: number
  /** Of these, how many are in the file, too. */
  readonly moved: number
}

export class WalUpkeep {
  readonly #connection: WriterConnection
  /** Length of the WAL at which the last try of each kind was made. */
  #movedAt = 0
  #restartedAt = 0

  constructor(connection: WriterConnection) {
    this.#connection = connection
  }

  /**
   * Costs a microsecond where there is nothing to do. No transaction may be open. `mayRestart`: no other connection writes at the moment, and none will
   * before this is over. Whether it could begin the WAL anew if it may.
   */
  tend(mayRestart: boolean = true): boolean {
    const { frames, moved } = this.length()
    // The WAL began anew.
    if (frames < this.#movedAt) this.#movedAt = 0
    if (frames < this.#restartedAt) this.#restartedAt = 0
    const isLong = frames - this.#restartedAt >= FRAMES_MAX
    if (isLong && mayRestart) {
      this.#restartedAt = frames
      this.#movedAt = frames
      this.#restart()
    } else if (frames - Math.max(moved, this.#movedAt) >= FRAMES_MAX) {
      this.#movedAt = frames
      this.#movePassive()
    }
    return isLong && !mayRestart
  }

  /** Moves all that readers allow. Whether nothing is left. No transaction may be open. */
  rest(): boolean {
    const before = this.length()
    if (before.frames === before.moved) return true
    this.#movedAt = before.frames
    this.#movePassive()
    const after = this.length()
    return after.frames === after.moved
  }

  length(): WalLength {
    const [, frames, moved] = must(this.#connection.row('PRAGMA main.wal_checkpoint(NOOP)'))
    return { frames: Number(frames), moved: Number(moved) }
  }

  #movePassive(): void {
    this.#connection.row('PRAGMA main.wal_checkpoint(PASSIVE)')
  }

  /** What PASSIVE moves meanwhile is time in which readers come to newer snapshots, so that there is little left to wait for. */
  #restart(): void {
    this.#movePassive()
    this.#connection.setBusyTimeout(READERS_WAIT_MS)
    try {
      this.#connection.row('PRAGMA main.wal_checkpoint(RESTART)')
    } finally {
      this.#connection.setBusyTimeout(null)
    }
  }
}
