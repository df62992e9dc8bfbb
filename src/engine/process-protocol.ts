/**
 * Messages between `engine-process.ts` and `engine-worker.ts`, over the channel of `child_process.fork` with advanced serialization (bigint
 * and Uint8Array cross unchanged): plain data, requests pipelined, answered by number.
 */

import type { ErrorData } from '../base/transaction.ts'
import type { AppliedState, EngineOptions } from './engine.ts'
import type { FarEngine } from './far-engine.ts'

/** Methods of an engine that cross the channel. */
export type EngineMethod = Exclude<keyof FarEngine, 'applied' | 'structure'>

export type EngineCall = {
  readonly [M in EngineMethod]: { readonly method: M; readonly args: Parameters<FarEngine[M]> }
}[EngineMethod]

export interface EngineProcessOptions {
  /** Of what SQLite and JavaScript hold; a process that takes more is killed. */
  readonly memoryBytesMax: number
}

/** What the process is started with. */
export interface EngineWorkerOptions extends EngineProcessOptions {
  /** The process that must be there. */
  readonly parentId: number
}

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
      /** After the call. */
      readonly structure: number
    }
  | { readonly kind: 'failed'; readonly request: number; readonly error: ErrorData }
