/**
 * One end of the channel between the member and a gateway process: requests with answers and notices, in both directions. What is said in one
 * turn of the event loop goes as one message: it is the message that costs, not what is in it.
 */

import { fromErrorData, toErrorData } from '../../base/error-data.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { ErrorData } from '../../base/transaction.ts'

/** Kind of request → what is asked and what is answered. */
export type Calls = Readonly<Record<string, [asked: unknown, answered: unknown]>>

export type Answerers<C> = {
  readonly [K in keyof C]: (asked: C[K] extends [infer A, unknown] ? A : never) => Promise<Answered<C, K>>
}

type Asked<C, K extends keyof C> = C[K] extends [infer A, unknown] ? A : never
type Answered<C, K extends keyof C> = C[K] extends [unknown, infer A] ? A : never

type Piece =
  | readonly ['ask', id: number, kind: string, asked: unknown]
  | readonly ['done', id: number, value: unknown]
  | readonly ['failed', id: number, error: ErrorData]
  | readonly ['notice', notice: unknown]

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: HarmonyError) => void
}

export interface LinkParts<Theirs, Heard> {
  readonly send: (message: unknown) => void
  /** Answers what the other side asks. */
  readonly answerers: Answerers<Theirs>
  readonly onNotice: (notice: Heard) => void
}

/** `Ours`: what this side asks; `Theirs`: what it is asked; `Told` and `Heard`: notices to and from the other side. */
export class Link<Ours, Theirs, Told, Heard> {
  readonly #parts: LinkParts<Theirs, Heard>
  readonly #waiting = new Map<number, Waiting>()
  #queue: Piece[] = []
  #lastId = 0
  #end: HarmonyError | null = null

  constructor(parts: LinkParts<Theirs, Heard>) {
    this.#parts = parts
  }

  /** Resolves with the answer. Rejects with the HarmonyError that the other side gave, or with why the link is over. */
  ask<K extends keyof Ours & string>(kind: K, asked: Asked<Ours, K>): Promise<Answered<Ours, K>> {
    if (this.#end !== null) return Promise.reject(this.#end)
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#say(['ask', id, kind, asked])
    })
  }

  tell(notice: Told): void {
    this.#say(['notice', notice])
  }

  /** A message of the other side. */
  take(message: unknown): void {
    for (const piece of message as readonly Piece[]) this.#takePiece(piece)
  }

  /** Nothing more comes or goes. */
  end(error: HarmonyError): void {
    this.#end ??= error
    this.#queue = []
    for (const { reject } of this.#waiting.values()) reject(this.#end)
    this.#waiting.clear()
  }

  #takePiece(piece: Piece): void {
    if (piece[0] === 'ask') return void this.#answer(piece[1], piece[2], piece[3])
    if (piece[0] === 'notice') return this.#parts.onNotice(piece[1] as Heard)
    const waiting = this.#waiting.get(piece[1])
    this.#waiting.delete(piece[1])
    if (piece[0] === 'done') waiting?.resolve(piece[2] as never)
    else waiting?.reject(fromErrorData(piece[2]))
  }

  async #answer(id: number, kind: string, asked: unknown): Promise<void> {
    try {
      const answerer = this.#parts.answerers[kind as keyof Theirs] as (asked: unknown) => Promise<unknown>
      this.#say(['done', id, await answerer(asked)])
    } catch (error) {
      this.#say(['failed', id, toErrorData(error)])
    }
  }

  #say(piece: Piece): void {
    if (this.#end !== null) return
    if (this.#queue.push(piece) === 1) setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    const queue = this.#queue
    this.#queue = []
    if (queue.length > 0) this.#parts.send(queue)
  }
}

export function linkEnded(what: string): HarmonyError {
  return new HarmonyError('SHUTTING_DOWN', `${what} has ended. Nothing more can be asked of it.`)
}
