/**
 * What a member knows of its cluster, as plain data for consoles, scripts and metrics: `GET /v1/cluster` serves it. It is this member's own
 * view and asks nobody: a member that is cut off shows what it last knew, and says so in `connection`.
 */

export interface ClusterState {
  /** Random id of the cluster; members of another one are refused. */
  readonly cluster: string
  /** The member that answers. */
  readonly member: number
  readonly members: readonly MemberState[]
  /** The catalog, which is group 0, and all databases. */
  readonly groups: readonly GroupState[]
}

export type MemberRole = 'voter' | 'learner'

export interface MemberState {
  /** 1 or more; never used again for another member. */
  readonly member: number
  /** What people call it. */
  readonly name: string
  /** `expected`: added by an operator and not there yet. `removed`: it will not come back under this number. */
  readonly status: 'expected' | 'active' | 'removed'
  /** Whether databases may count on its vote; the learners of a cluster only follow. */
  readonly role: MemberRole
  /** HOST:PORT as others reach it; null where it is not served or not known. */
  readonly addresses: MemberAddresses
  readonly connection: MemberConnection
  /** Grows with each start of the member; null while it is not connected. */
  readonly incarnation: number | null
  /** Why there is no connection to it; null if there is one. */
  readonly problem: string | null
}

export interface MemberAddresses {
  readonly http: string | null
  readonly postgres: string | null
  readonly peer: string | null
}

/** As seen from the member that answers. */
export type MemberConnection = 'self' | 'connected' | 'connecting' | 'unreachable' | 'none'

export interface GroupState {
  readonly group: number
  readonly database: string
  /** The member that leads, as far as this one knows; null during an election. */
  readonly leader: number | null
  /** The member that should lead when all is well; null if none may. */
  readonly preferredLeader: number | null
  readonly term: number
  /** Of the replica on the member that answers; `none` where it has no replica yet. */
  readonly role: 'leader' | 'candidate' | 'follower' | 'learner' | 'none'
  readonly voters: readonly number[]
  readonly learners: readonly number[]
  /** Entries up to it are committed, as far as this member knows. */
  readonly commitIndex: number
  /** Of the replica here. */
  readonly appliedIndex: number
  /** Nothing happens in it, so its members exchange nothing. */
  readonly isAsleep: boolean
  /** Why the replica here can't be used; null if it can. */
  readonly failure: string | null
  /** Of the other replicas; empty unless the replica here leads. */
  readonly followers: readonly FollowerState[]
}

export interface FollowerState {
  readonly member: number
  readonly state: 'probe' | 'replicate' | 'snapshot'
  /** It has the log up to here, durably. */
  readonly matchIndex: number
  /** Entries that the leader has and it has not. */
  readonly lagEntries: number
  /** It answered lately. A sleeping group asks nobody. */
  readonly isActive: boolean
}

/** What operators may do to the cluster, on any of its members. Each rejects with a HarmonyError that says why not. */
export interface ClusterAdministration {
  clusterState(): ClusterState
  /** Gives a number to the member that will join from this address; the role counts from then on. Resolves with the number. */
  addMember(peerAddress: string, role: MemberRole): Promise<number>
  /** For good: the member's number, its votes and its replicas are gone. Refused if a majority would be lost. */
  removeMember(member: number): Promise<void>
  /** A learner of the cluster may become a voter of databases. */
  promoteMember(member: number): Promise<void>
  /** Hands the leadership of one database, or of all that `from` leads, to another member. Resolves with how many were handed over. */
  transferLeadership(request: TransferRequest): Promise<number>
}

export interface TransferRequest {
  /** Null: all databases. */
  readonly database: string | null
  /** Null: whoever leads. */
  readonly from: number | null
  /** Null: the best of the others. */
  readonly to: number | null
}
