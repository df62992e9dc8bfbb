/**
 * An entry is committed only when it is durable on a majority of the voters: of both majorities in a joint
 * configuration (§5.3, §6). Asked of the simulated disks themselves at the moment when the first replica
 * calls it committed, so an acknowledgement that came before its fsync is caught without any crash.
 */

import type { ReplicaId } from '../../src/raft/entry.ts'
import type { Replica } from '../cluster/replica.ts'
import type { JournalState } from '../cluster/journal.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

export class CommittedOnQuorum implements Checker {
  readonly name = 'committed on a quorum'
  readonly #survivingOn: (replica: ReplicaId) => JournalState | null
  #checked = 0

  /** `survivingOn`: what is durable of a replica, also of one that was destroyed since; null if none ever was. */
  constructor(survivingOn: (replica: ReplicaId) => JournalState | null) {
    this.#survivingOn = survivingOn
  }

  /** Right after the input that moved the commit index: a moment later the configuration may be another. */
  stepped(replica: Replica): void {
    const { raft, log } = replica
    if (raft.role !== 'leader' || raft.commit <= this.#checked) return
    for (let index = this.#checked + 1; index <= raft.commit; index += 1) {
      const term = log.term(index)
      if (term !== null) this.#check(replica, index, term)
    }
    this.#checked = raft.commit
  }

  #check({ id, raft }: Replica, index: number, term: number): void {
    const { voters, votersOutgoing } = raft.configuration
    for (const half of [voters, votersOutgoing]) {
      const holders = half.filter((voter) => this.#holds(voter, index, term))
      if (half.length === 0 || holders.length * 2 > half.length) continue
      throw new Violation(
        this.name,
        `member ${id.id} calls entry ${index}.${term} committed; of the voters ${names(half)} it is durable on ${names(holders)}`,
        { members: [id.id, ...half.map((voter) => voter.id)], terms: [term], indexes: [index] },
      )
    }
  }

  #holds(voter: ReplicaId, index: number, term: number): boolean {
    const log = this.#survivingOn(voter)?.log
    if (log === undefined) return false
    // What a log's base covers was committed before, and is part of its state.
    return index <= log.base.index || log.term(index) === term
  }
}

function names(list: readonly ReplicaId[]): string {
  return list.map((voter) => voter.id).join(', ') || 'nobody'
}
