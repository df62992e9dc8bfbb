/** What the stress test and its load processes say to each other, over the channel of `child_process.fork` with advanced serialization. */

export type Protocol = 'postgres' | 'websocket'

export interface Target {
  readonly host: string
  readonly postgresPort: number
  readonly httpPort: number
}

export type ToLoad =
  | {
      readonly kind: 'connect'
      readonly targets: readonly Target[]
      /** Number of the first user of this process; tells its users, and what they write, from all others. */
      readonly firstUser: number
      readonly users: number
      /** New connections a second. */
      readonly rate: number
      /** By seed, so that a run can be repeated. */
      readonly seed: number
      readonly threads: number
      /** Null: every other user has the one, every other the other. */
      readonly protocol: Protocol | null
    }
  /** Users act from now on, so many times a second all together, until `rest`. */
  | { readonly kind: 'act'; readonly rate: number }
  | { readonly kind: 'rest' }
  /** What is measured from now on counts for this phase. */
  | { readonly kind: 'phase'; readonly name: string }
  /** Asks for a report. */
  | { readonly kind: 'report' }
  | { readonly kind: 'end' }

export type FromLoad =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'report'; readonly report: LoadReport }

/** Since the start; told every half second. */
export interface Progress {
  readonly connected: number
  /** Connections that ended although nobody asked for it. */
  readonly dropped: number
  readonly done: number
  readonly failed: number
  /** Acts that wait for an answer. */
  readonly waiting: number
  /** How many of those above came from the connections that were lost, and are done again elsewhere. */
  readonly repeated: number
  /** Latencies since the last progress, as counts of the buckets of `Latencies`; empty where nothing was done. */
  readonly latencies: readonly number[]
}

export interface LoadReport {
  /** `phase/protocol/operation` → counts of the buckets of `Latencies`. */
  readonly latencies: Readonly<Record<string, readonly number[]>>
  /** What was told as an error, with how often and in which phase. */
  readonly errors: readonly { readonly phase: string; readonly message: string; readonly count: number }[]
  /** Of posts whose writing was acknowledged, by number of the post. */
  readonly acknowledged: readonly string[]
  /** Of posts of which nobody knows: the connection ended before an answer came. */
  readonly unknown: readonly string[]
  readonly dropped: number
}
