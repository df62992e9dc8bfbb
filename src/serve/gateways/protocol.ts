/**
 * What the member and a gateway process say to each other: requests both ways, each with one answer, and notices without one. Plain data, as
 * structured cloning carries it. Both ends are of one version: the member starts its gateways from its own files.
 */

import type { MetricFamily } from '../../admin/prometheus.ts'
import type { Health } from '../../admin/health.ts'
import type { ErrorData, TransactionOutcome, TransactionRequest } from '../../base/transaction.ts'
import type { SqlStatement, StatementResult } from '../../base/value.ts'
import type { ClusterState, MemberRole, TransferRequest } from '../../cluster/cluster-state.ts'
import type { GatewayConfiguration } from '../../gateway/configuration.ts'
import type { BeginOptions, DatabaseInfo, WriteTransaction } from '../../gateway/core.ts'
import type { StatementDescription } from '../../gateway/session.ts'
import type { GatewayStatistics } from '../../gateway/statistics.ts'
import type { HttpStatistics } from '../../protocols/http/statistics.ts'
import type { ConnectionRow, StopBackend } from '../../protocols/postgres/fellows.ts'
import type { ListenAddress } from '../listen-address.ts'
import type { ServerCertificate } from '../server-certificate.ts'
import type { ServeLimits } from '../serve.ts'

/** What a gateway process is started with. It comes over the channel, where nobody else sees the token. */
export interface GatewayStart {
  /** 0 to `count - 1`. */
  readonly slot: number
  readonly count: number
  readonly http: ListenAddress | null
  readonly postgres: ListenAddress | null
  readonly authToken: string | null
  /** Ed25519 public keys, as PEM. */
  readonly jwtKeys: readonly string[]
  readonly allowedOrigins: readonly string[]
  readonly postgresCertificate: ServerCertificate | null
  readonly limits: ServeLimits
  readonly configuration: GatewayConfiguration
  /** What the program of gateway processes makes readers of. */
  readonly readers: object
  /** Abstract Unix sockets by slot, where gateways pass requests on to each other. */
  readonly forwardPaths: readonly string[]
  /** Number of the member. */
  readonly member: number
  readonly members: readonly MemberStatus[]
  /** Of the member: it is this gateway's parent as long as it lives. */
  readonly memberProcessId: number
}

export interface MemberStatus {
  readonly member: number
  readonly status: string
}

/** A database as a gateway gets it: `core` stands for it from then on. */
export interface CoreReference {
  readonly core: number
  readonly dataFile: string
  readonly appliedIndex: bigint
  /** On the board of positions; null where it has none. */
  readonly slot: number | null
}

/** Of a statement inside of a transaction: what it gave, and whether the transaction is over. */
export type StepOutcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: ErrorData; readonly ended: ErrorData | null }

export type Committed = Awaited<ReturnType<WriteTransaction['commit']>>

/** Kind of request → what is asked and what is answered. */
export interface MemberCalls {
  readonly get: [{ readonly name: string }, CoreReference]
  readonly list: [null, readonly DatabaseInfo[]]
  readonly create: [{ readonly name: string }, null]
  readonly drop: [{ readonly name: string }, null]
  readonly submit: [
    { readonly core: number; readonly request: TransactionRequest },
    { readonly outcome: TransactionOutcome; readonly appliedIndex: bigint },
  ]
  readonly readIndex: [
    { readonly core: number; readonly timeoutMs: number | null },
    { readonly index: bigint; readonly appliedIndex: bigint },
  ]
  readonly waitApplied: [
    { readonly core: number; readonly index: bigint; readonly timeoutMs: number },
    { readonly appliedIndex: bigint },
  ]
  readonly begin: [
    { readonly core: number; readonly transaction: number; readonly options: BeginOptions },
    null,
  ]
  readonly execute: [
    {
      readonly transaction: number
      readonly statement: SqlStatement
      readonly resultSizeBytesMax: number
    },
    StepOutcome<StatementResult>,
  ]
  readonly describe: [
    { readonly transaction: number; readonly sql: string },
    StepOutcome<StatementDescription>,
  ]
  readonly commit: [{ readonly transaction: number }, StepOutcome<Committed>]
  readonly rollback: [{ readonly transaction: number }, null]
  /** Every move of the applied index is told from now on, or no longer. */
  readonly watch: [{ readonly core: number; readonly isOn: boolean }, null]
  readonly clusterState: [null, ClusterState]
  readonly addMember: [{ readonly peerAddress: string; readonly role: MemberRole }, number]
  readonly removeMember: [{ readonly member: number }, null]
  readonly promoteMember: [{ readonly member: number }, null]
  readonly transferLeadership: [TransferRequest, number]
  readonly health: [null, Health]
  /** Of the member and of all its gateways together. */
  readonly metrics: [null, readonly MetricFamily[]]
  /** To the gateway in `slot`; false where there is none now, or it has no such connection. */
  readonly stopBackend: [{ readonly slot: number; readonly stop: StopBackend }, boolean]
  /** Of all other gateways. */
  readonly connections: [null, readonly ConnectionRow[]]
}

export interface GatewayCalls {
  readonly start: [GatewayStart, null]
  readonly statistics: [null, GatewayProcessStatistics]
  readonly stopBackend: [StopBackend, boolean]
  readonly connections: [null, readonly ConnectionRow[]]
  /** Answered when the last client has gone; the process ends then. */
  readonly drain: [null, null]
}

export interface GatewayProcessStatistics {
  readonly gateway: GatewayStatistics
  /** Null where HTTP is not served. */
  readonly http: HttpStatistics | null
  readonly residentBytes: number
  readonly cpuSeconds: number
}

/** From the member to a gateway, without an answer. */
export type MemberNotice =
  | { readonly kind: 'applied'; readonly core: number; readonly index: bigint }
  | { readonly kind: 'members'; readonly members: readonly MemberStatus[] }

/** From a gateway to the member, without an answer. */
export interface GatewayNotice {
  readonly kind: 'log'
  readonly level: 'info' | 'warn' | 'error'
  readonly event: string
  readonly fields: Readonly<Record<string, string | number>>
}
