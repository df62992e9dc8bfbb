/** One database on a journal in memory and a real SQLite file, with a clock that stands still and an engine that can fail. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import type { TransactionOutcome, TransactionRequest } from '../../base/transaction.ts'
import { INITIAL_CONTEXT } from '../../base/transaction.ts'
import type { SqlStatement, SqlValue } from '../../base/value.ts'
import { MemoryDisk } from '../../host/memory-disk.ts'
import { SeededRandom } from '../../host/random.ts'
import type { DatabaseGroup } from '../database-group.ts'
import { GroupHost } from '../group-host.ts'
import type { GroupLimits } from '../limits.ts'
import type { BeginOptions } from '../transactions.ts'
import { EngineFaults } from './faulty-engine.ts'
import { ManualClock } from './manual-clock.ts'

export const RESULT_SIZE_BYTES_MAX: number = 1024 * 1024

export const BEGIN: BeginOptions = {
  context: INITIAL_CONTEXT,
  snapshotIndex: null,
  idempotencyKey: null,
  waitTimeoutMs: 1_000,
  idleTimeoutMs: 5_000,
  totalTimeoutMs: 10_000,
}

export function statement(sql: string, ...positional: SqlValue[]): SqlStatement {
  return { sql, args: { positional, named: [] } }
}

export function request(...sqls: string[]): TransactionRequest {
  return {
    statements: sqls.map((sql) => statement(sql)),
    context: INITIAL_CONTEXT,
    idempotencyKey: null,
    resultSizeBytesMax: RESULT_SIZE_BYTES_MAX,
  }
}

export class GroupFixture {
  readonly folder: string = mkdtempSync(`${tmpdir()}/harmony-group-`)
  readonly clock: ManualClock = new ManualClock()
  readonly faults: EngineFaults = new EngineFaults()
  readonly disk: MemoryDisk = new MemoryDisk()
  readonly limits: Partial<GroupLimits>
  #host: GroupHost | null = null
  #group: DatabaseGroup | null = null

  constructor(limits: Partial<GroupLimits> = {}) {
    this.limits = limits
  }

  get dataFile(): string {
    return `${this.folder}/data.sqlite`
  }

  get host(): GroupHost {
    if (this.#host === null) throw new Error('not open')
    return this.#host
  }

  async open(): Promise<DatabaseGroup> {
    this.#host = await GroupHost.open({
      disk: this.disk,
      clock: this.clock,
      random: new SeededRandom(1n),
      journalFolder: '/journal',
      openEngine: this.faults.open,
      limits: this.limits,
      journal: { segmentSizeBytes: 64 * 1024 },
    })
    this.#group = this.#host.openGroup(1, 'shop', this.dataFile)
    return this.#group
  }

  async close(): Promise<void> {
    await this.#group?.close()
    await this.#host?.close()
    this.#group = null
    this.#host = null
  }

  /** The group as after a crash: the journal is opened again, the SQLite file is as it was. */
  async reopen(): Promise<DatabaseGroup> {
    await this.close()
    return this.open()
  }

  /** What a reader with a connection of its own sees. */
  read(sql: string): SqlValue[] {
    const reader = new DatabaseSync(this.dataFile, { readOnly: true })
    try {
      const query = reader.prepare(sql)
      query.setReturnArrays(true)
      return (query.all() as unknown as SqlValue[][]).map((row) => row[0] ?? null)
    } finally {
      reader.close()
    }
  }
}

/** Opens a group with the table `t (a)`, and cleans up however the test ends. */
export async function withGroup(
  work: (group: DatabaseGroup, fixture: GroupFixture) => Promise<void>,
  limits: Partial<GroupLimits> = {},
): Promise<void> {
  const fixture = new GroupFixture(limits)
  try {
    const group = await fixture.open()
    await group.submit(request('CREATE TABLE t (a)'))
    await work(group, fixture)
  } finally {
    fixture.disk.beforeOperation = () => {}
    fixture.faults.before = () => {}
    await fixture.close()
    rmSync(fixture.folder, { recursive: true })
  }
}

/** The outcome's kind, or the code that `submit` rejected with. */
export async function resultOf(answer: Promise<TransactionOutcome>): Promise<string> {
  try {
    const outcome = await answer
    return outcome.kind === 'committed' ? 'committed' : outcome.error.code
  } catch (error) {
    return (error as { code: string }).code
  }
}
