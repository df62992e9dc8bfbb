/**
 * The real readers. Nearly all statements of the workloads are quick enough for the gateway's own thread, once small tables are allowed to be
 * larger; what is not, such as a look at the schema, runs in query workers whose processes are simulated (`query-process-here.ts`).
 */

import { HarmonyError } from '../../src/base/errors.ts'
import type { DatabaseReader } from '../../src/engine/reader/database-reader.ts'
import { ReaderPool } from '../../src/engine/reader/database-reader.ts'
import { READER_DEFAULTS } from '../../src/engine/reader/reader-options.ts'
import type { ReaderFactory, ReaderStatistics } from '../../src/gateway/reader.ts'
import { QueryProcessHere } from './query-process-here.ts'

const ROWS_MAX = 100_000

export class MachineReaders implements ReaderFactory {
  readonly #pool = new ReaderPool({
    smallTableRowsMax: ROWS_MAX,
    pageRowsMax: ROWS_MAX,
    inlineWorkMax: Number.MAX_SAFE_INTEGER,
    mmapSizeBytes: 0,
  })
  readonly #open = new Set<DatabaseReader>()
  readonly #workers = new Set<QueryProcessHere>()
  /** Of these, those that nobody uses. */
  readonly #resting: QueryProcessHere[] = []

  constructor() {
    const lease = () => Promise.resolve(this.#lease())
    Object.assign(this.#pool.single, { lease })
    Object.assign(this.#pool.snapshots, { lease })
  }

  open(dataFile: string): DatabaseReader {
    const reader = this.#pool.open(dataFile)
    this.#open.add(reader)
    return reader
  }

  statistics(): ReaderStatistics {
    return this.#pool.statistics()
  }

  async close(): Promise<void> {
    this.#killWorkers()
    await this.#pool.close()
  }

  /** The process is gone. */
  closeAll(): void {
    this.#killWorkers()
    for (const reader of this.#open) void reader.close()
    this.#open.clear()
  }

  #lease() {
    const worker = this.#resting.pop() ?? this.#start()
    const release = (): void => {
      if (worker.isDead) this.#workers.delete(worker)
      else this.#resting.push(worker)
    }
    return { worker, release }
  }

  #start(): QueryProcessHere {
    const { valueSizeBytesMax, rowSizeBytesMax, pageSizeBytesMax, workerMemoryBytesMax } = READER_DEFAULTS
    const worker = new QueryProcessHere({
      valueSizeBytesMax,
      rowSizeBytesMax,
      mmapSizeBytes: 0,
      pageRowsMax: ROWS_MAX,
      pageSizeBytesMax,
      memoryBytesMax: workerMemoryBytesMax,
    })
    this.#workers.add(worker)
    return worker
  }

  #killWorkers(): void {
    const reason = new HarmonyError('SHUTTING_DOWN', 'The member is shutting down.')
    for (const worker of this.#workers) worker.kill(reason)
    this.#workers.clear()
  }
}
