/** What the outside may know about a group's configurations: which could be in force, and who is left of them. */

import { decodeConfiguration } from '../../src/raft/configuration-codec.ts'
import type { ReplicaId } from '../../src/raft/entry.ts'
import type { Configuration } from '../../src/raft/membership.ts'
import { must } from '../../src/base/assert.ts'
import type { Ledger } from './ledger.ts'
import type { Member } from './member.ts'
import type { MemoryLog } from './memory-log.ts'

/** The newest committed configuration, and every later one that some log holds: any of them may be in force. */
export function configurationsInForce(
  initial: Configuration,
  ledger: Ledger,
  members: readonly Member[],
): Configuration[] {
  const committed = newestCommitted(initial, ledger)
  const found = new Map<string, Configuration>([['committed', committed]])
  const add = (configuration: Configuration, term: number): void => {
    if (configuration.index > committed.index) found.set(`${configuration.index}.${term}`, configuration)
  }
  for (const member of members) {
    const logs = [member.replica?.log, member.durable?.surviving().log]
    for (const log of logs) {
      if (log !== undefined)
        for (const { configuration, term } of configurationsOf(log)) add(configuration, term)
    }
    const inCore = member.replica?.raft
    if (inCore !== undefined) add(inCore.configuration, inCore.term)
  }
  return [...found.values()]
}

function newestCommitted(initial: Configuration, ledger: Ledger): Configuration {
  for (let index = ledger.lastIndex; index > 0; index -= 1) {
    const entry = ledger.at(index)?.entry
    if (entry?.kind === 'membership') return must(decodeConfiguration(entry.data))
  }
  return initial
}

function configurationsOf(log: MemoryLog): { configuration: Configuration; term: number }[] {
  const inEntries = log
    .all()
    .filter(({ kind }) => kind === 'membership')
    .map(({ data, term }) => ({ configuration: must(decodeConfiguration(data)), term }))
  return [{ configuration: log.base.configuration, term: log.base.term }, ...inEntries]
}

/** Whether both halves of `configuration` have a majority of replicas for which `isAlive` holds. */
export function hasLivingMajority(
  configuration: Configuration,
  isAlive: (replica: ReplicaId) => boolean,
): boolean {
  return [configuration.voters, configuration.votersOutgoing].every(
    (voters) => voters.length === 0 || voters.filter(isAlive).length * 2 > voters.length,
  )
}
