/**
 * A stream of a WebSocket connection: what the client asks of it runs in order, one at a time, while other streams of
 * the connection go on beside it (HRANA_3_SPEC "Ordering").
 */

import { HarmonyError } from '../../base/errors.ts'
import type { Cursor } from './cursor.ts'
import type { HranaStream } from './stream.ts'
import type { Batch, ConnectionResponse, StreamRequest } from './types.ts'

/** Bytes of rows in one answer to fetch_cursor. A client asks again for the rest. */
const FETCH_BYTES_MAX = 256 * 1024

type State =
  | { readonly type: 'opening' }
  | { readonly type: 'open'; readonly stream: HranaStream }
  /** Its id stays in use until the client closes it. */
  | { readonly type: 'failed'; readonly error: unknown }
  | { readonly type: 'closed'; readonly why: string }

export class WsStream {
  readonly id: number
  #state: State = { type: 'opening' }
  /** Resolves when everything asked so far is done. Never rejects. */
  #tail: Promise<void> = Promise.resolve()
  #cursor: { readonly id: number; readonly cursor: Cursor } | null = null

  constructor(id: number) {
    this.id = id
  }

  /** Runs `task` when everything asked before it is done. `task` must not reject. */
  enqueue(task: () => Promise<void>): void {
    this.#tail = this.#tail.then(task)
  }

  async open(opening: Promise<HranaStream>): Promise<ConnectionResponse> {
    try {
      this.#state = { type: 'open', stream: await opening }
      return { type: 'open_stream' }
    } catch (error) {
      this.#state = { type: 'failed', error }
      throw error
    }
  }

  async run(request: StreamRequest): Promise<ConnectionResponse> {
    const response = await this.#idleStream().run(request)
    if (response.type === 'close') throw new HarmonyError('INTERNAL', 'A request was answered with "close".')
    return response
  }

  openCursor(cursorId: number, batch: Batch): ConnectionResponse {
    this.#cursor = { id: cursorId, cursor: this.#idleStream().openCursor(batch) }
    return { type: 'open_cursor' }
  }

  async fetchCursor(cursorId: number, maxCount: number): Promise<ConnectionResponse> {
    this.#stream()
    if (this.#cursor?.id !== cursorId)
      throw new HarmonyError(
        'REQUEST_INVALID',
        `The cursor ${cursorId} is not open: opening it failed. Close it, and look at the error of its open_cursor.`,
      )
    const { cursor } = this.#cursor
    const entries = await cursor.read(maxCount, FETCH_BYTES_MAX)
    return { type: 'fetch_cursor', entries, done: cursor.isDone }
  }

  async closeCursor(cursorId: number): Promise<ConnectionResponse> {
    if (this.#cursor?.id === cursorId) await this.#endCursor()
    return { type: 'close_cursor' }
  }

  /** Rolls back what is open. Never rejects. `why` is told to requests that come later. */
  async close(why: string): Promise<void> {
    const state = this.#state
    this.#state = { type: 'closed', why }
    await this.#endCursor()
    if (state.type === 'open') await state.stream.close()
  }

  /** Stops the statement that is running, for a client that has gone. */
  cancel(): void {
    if (this.#state.type === 'open') this.#state.stream.session.cancel?.()
  }

  /** Resolves when nothing runs or waits any more. */
  settled(): Promise<void> {
    return this.#tail
  }

  async #endCursor(): Promise<void> {
    const open = this.#cursor
    this.#cursor = null
    await open?.cursor.close()
  }

  #stream(): HranaStream {
    const state = this.#state
    if (state.type === 'open') return state.stream
    const why =
      state.type === 'failed'
        ? `could not be opened: ${state.error instanceof Error ? state.error.message : String(state.error)}`
        : `is closed: ${state.type === 'closed' ? state.why : 'it was never opened'}`
    throw new HarmonyError('STREAM_NOT_OPEN', `The stream ${this.id} ${why}`)
  }

  /** HRANA_3_SPEC "Open a cursor": nothing else may run on the stream until its cursor is closed. */
  #idleStream(): HranaStream {
    const stream = this.#stream()
    if (this.#cursor === null) return stream
    throw new HarmonyError(
      'REQUEST_INVALID',
      `The cursor ${this.#cursor.id} is open on stream ${this.id}. Close it before the next request on this stream.`,
    )
  }
}
