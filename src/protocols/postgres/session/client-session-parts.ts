/** What one client's session stands on. */

import type { Session } from '../../../gateway/session.ts'
import type { DatabaseDialect } from '../dialect/database-dialect.ts'
import type { PostgresLimits } from '../limits.ts'
import type { Activity } from './activity.ts'
import type { SessionFacts } from './executor.ts'
import type { Listening } from './listening.ts'
import type { ClientOutput } from './output.ts'
import type { Settings } from './settings.ts'
import type { TemporaryTables } from './temporary-tables.ts'
import type { ServerActions } from './utilities.ts'

export interface ClientSessionParts {
  readonly session: Session
  readonly dialect: DatabaseDialect
  readonly settings: Settings
  readonly temporaries: TemporaryTables
  readonly output: ClientOutput
  readonly listening: Listening
  readonly facts: SessionFacts
  readonly activity: Activity
  readonly limits: PostgresLimits
  readonly server: ServerActions
  /** Whether the client has sent the Sync behind what is handled now already. */
  readonly isFollowedBySync: () => boolean
}
