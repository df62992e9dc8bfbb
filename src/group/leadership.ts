/** Who leads a group, as this member knows it, and the error of one that does not. */

import { HarmonyError } from '../base/errors.ts'
import type { Role } from '../raft/ready.ts'

export interface GroupLeadership {
  /** `none`: there is no replica of the group on this member yet, or not any more. */
  readonly role: Role | 'none'
  readonly term: number
  /** Number of the member that leads; null while nobody is known to. */
  readonly leader: number | null
}

export const NO_LEADERSHIP: GroupLeadership = { role: 'none', term: 0, leader: null }

/** Nothing was done here, so the request may be sent to `leader`. */
export class NotLeaderError extends HarmonyError {
  /** Number of the member that leads; null if that is not known at the moment. */
  readonly leader: number | null

  constructor(database: string, leader: number | null, detail = '') {
    const where = leader === null ? 'and which one does is not known yet' : `but member ${leader} does`
    super(
      'NOT_LEADER',
      `This member does not lead the database ${database}, ${where}.${detail} Nothing was done; try again.`,
    )
    this.leader = leader
  }
}
