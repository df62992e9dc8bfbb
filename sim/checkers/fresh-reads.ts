/**
 * A linearizable read is not stale: its index is not below anything that any client had been told when the read
 * was called (thesis 6.4). The check of the whole history finds the same later; this one names the moment.
 */

import type { ServedRead } from '../cluster/clients.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

export class FreshReads implements Checker {
  readonly name = 'fresh reads'

  served({ member, index, acknowledgedBefore }: ServedRead): void {
    if (index >= acknowledgedBefore) return
    throw new Violation(
      this.name,
      `member ${member} serves a read at index ${index}; a client knew of index ${acknowledgedBefore} before the read was called`,
      { members: [member], indexes: [index, acknowledgedBefore] },
    )
  }
}
