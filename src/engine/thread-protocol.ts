/** Messages between `engine-thread.ts` and `engine-worker.ts`: plain data, requests pipelined, answered by number. */

import type { ErrorData } from '../base/transaction.ts'
import type { AppliedState, Engine, EngineOptions } from './engine.ts'

/** Methods of an engine that cross the thread. */
export type EngineMethod = Exclude<keyof Engine, 'applied'>

export type EngineCall = {
  readonly [M in EngineMethod]: { readonly method: M; readonly args: Parameters<Engine[M]> }
}[EngineMethod]

export type ToWorker =
  | {
      readonly kind: 'open'
      readonly request: number
      readonly engine: number
      readonly options: EngineOptions
    }
  | { readonly kind: 'call'; readonly request: number; readonly engine: number; readonly call: EngineCall }

export type FromWorker =
  | {
      readonly kind: 'done'
      readonly request: number
      readonly value: unknown
      /** After the call; null once the engine is closed. */
      readonly applied: AppliedState | null
    }
  | { readonly kind: 'failed'; readonly request: number; readonly error: ErrorData }
