/**
 * The streams that clients have over HTTP: who may go on with one, and until when.
 *
 * ```
 *   acquire(null) ──▶ running ── release, keep ──▶ waiting (a baton is out, a timer runs)
 *                       │  ▲                           │
 *                       │  └───── acquire(baton) ──────┤
 *                    release, close                    │ idle timeout, close of the member
 *                       ▼                              ▼
 *                     closed ◀──────────────────────── closed, rolled back
 * ```
 *
 * A stream that its first request closes, which is most of them, never enters the table. Acquiring uses the baton up,
 * so that one request at most runs or waits per stream: the one that waits is that of a cursor's client, which has its
 * next baton before the cursor has ended.
 */

import { HarmonyError } from '../../base/errors.ts'
import type { Credential, Gateway } from '../../gateway/session.ts'
import { BatonSigner } from './baton.ts'
import type { HranaOptions } from './options.ts'
import { SqlStore } from './sql-store.ts'
import { ONLY_PLACE, type StreamPlace } from './stream-place.ts'
import { HranaStream } from './stream.ts'
import type { StreamContinuation } from './types.ts'

/** Who asks, as the HTTP server found out. */
export interface StreamClient {
  readonly database: string
  readonly credential: Credential
}

/** A stream that one request has for itself. */
export class HttpStream {
  readonly stream: HranaStream
  readonly client: StreamClient
  /** 0 until the stream is kept. */
  id = 0
  /** Of the baton that is out, or that was used last. */
  sequence = 0
  timer: NodeJS.Timeout | null = null
  /** Resolves when the request that has the stream is done with it. */
  turn: Promise<void> = Promise.resolve()
  endTurn: () => void = () => undefined

  constructor(stream: HranaStream, client: StreamClient) {
    this.stream = stream
    this.client = client
  }

  /** From here to `release`, others wait. */
  startTurn(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.turn = promise
    this.endTurn = resolve
  }
}

function sameRights(a: Credential, b: Credential): boolean {
  return a.access === b.access && a.databases?.join() === b.databases?.join()
}

export class HttpStreams {
  readonly #gateway: Gateway
  readonly #options: HranaOptions
  readonly #signer: BatonSigner
  readonly #place: Pick<StreamPlace, 'slot' | 'count'>
  readonly #kept = new Map<number, HttpStream>()
  #lastId = 0
  #isClosing = false

  constructor(
    gateway: Gateway,
    options: HranaOptions,
    place: Pick<StreamPlace, 'slot' | 'count'> = ONLY_PLACE,
    signer: BatonSigner = new BatonSigner(),
  ) {
    this.#gateway = gateway
    this.#options = options
    this.#place = place
    this.#signer = signer
    this.#lastId = place.slot
  }

  /** The process that has the baton's stream; null if it is this one, or none. */
  otherSlot(baton: string | null): number | null {
    const { slot, count } = this.#place
    if (baton === null || count === 1) return null
    const claimed = BatonSigner.claimedStream(baton)
    return claimed === null || claimed % count === slot ? null : claimed % count
  }

  /** Streams that wait for their next request. */
  get keptCount(): number {
    return this.#kept.size
  }

  /**
   * A new stream for no baton, else the baton's. `mayKeep` is false where the request closes the stream anyway.
   * Rejects with BATON_INVALID, STREAM_EXPIRED, OVERLOADED, and what `Gateway.openSession` rejects with.
   */
  async acquire(baton: string | null, client: StreamClient, mayKeep: boolean): Promise<HttpStream> {
    if (baton !== null) return this.#resume(baton, client)
    if (mayKeep && this.#kept.size >= this.#options.httpStreamsMax)
      throw new HarmonyError(
        'OVERLOADED',
        `${this.#kept.size} streams are open over HTTP, which is the limit. Close streams when they are done, or retry later.`,
      )
    const session = await this.#gateway.openSession(client.database, client.credential)
    const stream = new HranaStream(session, new SqlStore(this.#options), this.#options.responseBytesMax)
    const opened = new HttpStream(stream, client)
    opened.startTurn()
    return opened
  }

  async #resume(text: string, client: StreamClient): Promise<HttpStream> {
    const kept = this.#find(text, client)
    kept.sequence++
    await kept.turn
    if (kept.stream.isClosed) throw expired(this.#options.streamIdleMs)
    stopTimer(kept)
    kept.startTurn()
    return kept
  }

  #find(text: string, client: StreamClient): HttpStream {
    const baton = this.#signer.verify(text)
    if (baton === null)
      throw new HarmonyError(
        'BATON_INVALID',
        'The baton was not made by this member since it started, so that nothing of its stream is known here. ' +
          'What was not committed is rolled back. Open a new stream.',
      )
    const kept = this.#kept.get(baton.streamId)
    if (kept === undefined) throw expired(this.#options.streamIdleMs)
    if (kept.sequence !== baton.sequence)
      throw new HarmonyError(
        'BATON_INVALID',
        'The baton was used before: each serves one request, and the next one comes with its response. ' +
          'The stream is as it was; go on with its newest baton.',
      )
    if (kept.client.database !== client.database || !sameRights(kept.client.credential, client.credential))
      throw new HarmonyError(
        'BATON_INVALID',
        `The baton belongs to a stream that was opened on another database than "${client.database}", or with ` +
          'another credential. Use both as in the request that opened the stream.',
      )
    return kept
  }

  /**
   * The baton for the next request on `stream`; null, which the client reads as "closed", where the stream is closed
   * or the member goes away. The stream must still be released.
   */
  continuation(stream: HttpStream): StreamContinuation {
    const { baseUrl } = this.#options
    if (stream.stream.isClosed || this.#isClosing) return { baton: null, baseUrl }
    if (stream.id === 0) {
      stream.id = this.#lastId += this.#place.count
      this.#kept.set(stream.id, stream)
    }
    stream.sequence++
    return { baton: this.#signer.sign({ streamId: stream.id, sequence: stream.sequence }), baseUrl }
  }

  /** Ends the request's turn: the stream waits for the next one if a baton is out, else it is closed and rolled back. */
  async release(stream: HttpStream, isKept: boolean): Promise<void> {
    if (isKept && !stream.stream.isClosed && !this.#isClosing) this.#startTimer(stream)
    else await this.#close(stream)
    stream.endTurn()
  }

  #startTimer(stream: HttpStream): void {
    stream.timer = setTimeout(() => void this.#close(stream), this.#options.streamIdleMs)
    stream.timer.unref()
  }

  async #close(stream: HttpStream): Promise<void> {
    stopTimer(stream)
    this.#kept.delete(stream.id)
    await stream.stream.close()
  }

  /** Closes the streams that wait; those that run are closed when their requests end. */
  async close(): Promise<void> {
    this.#isClosing = true
    const waiting = [...this.#kept.values()].filter((stream) => stream.timer !== null)
    await Promise.all(waiting.map((stream) => this.#close(stream)))
  }
}

function stopTimer(stream: HttpStream): void {
  if (stream.timer !== null) clearTimeout(stream.timer)
  stream.timer = null
}

function expired(streamIdleMs: number): HarmonyError {
  return new HarmonyError(
    'STREAM_EXPIRED',
    `The stream is closed already: it was ended by its client, or got no request for ${streamIdleMs} ms. What was ` +
      'not committed is rolled back. Open a new stream and run the transaction again.',
  )
}
