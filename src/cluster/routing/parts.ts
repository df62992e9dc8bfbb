/** What routing needs of the rest of a member. `DatabaseGroup` and `PeerTransport` have it by structure; tests bring their own. */

import type {
  IndexReceiver,
  OutcomeReceiver,
  ReadPosition,
  SessionContext,
  TransactionOutcome,
  TransactionRequest,
} from '../../base/transaction.ts'
import type { ResultColumn, SqlStatement, StatementResult } from '../../base/value.ts'
import type { CallOutcome, CallRequest } from '../transport/calls.ts'

export interface StatementDescription {
  readonly parameters: readonly (string | null)[]
  readonly columns: readonly ResultColumn[]
  readonly isExplain: boolean
  readonly isReadOnly: boolean
}

export interface BeginOptions {
  readonly context: SessionContext
  readonly snapshotIndex: bigint | null
  readonly idempotencyKey: string | null
  readonly waitTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly totalTimeoutMs: number
}

export interface Committed {
  readonly index: bigint
  readonly context: SessionContext
}

/** An interactive transaction, on the leader's writer or on the way there. Calls must not overlap. */
export interface OpenTransaction {
  execute(statement: SqlStatement, resultSizeBytesMax: number): Promise<StatementResult>
  describe(sql: string): Promise<StatementDescription>
  commit(): Promise<Committed>
  rollback(): Promise<void>
  readonly ended: Error | null
}

/** The replica of a database on this member. */
export interface LocalReplica {
  readonly group: number
  readonly name: string
  readonly dataFile: string
  /** Never goes back. */
  readonly appliedIndex: bigint
  /** Number of the member that leads, as far as this one knows. */
  readonly leader: number | null
  /** Calls `listener` after that has changed; returns a function that stops it. */
  onLeadership(listener: () => void): () => void
  /** Calls `listener` when another file has taken the place of `dataFile`. */
  onFileReplaced(listener: () => void): () => void
  onApplied(listener: (appliedIndex: bigint) => void): () => void
  /** Rejects with NOT_LEADER, nothing done, where another one leads. */
  submit(request: TransactionRequest): Promise<TransactionOutcome>
  /** The same for who waits without a promise. Throws why the database can't be used any more. */
  submitTo(receiver: OutcomeReceiver, request: TransactionRequest): void
  begin(options: BeginOptions): Promise<OpenTransaction>
  readIndex(timeoutMs?: number): Promise<bigint>
  /** The same for who waits without a promise. Throws why the database can't be used any more. */
  readIndexFor?(receiver: IndexReceiver, timeoutMs: number): void
  /** Null where other members have to be asked. */
  readIndexNow?(): bigint | null
  /** What that would tell, for readers in other processes. Calls `listener` now and after every change; returns a function that stops it. */
  onReadPosition?(listener: (position: ReadPosition) => void): () => void
  /** Rejects with why the database can't be used any more, even where the index is applied. */
  waitApplied(index: bigint, timeoutMs: number): Promise<void>
}

/** The way to other members: `PeerTransport`. */
export interface MemberCalls {
  /** Never rejects. */
  call(member: number, request: CallRequest): Promise<CallOutcome>
}
