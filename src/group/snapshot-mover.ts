/**
 * The seam between a group and what copies, sends, receives and installs snapshots of its database. The group decides when; whoever moves
 * snapshots knows how.
 */

import { HarmonyError } from '../base/errors.ts'
import type { Engine } from '../engine/engine.ts'
import type { SnapshotMetadata } from '../raft/entry.ts'
import type { SnapshotRequest } from '../raft/message.ts'

/** What a group offers to it. */
export interface SnapshotHost {
  readonly group: number
  readonly database: string
  readonly dataFile: string
  /** Runs `work` with the engine, awake and with everything committed applied. Whatever else the group does goes on beside it. */
  withEngine<T>(work: (engine: Engine) => Promise<T>): Promise<T>
  /** What a copy of the SQLite file at `index` covers; null if there can be none at the moment. */
  snapshotMetadata(index: number): SnapshotMetadata | null
  /** A `snapshot-request` whose bytes are all here and verified. Leads to `install`, unless the log has grown past it meanwhile. */
  step(request: SnapshotRequest): void
  /** How the sending of a snapshot ended. Owed for each `send`. */
  reportSnapshot(member: number, outcome: 'sent' | 'failed'): void
}

export interface SnapshotMover {
  /**
   * The newest copy that can be sent, or null, which should start the making of one: a follower needs it, and is offered it with a later
   * heartbeat. Called from inside of the Raft core: it answers at once and calls nothing of the group before it returns.
   */
  offer(): SnapshotMetadata | null
  /** Sends the copy that `request.snapshot` names to `request.to`. `reportSnapshot` when that is over, however it ends. */
  send(request: SnapshotRequest): void
  /**
   * Puts the received file in the place of the database's. The engine is closed, nobody opens it meanwhile, and the writer is held. Durable
   * when it resolves. Only then the log is replaced, so a crash in between finds a file that is ahead of its log: `installed` tells.
   */
  install(snapshot: SnapshotMetadata): Promise<void>
  /**
   * At the start, before the log is read: the snapshot whose file is in place, although the log may not begin after it yet. Null if
   * nothing was interrupted.
   */
  installed(): SnapshotMetadata | null
  /** The group is closed or dropped. */
  close(): Promise<void>
}

export type SnapshotMoverFactory = (host: SnapshotHost) => SnapshotMover

/** Of groups whose log is always enough: of one member, and in tests. */
export function noSnapshots(host: SnapshotHost): SnapshotMover {
  return {
    offer: () => null,
    send: (request) => host.reportSnapshot(request.to, 'failed'),
    install: () => Promise.reject(new HarmonyError('INTERNAL', 'No snapshot was received.')),
    installed: () => null,
    close: () => Promise.resolve(),
  }
}
