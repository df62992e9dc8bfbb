/**
 * The real readers, without query workers: those are processes, which no seed can rule. All statements of the workloads are quick enough for the
 * gateway's own thread, once small tables are allowed to be larger.
 */

import type { DatabaseReader } from '../../src/engine/reader/database-reader.ts'
import { ReaderPool } from '../../src/engine/reader/database-reader.ts'
import type { ReaderFactory, ReaderStatistics } from '../../src/gateway/reader.ts'

const ROWS_MAX = 100_000

function lease(): never {
  throw new Error('a statement of a workload needs a query worker: make it a bounded one')
}

export class MachineReaders implements ReaderFactory {
  readonly #pool = new ReaderPool({
    smallTableRowsMax: ROWS_MAX,
    pageRowsMax: ROWS_MAX,
    inlineWorkMax: Number.MAX_SAFE_INTEGER,
    mmapSizeBytes: 0,
  })
  readonly #open = new Set<DatabaseReader>()

  constructor() {
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
    await this.#pool.close()
  }

  /** The process is gone. */
  closeAll(): void {
    for (const reader of this.#open) void reader.close()
    this.#open.clear()
  }
}
