/**
 * The seam between a group and what copies, sends, receives and installs snapshots of its database. The group decides when; whoever moves
 * snapshots knows how.
 */

import { HarmonyError } from '../base/errors.ts'
import type { Engine } from '../engine/engine.ts'
import type { SnapshotMetadata } from '../raft/entry.ts'
import type { SnapshotRequest } from '../raft/message.ts'
import type { IncomingPeerStream, PeerStreamSink } from './peers.ts'
import type { Pull, Transfer } from './snapshot/copy-codec.ts'

/** What a group offers to it. */
export interface SnapshotHost {
  readonly group: number
  readonly database: string
  readonly dataFile: string
  /** Where the log begins. */
  readonly baseIndex: number
  readonly commitIndex: number
  /** Every command up to it is in the file. */
  readonly position: number
  /** Number of the member that leads; null while that is not known. */
  readonly leader: number | null
  readonly isLeading: boolean
  /** Why the file can't become what the log says; null if it can, as far as is known. */
  readonly damage: HarmonyError | null
  /** Runs `work` with the engine, awake and with everything committed applied. Whatever else the group does goes on beside it. */
  withEngine<T>(work: (engine: Engine) => Promise<T>): Promise<T>
  /** What a copy of the SQLite file at `index` covers; null if there can be none at the moment. */
  snapshotMetadata(index: number): SnapshotMetadata | null
  /** Whether the log has what comes after a copy, or begins right after it. */
  logGoesOnFrom(snapshot: SnapshotMetadata): boolean
  /** A `snapshot-request` whose bytes are all here and verified. Leads to `claim` and `install`, unless the log has grown past it meanwhile. */
  step(request: SnapshotRequest): void
  /** How the sending of a snapshot ended. Owed for each `send`. */
  reportSnapshot(member: number, outcome: 'sent' | 'failed'): void
  /** `work` puts another file, with everything up to `index`, in the place of the database's; the log stays as it is. */
  replaceFile(index: number, work: () => Promise<void>): Promise<void>
  /** Gives the leadership to another member, if one can take it. */
  handOver(): void
}

export interface SnapshotStats {
  /** Copies made for others. */
  readonly copies: number
  readonly sent: number
  /** Sendings that ended early. */
  readonly failed: number
  /** Copies of others that took the place of the file here. */
  readonly installed: number
  readonly receivedBytes: number
  /** How often the file here was found to be damaged or different from the leader's, and how often it was made whole. */
  readonly damaged: number
  readonly healed: number
}

export interface SnapshotMover {
  /** The log should be kept from here on for those who are being sent a copy; null if nobody is. */
  readonly retainedFrom: number | null
  /**
   * The newest copy that can be sent, or null, which should start the making of one: a follower needs it, and is offered it with a later
   * heartbeat. Called from inside of the Raft core: it answers at once and calls nothing of the group before it returns.
   */
  offer(): SnapshotMetadata | null
  /** Sends the copy that `request.snapshot` names to `request.to`. `reportSnapshot` when that is over, however it ends. */
  send(request: SnapshotRequest): void
  /** A member whose file is damaged asks for a copy. Gives the answer; throws NOT_LEADER. */
  pulled(from: number, pull: Pull): Uint8Array
  /** A member sends a copy. */
  receive(stream: IncomingPeerStream, transfer: Transfer): Promise<PeerStreamSink>
  /** `install` is going to be called: nothing may happen to the file until then. False if the file is not here. */
  claim(snapshot: SnapshotMetadata): boolean
  /**
   * Puts the received file in the place of the database's, and calls `replaceLog` when that is durable. The engine is closed, nobody opens it
   * meanwhile, and the writer is held. A crash in between finds a file that is ahead of its log: `installed` tells.
   */
  install(snapshot: SnapshotMetadata, replaceLog: () => Promise<void>): Promise<void>
  /**
   * At the start, before the log is read: the snapshot whose file is in place, although the log may not begin after it yet. Null if
   * nothing was interrupted.
   */
  installed(): SnapshotMetadata | null
  /** The file can't become what the log says. */
  damaged(error: HarmonyError): void
  stats(): SnapshotStats
  /** The group is closed or dropped. */
  close(): Promise<void>
}

export type SnapshotMoverFactory = (host: SnapshotHost) => SnapshotMover

const NO_STATS: SnapshotStats = {
  copies: 0,
  sent: 0,
  failed: 0,
  installed: 0,
  receivedBytes: 0,
  damaged: 0,
  healed: 0,
}

/** Of groups whose log is always enough: of one member, and in tests. */
export function noSnapshots(host: SnapshotHost): SnapshotMover {
  const refusal = (): HarmonyError => new HarmonyError('INTERNAL', 'This member takes part in no snapshots.')
  return {
    retainedFrom: null,
    offer: () => null,
    send: (request) => host.reportSnapshot(request.to, 'failed'),
    pulled: () => {
      throw refusal()
    },
    receive: () => Promise.reject(refusal()),
    claim: () => false,
    install: () => Promise.reject(refusal()),
    installed: () => null,
    damaged: () => {},
    stats: () => NO_STATS,
    close: () => Promise.resolve(),
  }
}
