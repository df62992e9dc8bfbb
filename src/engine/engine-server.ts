/**
 * What a process of engines does, without the process: takes messages (`process-protocol.ts`), carries calls out one after another, answers each.
 * `engine-worker.ts` puts it on the channel of a child process; the simulator on one whose delays and deaths a seed decides.
 *
 * The next call begins when the answer of the one before has left: a statement that never ends must not keep an answer back, or its time would be
 * counted against another call. Snapshots go on beside what follows.
 */

import { must } from '../base/assert.ts'
import { toErrorData } from '../base/error-data.ts'
import type { Clock } from '../host/clock.ts'
import type { EngineOptions } from './engine.ts'
import type { FarEngine } from './far-engine.ts'
import type { EngineCall, FromWorker, ToWorker } from './process-protocol.ts'
import { RestPace, WalRest } from './wal-rest.ts'
import type { WriterLock } from './writer-lock.ts'

/** An engine in this thread. */
export interface ServedEngine extends FarEngine {
  /** For whoever knows that nobody has called for a while: makes reads quicker. Whether there is nothing left to do. */
  rest(): boolean
}

export interface EngineServerParts {
  readonly clock: Clock
  /** Resolves when the answer has left. */
  readonly reply: (message: FromWorker) => Promise<void>
  /** Waits until no other process writes to the file; DATA_LOCKED after a while. */
  readonly lock: (dataFile: string) => WriterLock | Promise<WriterLock>
  readonly openEngine: (options: EngineOptions) => Promise<ServedEngine>
}

interface Owned {
  readonly engine: ServedEngine
  readonly rest: WalRest
  readonly lock: WriterLock
}

type Method = (...args: readonly unknown[]) => Promise<unknown>

export class EngineServer {
  readonly #parts: EngineServerParts
  readonly #pace = new RestPace()
  readonly #owned = new Map<number, Owned>()
  #turn: Promise<void> = Promise.resolve()

  constructor(parts: EngineServerParts) {
    this.#parts = parts
  }

  take(message: ToWorker): void {
    this.#turn = this.#turn.then(() => {
      const isBeside = message.kind === 'call' && message.call.method === 'snapshot'
      const done = this.#run(message)
      return isBeside ? undefined : done
    })
  }

  async #run(message: ToWorker): Promise<void> {
    await this.#parts.reply(await this.#answer(message))
  }

  async #answer(message: ToWorker): Promise<FromWorker> {
    const { request } = message
    try {
      const value = await this.#carryOut(message)
      const engine = this.#owned.get(message.engine)?.engine ?? null
      const structure = engine?.structure ?? 0
      return { kind: 'done', request, value, applied: engine?.applied ?? null, structure }
    } catch (error) {
      return { kind: 'failed', request, error: toErrorData(error) }
    }
  }

  async #carryOut(message: ToWorker): Promise<unknown> {
    if (message.kind === 'open') return this.#open(message)
    const one = must(this.#owned.get(message.engine), 'the engine is closed')
    one.rest.noteCall()
    return message.call.method === 'close' ? this.#close(message.engine, one) : call(one.engine, message.call)
  }

  async #open(message: ToWorker & { kind: 'open' }): Promise<null> {
    const { clock, lock: lockFile, openEngine } = this.#parts
    const lock = await lockFile(message.options.dataFile)
    try {
      const engine = await openEngine(message.options)
      const rest = new WalRest(() => engine.rest(), clock, this.#pace)
      this.#owned.set(message.engine, { engine, rest, lock })
      rest.noteCall()
      return null
    } catch (error) {
      lock.release()
      throw error
    }
  }

  async #close(id: number, { engine, rest, lock }: Owned): Promise<null> {
    this.#owned.delete(id)
    rest.close()
    try {
      await engine.close()
    } finally {
      lock.release()
    }
    return null
  }
}

async function call(engine: ServedEngine, { method, args }: EngineCall): Promise<unknown> {
  return (engine[method] as Method).apply(engine, args)
}
