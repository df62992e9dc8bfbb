/**
 * Configurations of a group and the changes that lead from one to the next, by joint consensus (§6).
 *
 * A membership entry carries the whole configuration that it puts in force, not a difference: the newest one
 * in a log can be used without reading the others, and taking one back on truncation means using the one
 * before.
 */

import type { ReplicaId } from './entry.ts'

/** Who takes part. Lists are sorted by id; an id is at most once in `voters`, and in no two lists but those
 * that the comments name. */
export interface Configuration {
  /** The index of the entry that carries it; 0 for the one that a group starts with. */
  readonly index: number
  /** C_new while joint; otherwise the voters. */
  readonly voters: readonly ReplicaId[]
  /** C_old while joint; otherwise empty. May share replicas with every other list but `learners`. */
  readonly votersOutgoing: readonly ReplicaId[]
  /** Get the log and have no vote (thesis 4.2.1). */
  readonly learners: readonly ReplicaId[]
  /** Voters of C_old that become learners when C_new stands alone. Part of `votersOutgoing`, not of `voters`. */
  readonly learnersNext: readonly ReplicaId[]
  /** Joint, and the leader appends C_new as soon as this one is committed. */
  readonly autoLeave: boolean
}

/** One step of a change. Ids are of members; the core assigns generations to those that are added. */
export type MembershipStep =
  | { readonly kind: 'add-voter'; readonly id: number }
  | { readonly kind: 'add-learner'; readonly id: number }
  | { readonly kind: 'promote'; readonly id: number }
  | { readonly kind: 'demote'; readonly id: number }
  | { readonly kind: 'remove'; readonly id: number }

/** A change from one configuration to another. It takes effect as a whole. */
export type MembershipChange =
  | {
      readonly kind: 'change'
      readonly steps: readonly MembershipStep[]
      /** False to stay joint until a `leave-joint`. */
      readonly autoLeave: boolean
    }
  | { readonly kind: 'leave-joint' }
