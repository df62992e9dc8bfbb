/**
 * A promise is durable when it is sent (Figure 2: "updated on stable storage before responding to RPCs").
 *
 * - A granted vote, and the request for votes that carries a candidate's vote for itself: term and vote are on
 *   the disk, and a replica never gives two votes in a term, whatever it has lost in between.
 * - An acknowledgement of entries: they are on the disk.
 *
 * Asked of the simulated disk, so no crash is needed to notice.
 */

import type { ReplicaId } from '../../src/raft/entry.ts'
import type { Message } from '../../src/raft/message.ts'
import type { Ready } from '../../src/raft/ready.ts'
import type { Replica } from '../cluster/replica.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

export class DurablePromises implements Checker {
  readonly name = 'durable promises'
  /** Voter, its generation and the term → who got the vote. */
  readonly #votes = new Map<string, ReplicaId>()

  handedOut(replica: Replica, { messages }: Ready): void {
    for (const message of messages) this.#check(replica, message)
  }

  #check(replica: Replica, message: Message): void {
    const { type, term } = message
    if (type === 'vote-response' && message.granted) {
      this.#vote(replica, term, { id: message.to, generation: message.toGeneration })
    } else if (type === 'vote-request') {
      this.#vote(replica, term, replica.id)
    } else if (type === 'append-accepted') {
      this.#acknowledge(replica, message.index, term)
    } else if (type === 'heartbeat-response' || type === 'append-rejected') {
      this.#knowTerm(replica, term)
    }
  }

  #vote({ id, durable }: Replica, term: number, candidate: ReplicaId): void {
    const { hardState } = durable.surviving()
    const isDurable =
      hardState.term > term ||
      (hardState.term === term &&
        hardState.votedFor?.id === candidate.id &&
        hardState.votedFor.generation === candidate.generation)
    const what = `gives member ${candidate.id} its vote in term ${term}`
    if (!isDurable) throw this.#violation(id.id, term, `${what} before that is durable`)
    const key = `${id.id}.${id.generation} ${term}`
    const earlier = this.#votes.get(key)
    if (earlier === undefined) this.#votes.set(key, candidate)
    else if (earlier.id !== candidate.id || earlier.generation !== candidate.generation) {
      throw this.#violation(id.id, term, `${what} after it gave it to member ${earlier.id}`)
    }
  }

  #acknowledge({ id, durable }: Replica, index: number, term: number): void {
    const { log, hardState } = durable.surviving()
    if (log.lastIndex < index) {
      throw new Violation(
        this.name,
        `member ${id.id} acknowledges entries up to ${index}; durable are those up to ${log.lastIndex}`,
        { members: [id.id], terms: [term], indexes: [index] },
      )
    }
    if (hardState.term < term)
      throw this.#violation(id.id, term, `acknowledges in term ${term} before it is durable`)
  }

  #knowTerm({ id, durable }: Replica, term: number): void {
    if (durable.surviving().hardState.term < term) {
      throw this.#violation(id.id, term, `answers a leader of term ${term} before the term is durable`)
    }
  }

  #violation(member: number, term: number, what: string): Violation {
    return new Violation(this.name, `member ${member} ${what}`, { members: [member], terms: [term] })
  }
}
