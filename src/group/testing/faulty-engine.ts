/** A real engine whose calls can be made to fail, or to wait, by name. */

import type { TransactionRequest } from '../../base/transaction.ts'
import type { Engine, EngineOpener, EngineOptions } from '../../engine/engine.ts'
import { LocalEngine } from '../../engine/local-engine.ts'

type Method =
  | 'executeBatch'
  | 'begin'
  | 'execute'
  | 'prepareCommit'
  | 'commit'
  | 'rollback'
  | 'replay'
  | 'checkpoint'

export class EngineFaults {
  /** Called before a call; what it throws is what the call rejects with, with nothing done. */
  before: (method: Method | 'open') => void | Promise<void> = () => {}
  /** The same for batches, by what is in them. */
  beforeBatch: (requests: readonly TransactionRequest[]) => void = () => {}
  /** Calls so far, in order. */
  readonly calls: string[] = []

  readonly open: EngineOpener = async (options: EngineOptions): Promise<Engine> => {
    await this.#pass('open')
    return this.#wrap(await LocalEngine.open(options))
  }

  async #pass(method: Method | 'open'): Promise<void> {
    this.calls.push(method)
    await this.before(method)
  }

  #wrap(engine: Engine): Engine {
    // One after another, as an engine carries them out.
    let last: Promise<unknown> = Promise.resolve()
    const guarded = <A extends unknown[], R>(method: Method, call: (...args: A) => Promise<R>) => {
      return (...args: A): Promise<R> => {
        const result = last.then(async () => {
          await this.#pass(method)
          return call(...args)
        })
        last = result.catch(() => {})
        return result
      }
    }
    return {
      get applied() {
        return engine.applied
      },
      executeBatch: guarded('executeBatch', async (requests, stamp) => {
        this.beforeBatch(requests)
        return engine.executeBatch(requests, stamp)
      }),
      begin: guarded('begin', (request) => engine.begin(request)),
      execute: guarded('execute', (statement, sizeMax) => engine.execute(statement, sizeMax)),
      describe: (sql) => engine.describe(sql),
      prepareCommit: guarded('prepareCommit', () => engine.prepareCommit()),
      commit: guarded('commit', (term, index) => engine.commit(term, index)),
      rollback: guarded('rollback', () => engine.rollback()),
      replay: guarded('replay', (entries) => engine.replay(entries)),
      checkpoint: guarded('checkpoint', () => engine.checkpoint()),
      snapshot: (path) => engine.snapshot(path),
      contentDigest: () => engine.contentDigest(),
      close: () => engine.close(),
    }
  }
}
