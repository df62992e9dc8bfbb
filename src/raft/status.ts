/** A replica's state as plain data, for metrics, consoles and tests. */

import type { FollowerStatus, RaftStatus } from './api.ts'
import type { Progress } from './progress.ts'
import type { ReplicaState } from './state.ts'

export function describeReplica(state: ReplicaState): RaftStatus {
  const { log, role } = state
  return {
    group: state.group,
    replica: state.self,
    role: role.kind,
    term: state.term,
    leader: state.leader,
    removed: state.removed,
    votedFor: state.votedFor,
    commit: log.commit,
    applied: log.applied,
    firstIndex: log.baseIndex + 1,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    durableIndex: log.durableIndex,
    configuration: state.configuration,
    quiesced: state.quiesced,
    diskStalled: state.diskStalled,
    installingSnapshot: log.isInstallingSnapshot,
    uncommittedBytes: role.kind === 'leader' ? role.uncommitted.bytes : 0,
    transferee: role.kind === 'leader' ? (role.transfer?.to ?? null) : null,
    followers: role.kind === 'leader' ? followersOf(state, role.progress) : [],
    dropped: Object.fromEntries(state.dropped),
  }
}

function followersOf(state: ReplicaState, progress: Map<number, Progress>): FollowerStatus[] {
  return [...progress.values()]
    .filter((follower) => !state.isSelf(follower.replica))
    .sort((left, right) => left.replica.id - right.replica.id)
    .map((follower) => ({
      id: follower.replica.id,
      generation: follower.replica.generation,
      state: follower.state,
      match: follower.match,
      next: follower.next,
      recentlyActive: follower.recentlyActive,
      inflightMessages: follower.inflights.count,
      inflightBytes: follower.inflights.bytes,
      pendingSnapshot: follower.pendingSnapshot,
    }))
}
