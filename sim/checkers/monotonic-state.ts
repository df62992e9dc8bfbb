/**
 * What never goes back in one life of a core: its term, its commit index and its applied index. And whenever it hands
 * something out: applied <= commit <= last index, and on its disk, commit <= last index. What outlives a crash, votes
 * above all, is for `durable-promises.ts`.
 */

import type { ReplicaId } from '../../src/raft/entry.ts'
import type { Replica } from '../cluster/replica.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

interface Life {
  term: number
  commit: number
  applied: number
}

export class MonotonicState implements Checker {
  readonly name = 'monotonic term, commit and applied'
  readonly #lives = new Map<Replica, Life>()

  started(replica: Replica): void {
    const { raft, image } = replica
    this.#lives.set(replica, { term: raft.term, commit: raft.commit, applied: image.appliedIndex })
  }

  stepped(replica: Replica): void {
    const life = this.#lives.get(replica)
    if (life === undefined) return
    const { raft } = replica
    const { term, commit } = raft
    if (term < life.term) throw this.#violation(replica.id, `its term goes from ${life.term} to ${term}`)
    if (commit < life.commit) {
      throw this.#violation(replica.id, `its commit index goes from ${life.commit} to ${commit}`)
    }
    life.term = term
    life.commit = commit
  }

  handedOut(replica: Replica): void {
    const { raft, image, log, id, durable } = replica
    const life = this.#lives.get(replica)
    if (life !== undefined) {
      if (image.appliedIndex < life.applied) {
        throw this.#violation(id, `its applied index goes from ${life.applied} to ${image.appliedIndex}`)
      }
      life.applied = image.appliedIndex
    }
    if (image.appliedIndex > raft.commit) {
      throw this.#violation(id, `it has applied ${image.appliedIndex} and committed ${raft.commit}`)
    }
    if (raft.commit > log.lastIndex && !replica.awaitsSnapshot) {
      throw this.#violation(id, `it has committed ${raft.commit} of a log that ends at ${log.lastIndex}`)
    }
    const { hardState, log: durableLog } = durable.surviving()
    if (hardState.commit > durableLog.lastIndex) {
      throw this.#violation(
        id,
        `on its disk the commit index ${hardState.commit} is beyond the log, which ends at ${durableLog.lastIndex}`,
      )
    }
  }

  ended(replica: Replica): void {
    this.#lives.delete(replica)
  }

  #violation({ id }: ReplicaId, what: string): Violation {
    return new Violation(this.name, `member ${id}: ${what}`, { members: [id] })
  }
}
