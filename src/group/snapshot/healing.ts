/**
 * A replica whose file can't become what the log says (it has diverged, or the file is damaged) gets another file: a copy from the leader, from
 * which its own log goes on. The log is not touched, because it is right: it was proven to be durable here, entry by entry.
 *
 *   whole ──damaged──▶ asking ──answered──▶ waiting for the copy ──installed──▶ whole
 *                        ▲ └── leads itself: hands over, and asks the next leader  
 *                        └────────────── a pause ◀── refused, interrupted, silent
 */

import type { HarmonyError } from '../../base/errors.ts'
import type { Clock } from '../../host/clock.ts'
import { sleep } from '../../host/clock.ts'
import type { GroupEventLog } from '../events.ts'
import type { GroupPeers } from '../peers.ts'
import type { SnapshotHost } from '../snapshot-mover.ts'
import { encodePull } from './copy-codec.ts'

/** Numbers of calls of groups begin at 64. */
export const PULL_CALL_KIND = 64

const PAUSE_MS = 500
const CALL_TIMEOUT_MS = 5_000
/** Between two signs of a copy; making a large one takes a while. */
const SILENCE_TIMEOUT_MS = 60_000

export interface HealingOptions {
  readonly host: SnapshotHost
  readonly clock: Clock
  readonly peers: GroupPeers
  readonly log: GroupEventLog
  /** Bytes received so far, of any copy. */
  readonly receivedBytes: () => number
}

export class Healing {
  readonly #options: HealingOptions
  #running: Promise<void> | null = null
  #isClosed = false
  /** How often the file was found to be wrong. */
  damagedCount = 0
  healedCount = 0

  constructor(options: HealingOptions) {
    this.#options = options
  }

  /** Whether a copy is wanted. */
  get isActive(): boolean {
    return this.#running !== null
  }

  damaged(error: HarmonyError): void {
    if (this.#running !== null || this.#isClosed) return
    this.damagedCount++
    const { host, log } = this.#options
    const { database, group } = host
    log('warn', 'A replica is damaged and stops serving until it has a copy of another one', {
      database,
      group,
      code: error.code,
      index: host.position,
      reason: error.message,
    })
    this.#running = this.#run().finally(() => (this.#running = null))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    // It may be in the middle of a pause.
    await Promise.race([this.#running, Promise.resolve()])
  }

  async #run(): Promise<void> {
    const { host, clock, log } = this.#options
    const startMs = clock.nowMs()
    // Whoever reported the damage is not done with the engine yet.
    await sleep(clock, 0)
    while (this.#isWanted()) {
      if (host.isLeading) host.handOver()
      else if (host.leader !== null && (await this.#ask(host.leader))) await this.#untilHere()
      if (this.#isWanted()) await sleep(clock, PAUSE_MS)
    }
    if (this.#isClosed) return
    this.healedCount++
    const { database, group } = host
    log('info', 'The replica is whole again', {
      database,
      group,
      durationMs: Math.round(clock.nowMs() - startMs),
    })
  }

  #isWanted(): boolean {
    return !this.#isClosed && this.#options.host.damage !== null
  }

  /** Whether the leader is going to send a copy. */
  async #ask(leader: number): Promise<boolean> {
    const { host, peers, clock } = this.#options
    const outcome = await peers.call(leader, {
      kind: PULL_CALL_KIND,
      payload: encodePull({ group: host.group, position: host.position }),
      deadlineMs: clock.nowMs() + CALL_TIMEOUT_MS,
    })
    return outcome.kind === 'answered'
  }

  /** Until the copy is installed, or nothing has come for so long that it will not. */
  async #untilHere(): Promise<void> {
    const { clock, receivedBytes } = this.#options
    let before = receivedBytes()
    let sinceMs = clock.nowMs()
    while (this.#isWanted() && clock.nowMs() - sinceMs < SILENCE_TIMEOUT_MS) {
      await sleep(clock, PAUSE_MS)
      if (receivedBytes() === before) continue
      before = receivedBytes()
      sinceMs = clock.nowMs()
    }
  }
}
