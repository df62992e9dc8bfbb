/**
 * What a host does with a message for a replica that may not run here.
 *
 * A replica that was destroyed must not come back as its old self: an empty log that answers to the old name
 * has forgotten the votes and the acknowledgements that others still count on. So a host keeps, for every
 * replica that it destroyed, the generation as a tombstone, for as long as the group exists, and asks here.
 */

import type { Message } from './message.ts'

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
 * Only the message of a leader creates a replica: a leader sends to nobody whom its configuration does not
 * name. A vote request does not; it may be older than the removal, and the replica it would create could
 * vote without the log that its predecessor acknowledged.
 */
export function admit(message: Message, local: LocalReplica): Admission {
  const { toGeneration } = message
  if (toGeneration <= local.tombstone || toGeneration < local.generation) return 'ignore'
  if (toGeneration === local.generation) return 'deliver'
  if (!isFromLeader(message)) return 'ignore'
  return local.generation === 0 ? 'create' : 'replace'
}

function isFromLeader(message: Message): boolean {
  const { type } = message
  return type === 'append-request' || type === 'heartbeat-request' || type === 'snapshot-request'
}
