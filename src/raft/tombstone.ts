/**
 * What a host does with a message for a replica that may not run here.
 *
 * A replica that was destroyed must not come back as its old self: an empty log that answers to the old name
 * has forgotten the votes and the acknowledgements that others still count on. So a host keeps, for every
 * replica that it destroyed, the generation as a tombstone, for as long as the group exists, and asks here.
 */

import type { Message, MessageType } from './message.ts'

/** What a member holds of one group. Generations are 1 or more; 0 stands for none. */
export interface LocalReplica {
  /** The generation of the replica that runs here. */
  readonly generation: number
  /** The highest generation that was destroyed here. */
  readonly tombstone: number
}

export type Admission =
  /** Step it into the replica. */
  | 'deliver'
  /** Create an empty replica of `message.toGeneration`, then step it in. */
  | 'create'
  /** The replica here was removed and does not know it: destroy it, leave its tombstone, then create. */
  | 'replace'
  | 'ignore'

/**
 * A generation that was never destroyed here, and is not the one that runs, never ran here: it has promised
 * nothing to anybody, so an empty replica is exactly what it is. Messages of a leader create it, and questions of
 * candidates too: in a joint configuration the vote of a new voter can be needed before any leader reached it. The
 * sender's log has the entry that added this generation, so the one before it was removed by a committed entry.
 * No other message creates anything; nothing at or below a tombstone ever does.
 */
export function admit(message: Message, local: LocalReplica): Admission {
  const { toGeneration } = message
  if (toGeneration <= local.tombstone || toGeneration < local.generation) return 'ignore'
  if (toGeneration === local.generation) return 'deliver'
  if (!CREATING.has(message.type)) return 'ignore'
  return local.generation === 0 ? 'create' : 'replace'
}

const CREATING: ReadonlySet<MessageType> = new Set([
  'append-request',
  'heartbeat-request',
  'snapshot-request',
  'pre-vote-request',
  'vote-request',
])
