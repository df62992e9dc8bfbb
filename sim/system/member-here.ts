/** What the harness needs of a member: a directory of databases for the gateway, and signs of life. `Member` has it by structure. */

import type { HarmonyError } from '../../src/base/errors.ts'
import type { DatabaseDirectory } from '../../src/gateway/core.ts'

/** Of one group on this member. */
export interface GroupView {
  readonly database: string
  readonly baseIndex: number
  readonly appliedIndex: number
  readonly commitIndex: number
  readonly failure: string | null
}

export interface MemberHere extends DatabaseDirectory {
  /** Resolves when the member can't write any more until it is started again. */
  readonly failed: Promise<HarmonyError>
  stats(): { readonly databases: readonly GroupView[] }
  /** For the message of a run that did not come to rest. */
  clusterState?(): unknown
  close(): Promise<void>
}
