/** What a group shows of itself to operators: `GET /v1/cluster`, metrics, placement. Plain data. */

import type { Configuration } from '../raft/membership.ts'
import type { GroupLeadership } from './leadership.ts'
import type { RaftLog } from './raft-log.ts'

export interface GroupFollower {
  readonly member: number
  readonly state: 'probe' | 'replicate' | 'snapshot'
  /** It has the log up to here, durably. */
  readonly matchIndex: number
  /** It answered lately. A sleeping group asks nobody. */
  readonly isActive: boolean
}

export interface GroupStatus extends GroupLeadership {
  readonly group: number
  readonly database: string
  /** Which of this member's replicas of the group it is; 0 if there is none. */
  readonly generation: number
  /** In force: the newest in the log, committed or not. */
  readonly configuration: Configuration
  readonly commitIndex: number
  /** Everything up to it is in the SQLite file here. */
  readonly appliedIndex: number
  readonly lastIndex: number
  /** Entries that the log still keeps begin after it. */
  readonly baseIndex: number
  /** Nothing happens in it, so its members exchange nothing. */
  readonly isAsleep: boolean
  /** Of the other replicas; empty unless the replica here leads. */
  readonly followers: readonly GroupFollower[]
  /** Why the replica here can't be used; null if it can. */
  readonly failure: string | null
}

/** The part of it that the log knows. */
export function describeReplication(
  log: RaftLog,
): Omit<GroupStatus, 'group' | 'database' | 'appliedIndex' | 'failure'> {
  const raft = log.replica?.describe()
  return {
    ...log.leadership,
    generation: log.generation,
    configuration: log.configuration,
    commitIndex: log.commitIndex,
    lastIndex: raft?.lastIndex ?? log.lastIndex,
    baseIndex: log.base.index,
    isAsleep: raft?.quiesced ?? false,
    followers: (raft?.followers ?? []).map(({ id, state, match, recentlyActive }) => ({
      member: id,
      state,
      matchIndex: match,
      isActive: recentlyActive,
    })),
  }
}
