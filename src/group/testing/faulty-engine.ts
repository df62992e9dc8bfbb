/** A real engine whose calls can be made to fail, or to wait, by name. */

import type { TransactionRequest } from '../../base/transaction.ts'
import type { Engine, EngineOpener, EngineOptions } from '../../engine/engine.ts'
import { EngineEndedError } from '../../engine/engine-ended.ts'
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
  /** Calls so far, in order: when they were made, and when the engine turned to them. */
  readonly sent: string[] = []
  readonly calls: string[] = []
  readonly #engines = new Set<Engine>()
  readonly #ended = new Set<Engine>()
  #isDead = false

  readonly open: EngineOpener = async (options: EngineOptions): Promise<Engine> => {
    await this.#pass('open')
    if (this.#isDead) throw new Error('the process is gone')
    const engine = await LocalEngine.open(options)
    this.#engines.add(engine)
    return this.#wrap(engine)
  }

  /** The process is gone: its transactions are, too, and nothing can be opened or called any more. */
  async kill(): Promise<void> {
    this.#isDead = true
    for (const engine of this.#engines) await engine.close()
    this.#engines.clear()
  }

  /** The process of the engines that are open is gone; others can be opened in another one. */
  async endEngines(): Promise<void> {
    for (const engine of this.#engines) {
      this.#ended.add(engine)
      await engine.close()
    }
    this.#engines.clear()
  }

  #checkProcess(engine: Engine): void {
    if (this.#ended.has(engine)) throw new EngineEndedError('bystander', 'The process is gone.')
  }

  async #pass(method: Method | 'open'): Promise<void> {
    this.calls.push(method)
    await this.before(method)
    if (this.#isDead) throw new Error('the process is gone')
  }

  #wrap(engine: Engine): Engine {
    // One after another, as an engine carries them out.
    let last: Promise<unknown> = Promise.resolve()
    const guarded = <A extends unknown[], R>(method: Method, call: (...args: A) => Promise<R>) => {
      return (...args: A): Promise<R> => {
        this.sent.push(method)
        const result = last.then(async () => {
          await this.#pass(method)
          this.#checkProcess(engine)
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
      outcomesAt: (index) => engine.outcomesAt?.(index) ?? null,
      commit: guarded('commit', (term, index) => engine.commit(term, index)),
      rollback: guarded('rollback', () => engine.rollback()),
      replay: guarded('replay', (entries) => engine.replay(entries)),
      checkpoint: guarded('checkpoint', () => engine.checkpoint()),
      snapshot: async (path) => {
        this.#checkProcess(engine)
        return engine.snapshot(path)
      },
      contentDigest: () => engine.contentDigest(),
      close: async () => {
        if (this.#engines.delete(engine)) await engine.close()
      },
    }
  }
}
