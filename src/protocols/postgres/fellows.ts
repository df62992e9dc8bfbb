/**
 * The processes that serve PostgreSQL for one member, and share its port. A client's request to stop a connection comes on a connection of
 * its own, and so perhaps to another process. A connection's process id tells which one has it: `id % count` is that one's slot.
 */

import type { ActivityRow } from './session/activity.ts'

export type ConnectionRow = ActivityRow

/** A cancel request brings the connection's secret; `pg_cancel_backend` and `pg_terminate_backend` need none. */
export type StopBackend =
  | { readonly action: 'cancel'; readonly processId: number; readonly secret: Uint8Array | null }
  | { readonly action: 'terminate'; readonly processId: number }

export interface Fellows {
  /** This process's: 0 to `count - 1`. */
  readonly slot: number
  readonly count: number
  /** In the process that has the connection. False if there is no such connection. */
  stopBackend(slot: number, stop: StopBackend): Promise<boolean>
  /** Of all other processes. */
  connections(): Promise<readonly ConnectionRow[]>
}

/** One process serves all. */
export const NO_FELLOWS: Fellows = {
  slot: 0,
  count: 1,
  stopBackend: () => Promise.resolve(false),
  connections: () => Promise.resolve([]),
}
