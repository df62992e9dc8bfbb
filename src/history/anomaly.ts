/** What can't be, in the words of Adya ("Weak Consistency", 1999) and Elle (VLDB 2020). */

import type { EdgeKind } from './dependency-graph.ts'
import type { Transaction } from './list-transactions.ts'

export type AnomalyKind =
  | 'unusable'
  | 'internal'
  | 'garbage'
  | 'duplicate'
  | 'incompatible-order'
  | 'G0'
  | 'G1a'
  | 'G1b'
  | 'G1c'
  | 'G-single'
  | 'G2'
  | 'G0-realtime'
  | 'G1c-realtime'
  | 'G-single-realtime'
  | 'G2-realtime'

/** One transaction must come before another, and why. */
export interface CycleStep {
  readonly from: number
  readonly to: number
  readonly kind: EdgeKind
  readonly reason: string
}

export interface Anomaly {
  readonly kind: AnomalyKind
  /** What happened, for people. */
  readonly text: string
  readonly transactions: readonly Transaction[]
  /** Edges in a circle; empty where it takes no cycle. Nodes are numbers of transactions. */
  readonly cycle: readonly CycleStep[]
}

/** The weakest promise that each one breaks. */
export const BROKEN_PROMISE: Readonly<Record<AnomalyKind, string>> = {
  unusable: 'the rule that an element is appended once: nothing can be said',
  internal: 'a transaction did not see its own writes, or did not read the same twice',
  garbage: 'read committed: it was never written',
  duplicate: 'writes happen once',
  'incompatible-order':
    'read committed: a list that was read went away again, or its order is not that of the appends',
  G0: 'read uncommitted: writes of two transactions are mixed',
  G1a: 'read committed: an aborted write was read',
  G1b: 'read committed: an unfinished transaction was read',
  G1c: 'read committed: transactions read from each other in a circle',
  'G-single': 'snapshot isolation: a transaction missed what came before something it saw',
  G2: 'serializability: transactions missed each other’s writes',
  'G0-realtime': 'strict serializability: an earlier write went after a later one',
  'G1c-realtime': 'strict serializability: a transaction read from the future',
  'G-single-realtime': 'strict serializability: a read missed what was finished before it began',
  'G2-realtime': 'strict serializability: transactions missed what was finished before they began',
}
