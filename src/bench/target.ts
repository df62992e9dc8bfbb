/** What is measured: systems under test, and connections to them as the workloads see them. */

export type Value = string | number | null
export type Row = readonly Value[]

/** Statements are written for SQLite and PostgreSQL alike, with `?` for each parameter, each used once. */
export interface Executor {
  execute(sql: string, args?: readonly Value[]): Promise<readonly Row[]>
}

/** `read` for those that write nothing. Default `write`. */
export type TransactionMode = 'read' | 'write'

export interface SqlConnection extends Executor {
  readonly kind: 'sql'
  readonly dialect: 'sqlite' | 'postgres'
  /** Serializable. After a conflict `work` is run again, and counted in `retries`. */
  transaction<T>(work: (executor: Executor) => Promise<T>, mode?: TransactionMode): Promise<T>
  /** How often a transaction was run again so far. */
  readonly retries: number
  close(): Promise<void>
}

export interface KeyValueConnection {
  readonly kind: 'key-value'
  get(key: string): Promise<string | null>
  put(key: string, value: string): Promise<void>
  /** Gives the number of entries found from `key` on, at most `limit`. */
  scan(key: string, limit: number): Promise<number>
  close(): Promise<void>
}

export type Connection = SqlConnection | KeyValueConnection

/** Where and how a load process connects: plain data, so that it can be sent to it. Several addresses are used in turn. */
export type Endpoint =
  | { readonly kind: 'hrana-websocket'; readonly urls: readonly string[] }
  | { readonly kind: 'hrana-http'; readonly urls: readonly string[] }
  | {
      readonly kind: 'postgres'
      readonly addresses: readonly SocketAddress[]
      readonly database: string
      /** Of the SQL that it is sent: HarmonyDB's tables are made in SQLite's way over any protocol. */
      readonly dialect: 'sqlite' | 'postgres'
    }
  | { readonly kind: 'etcd'; readonly addresses: readonly SocketAddress[] }
  | { readonly kind: 'rqlite'; readonly urls: readonly string[] }
  | { readonly kind: 'embedded'; readonly folder: string }
  | { readonly kind: 'node-sqlite'; readonly file: string }
  | {
      readonly kind: 'sqlite-library'
      readonly library: 'better-sqlite3' | 'libsql'
      /** Of the library's package, as found. */
      readonly module: string
      readonly file: string
    }
  | { readonly kind: 'lmdb'; readonly module: string; readonly folder: string }

export interface SocketAddress {
  readonly host: string
  readonly port: number
}

/** A process that belongs to a target; its children count as part of it. */
export interface TargetProcess {
  readonly name: string
  readonly pid: number
}

export interface Target {
  /** As given with --targets. */
  readonly name: string
  readonly title: string
  /** True for HarmonyDB; the others are peers, and ratios are to one of them. */
  readonly isOurs: boolean
  /** When a write is acknowledged, and what a read may miss: printed beside every figure. */
  readonly durability: string
  readonly endpoint: Endpoint
  /** Where tables are made: targets over several protocols of the same members share them. */
  readonly setUpAt: Endpoint
  /** Servers. Empty where the system runs in the load process itself, which then counts. */
  readonly processes: readonly TargetProcess[]
  /** False for a library that is called synchronously: more clients than one mean nothing to it. */
  readonly isConcurrent: boolean
  close(): Promise<void>
}
