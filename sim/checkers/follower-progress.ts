/**
 * What a leader believes of its followers is true: the place up to which it counts a follower's log is durable
 * there, with the leader's own entry at it (matchIndex, Figure 2), and what it sends next lies beyond.
 *
 * A leader that was replaced without knowing may believe what was true once; so followers that know a higher term
 * are left out.
 */

import type { Ready } from '../../src/raft/ready.ts'
import type { FollowerStatus } from '../../src/raft/api.ts'
import type { ReplicaId } from '../../src/raft/entry.ts'
import type { JournalState } from '../cluster/journal.ts'
import type { Replica } from '../cluster/replica.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

export class FollowerProgress implements Checker {
  readonly name = 'follower progress'
  readonly #survivingOn: (replica: ReplicaId) => JournalState | null

  constructor(survivingOn: (replica: ReplicaId) => JournalState | null) {
    this.#survivingOn = survivingOn
  }

  handedOut(replica: Replica, _ready: Ready): void {
    if (replica.raft.role !== 'leader') return
    for (const follower of replica.raft.status().followers) this.#check(replica, follower)
  }

  #check({ id, raft, log }: Replica, { id: member, generation, match, next }: FollowerStatus): void {
    const interest = { members: [id.id, member], terms: [raft.term], indexes: [match] }
    if (next <= match) {
      throw new Violation(
        this.name,
        `member ${id.id} would send index ${next} next to member ${member}, which it knows to have ${match}`,
        interest,
      )
    }
    const durable = this.#survivingOn({ id: member, generation })
    if (match === 0 || (durable !== null && durable.hardState.term > raft.term)) return
    const expected = log.term(match)
    const found = durable?.log.term(match) ?? null
    if (expected === null || found === expected || (durable !== null && match <= durable.log.base.index))
      return
    throw new Violation(
      this.name,
      `member ${id.id} counts member ${member} up to ${match}.${expected}; durable there is ${found === null ? 'nothing' : `${match}.${found}`}`,
      interest,
    )
  }
}
