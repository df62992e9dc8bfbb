/**
 * A leader that hangs, or that the network swallows in silence, answers nothing, and its connection looks alive for seconds. The other members
 * elect another one long before that. Whoever waits for the old one's answer then waits in vain.
 */

import type { Clock, Timer } from '../../host/clock.ts'
import type { LocalReplica } from './parts.ts'
import type { Reply } from './reply.ts'

export interface Asked<T> {
  readonly member: number
  readonly reply: Promise<Reply<T>>
}

/**
 * The reply; or `unknown` as soon as the replica here has known another leader for `graceMs`. The grace is for an answer that is on its
 * way: a leader that hands over answers everybody.
 */
export function unlessSuperseded<T>(
  replica: LocalReplica,
  clock: Clock,
  graceMs: number,
  { member, reply }: Asked<T>,
): Promise<Reply<T>> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      stop()
      const detail = `member ${member} was asked and has not answered, and member ${replica.leader} leads now`
      resolve({ kind: 'unknown', detail })
    }
    let timer: Timer | null = null
    const look = (): void => {
      timer?.cancel()
      if (replica.leader !== null && replica.leader !== member) timer = clock.after(graceMs, giveUp)
    }
    const forget = replica.onLeadership(look)
    const stop = (): void => {
      timer?.cancel()
      forget()
    }
    // It may have changed since the member was chosen.
    look()
    reply.finally(stop).then(resolve, reject)
  })
}
