/** A workload: what is loaded, what a client does again and again, and what must hold afterwards. One file each in workloads/. */

import type { LoadRandom } from './random.ts'
import type { Connection, SqlConnection } from './target.ts'

/** Does one operation. Throws where the answer is wrong. */
export type Operate<C = Connection> = (connection: C, random: LoadRandom) => Promise<void>

interface Described {
  readonly name: string
  readonly title: string
  /** One or two sentences for --list and the report. */
  readonly summary: string
}

/** One that any target can do, key-value stores included. */
export interface AnyWorkload extends Described {
  readonly needs: 'any'
  /** Makes tables and rows; those of an earlier run may be there. */
  load(connection: Connection, scale: number): Promise<void>
  /** Before each round. */
  begin(connection: Connection, scale: number): Promise<Operate>
}

/** One that needs SQL with interactive transactions. */
export interface SqlWorkload extends Described {
  readonly needs: 'sql'
  load(connection: SqlConnection, scale: number): Promise<void>
  begin(connection: SqlConnection, scale: number): Promise<Operate<SqlConnection>>
  /** After the last round: what does not hold, in words. */
  check(connection: SqlConnection): Promise<readonly string[]>
}

/** One that another program does: `pgbench`, whose scripts it names. */
export interface PgbenchWorkload extends Described {
  readonly needs: 'pgbench'
  /** SQL that makes its tables, besides pgbench's own. */
  readonly schema: (dialect: 'sqlite' | 'postgres') => readonly string[]
  /** Of pgbench itself: its `--jobs`. */
  readonly threads: number
  /** Null: pgbench's built-in -S. */
  readonly script: string | null
}

export type Workload = AnyWorkload | SqlWorkload | PgbenchWorkload
