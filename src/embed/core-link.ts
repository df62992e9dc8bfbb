/** The application's end of the link to the core's thread. */

import { fromErrorData } from '../base/error-data.ts'
import { Worker } from 'node:worker_threads'
import { HarmonyError } from '../base/errors.ts'
import type { CoreAnswers, CoreOptions, CoreRequest, FromCore, ServedAt, ToCore } from './link-protocol.ts'

interface Waiting {
  readonly kind: CoreRequest['kind']
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

const CORE_THREAD = new URL(
  `./core-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
)

export class CoreLink {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended = Promise.withResolvers<void>()
  readonly #ready = Promise.withResolvers<ServedAt>()
  #lastId = 0
  #failure: HarmonyError | null = null

  #servedAt: ServedAt = { http: null, postgres: null }

  /** Resolves when the data folder is open and clients are served. Rejects as `Member.open` does, and with ADDRESS_UNAVAILABLE. */
  static async start(options: CoreOptions): Promise<CoreLink> {
    const link = new CoreLink(options)
    link.#servedAt = await link.#ready.promise
    return link
  }

  get servedAt(): ServedAt {
    return this.#servedAt
  }

  private constructor(options: CoreOptions) {
    // `start` may have had its answer already.
    void this.#ready.promise.catch(() => {})
    this.#worker = new Worker(CORE_THREAD, { workerData: options, name: 'harmonydb', execArgv: [] })
    this.#worker.on('message', (message: FromCore) => this.#take(message))
    this.#worker.on('error', (error: Error) =>
      this.#end(
        new HarmonyError('INTERNAL', `The database's thread failed: ${error.message}`, { cause: error }),
      ),
    )
    this.#worker.on('exit', () => this.#end(closed()))
  }

  /** Resolves with the answer. Rejects with the HarmonyError that the core gave, or with `signal`'s reason. */
  async ask<K extends CoreRequest['kind']>(
    request: Extract<CoreRequest, { readonly kind: K }>,
    signal?: AbortSignal,
  ): Promise<CoreAnswers[K]> {
    if (this.#failure !== null) throw this.#failure
    signal?.throwIfAborted()
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<CoreAnswers[K]>()
    this.#waiting.set(id, { kind: request.kind, resolve, reject })
    this.#post({ id, request })
    const cancel = (): void => this.#post({ cancel: id })
    signal?.addEventListener('abort', cancel)
    try {
      return await promise
    } catch (error) {
      // Where it was too late to stop it, its own answer counts.
      if (signal?.aborted === true && error instanceof HarmonyError && error.code === 'STATEMENT_CANCELLED')
        throw signal.reason
      throw error
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** Finishes what was accepted and lets go of the data folder. */
  async close(): Promise<void> {
    await this.ask({ kind: 'close' }).catch(() => {})
    await this.#ended.promise
  }

  #post(message: ToCore): void {
    this.#worker.postMessage(message)
  }

  #take(message: FromCore): void {
    if (message.kind === 'ready') return this.#ready.resolve(message.servedAt)
    if (message.kind === 'failure' && message.id === null) return this.#end(fromErrorData(message.error))
    const { id } = message as { id: number }
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (message.kind === 'answer') waiting?.resolve(message.value as never)
    else waiting?.reject(fromErrorData(message.error))
  }

  #end(error: HarmonyError): void {
    this.#failure ??= error
    this.#ready.reject(this.#failure)
    for (const { kind, reject } of this.#waiting.values())
      reject(MAY_HAVE_WRITTEN.has(kind) ? unanswered(this.#failure) : this.#failure)
    this.#waiting.clear()
    this.#ended.resolve()
  }
}

/** What may have been done when its answer never comes. (A step is rolled back with its transaction.) */
const MAY_HAVE_WRITTEN: ReadonlySet<CoreRequest['kind']> = new Set([
  'execute',
  'batch',
  'commit',
  'create',
  'drop',
])

function unanswered(cause: HarmonyError): HarmonyError {
  return new HarmonyError(
    'OUTCOME_UNKNOWN',
    `The database was closed before this was answered; it may have been done or not. ${cause.message}`,
    { cause },
  )
}

function closed(): HarmonyError {
  return new HarmonyError('SHUTTING_DOWN', 'This database is closed: open it again to use it.')
}
