/**
 * One connection: cuts what arrives into frames, sends from its sources in the order of their priority, and notices
 * when the other side is gone.
 */

import { DecodeError } from '../../base/bytes.ts'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Connection } from '../../host/network.ts'
import type { Frame } from './frame.ts'
import { FrameReader, totalBytes } from './frame.ts'
import type { FrameSource } from './frame-queue.ts'

export interface ChannelEvents {
  /** May throw a `DecodeError`: the channel closes. */
  readonly frame: (frame: Frame) => void
  /** Once, and never from inside `send` or `close`. Nothing comes after it. */
  readonly closed: (problem: string) => void
}

export interface ChannelOptions {
  readonly clock: Clock
  /** Until `allow`. */
  readonly payloadBytesMax: number
  /** Of one write: then the sources are asked again from the first, after what arrived meanwhile was handled. */
  readonly writeSizeBytes: number
}

/** How long the last words may take to leave. */
const LINGER_MS = 1_000

export class Channel {
  readonly #connection: Connection
  readonly #options: ChannelOptions
  readonly #events: ChannelEvents
  readonly #reader: FrameReader
  #sources: readonly FrameSource[] = []
  #silence: { readonly timeoutMs: number; timer: Timer } | null = null
  #lastMoveMs: number
  #linger: Timer | null = null
  #isScheduled = false
  #isBlocked = false
  #isClosed = false
  #problem: string | null = null
  receivedBytes = 0
  sentBytes = 0
  writes = 0

  constructor(connection: Connection, options: ChannelOptions, events: ChannelEvents) {
    this.#connection = connection
    this.#options = options
    this.#events = events
    this.#reader = new FrameReader(options.payloadBytesMax)
    this.#lastMoveMs = options.clock.nowMs()
    connection.start({
      data: (bytes) => this.#receive(bytes),
      drained: () => this.#drained(),
      closed: (problem) => this.#ended(problem),
    })
  }

  get remote(): string {
    return this.#connection.remote
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Where frames come from, the most urgent first. */
  setSources(sources: readonly FrameSource[]): void {
    this.#sources = sources
    this.wake()
  }

  /** Sends at once; for the few frames of a handshake. */
  send(parts: readonly Uint8Array[]): void {
    if (parts.length > 0) this.#write(parts)
  }

  /** Frames of this size are fine from now on. */
  allow(payloadBytesMax: number): void {
    this.#reader.setPayloadBytesMax(payloadBytesMax)
  }

  /** Closes when nothing came in and nothing got out for so long. */
  closeWhenSilent(timeoutMs: number): void {
    this.#lastMoveMs = this.#options.clock.nowMs()
    this.#silence?.timer.cancel()
    this.#silence = { timeoutMs, timer: this.#silenceTimer(timeoutMs) }
  }

  /** A source has something: it leaves at the end of this turn, with everything else of the turn. */
  wake(): void {
    if (this.#isScheduled || this.#isBlocked || this.#isClosed) return
    this.#isScheduled = true
    this.#options.clock.soon(() => {
      this.#isScheduled = false
      this.#flush()
    })
  }

  /** Ends the connection at once. `problem` is what `closed` will be told. */
  close(problem: string): void {
    if (this.#isClosed) return
    this.#stop(problem)
    this.#connection.destroy()
  }

  /** Sends `parts`, then ends the connection. */
  closeAfter(parts: readonly Uint8Array[], problem: string): void {
    if (this.#isClosed) return
    this.send(parts)
    this.#stop(problem)
    this.#connection.end()
    this.#linger = this.#options.clock.after(LINGER_MS, () => this.#connection.destroy())
  }

  /** What is under way and what comes in has no meaning from now on. */
  #stop(problem: string): void {
    this.#isClosed = true
    this.#problem = problem
    this.#silence?.timer.cancel()
    this.#silence = null
  }

  #ended(problem: string | null): void {
    this.#linger?.cancel()
    if (!this.#isClosed) this.#stop(problem ?? 'the peer ended the connection')
    this.#events.closed(this.#problem ?? '')
  }

  #receive(bytes: Uint8Array): void {
    this.#lastMoveMs = this.#options.clock.nowMs()
    this.receivedBytes += bytes.length
    if (this.#isClosed) return
    try {
      this.#reader.push(bytes, (frame) => {
        if (!this.#isClosed) this.#events.frame(frame)
      })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.close(`the peer sent what can't be read: ${error.message}`)
    }
  }

  #drained(): void {
    this.#lastMoveMs = this.#options.clock.nowMs()
    this.#isBlocked = false
    this.#flush()
  }

  #flush(): void {
    if (this.#isClosed || this.#isBlocked) return
    const parts: Uint8Array[] = []
    let sizeBytes = 0
    while (sizeBytes < this.#options.writeSizeBytes) {
      const frame = this.#nextFrame()
      if (frame === null) break
      parts.push(...frame)
      sizeBytes += totalBytes(frame)
    }
    if (parts.length === 0) return
    this.#write(parts)
    this.wake()
  }

  #nextFrame(): readonly Uint8Array[] | null {
    for (const source of this.#sources) {
      const frame = source.nextFrame()
      if (frame !== null) return frame
    }
    return null
  }

  #write(parts: readonly Uint8Array[]): void {
    this.sentBytes += totalBytes(parts)
    this.writes++
    this.#isBlocked = !this.#connection.write(parts)
  }

  #silenceTimer(timeoutMs: number): Timer {
    const { clock } = this.#options
    const waitMs = this.#lastMoveMs + timeoutMs - clock.nowMs()
    return clock.after(Math.max(waitMs, 1), () => {
      if (this.#silence === null) return
      if (clock.nowMs() - this.#lastMoveMs >= timeoutMs) this.close('the peer is silent')
      else this.#silence.timer = this.#silenceTimer(timeoutMs)
    })
  }
}
