/**
 * Configuration safety (§6): two configurations that may both be in force share a member in every two
 * majorities. A leader has at most one configuration that is not committed. Only voters are elected: of the
 * newest configuration in their log, or of the committed one while the newest is not committed (thesis 4.2.2).
 *
 * The overlap is tried out over all subsets, not derived from what a configuration says about itself.
 */

import { decodeConfiguration } from '../../src/raft/configuration-codec.ts'
import type { Entry, ReplicaId, SnapshotMetadata } from '../../src/raft/entry.ts'
import { isVoter } from '../../src/raft/membership.ts'
import type { Configuration } from '../../src/raft/membership.ts'
import type { Ready, StorageWrite } from '../../src/raft/ready.ts'
import type { Ledger } from '../cluster/ledger.ts'
import type { MemoryLog } from '../cluster/memory-log.ts'
import type { Replica } from '../cluster/replica.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

export class ConfigurationSafety implements Checker {
  readonly name = 'configuration safety'
  readonly #initial: () => Configuration
  readonly #ledger: Ledger
  readonly #overlaps = new Map<string, boolean>()
  /** The term in which a replica was last seen to campaign or lead, so that only the beginning is checked. */
  /** Of each log the newest configuration up to `scannedTo`; good for as long as the entry there is the same. */
  readonly #newest = new Map<Replica, { index: number; scannedTo: number; scannedTerm: number }>()
  readonly #elections = new Map<Replica, string>()

  stepped(replica: Replica): void {
    const { raft, id } = replica
    if (raft.role === 'follower') return
    const election = `${raft.role === 'leader' ? 'leads' : 'campaigns in'} term ${raft.term}`
    if (this.#elections.get(replica) === election) return
    this.#elections.set(replica, election)
    if (isVoter(raft.configuration, id) || isVoter(configurationAt(replica.log, raft.commit), id)) return
    throw new Violation(this.name, `member ${id.id} ${election}, and is no voter`, {
      members: [id.id],
      terms: [raft.term],
    })
  }

  constructor(initial: () => Configuration, ledger: Ledger) {
    this.#initial = initial
    this.#ledger = ledger
  }

  handedOut(replica: Replica, { write }: Ready): void {
    if (write !== null) this.#checkWrite(replica, write)
    if (!replica.awaitsSnapshot) this.#checkInForce(replica)
  }

  /** "A server always uses the latest configuration in its log" (§6), and goes back when that is truncated. */
  #checkInForce(replica: Replica): void {
    const { id, raft, log } = replica
    const expected = this.#newestIn(replica)
    if (raft.configuration.index === expected) return
    throw new Violation(
      this.name,
      `member ${id.id} uses the configuration of index ${raft.configuration.index}; the newest in its log, which ends at ${log.lastIndex}, is that of ${expected}`,
      { members: [id.id], indexes: [expected, raft.configuration.index] },
    )
  }

  /** The index of the newest configuration in the log; looks only at what was written since it was asked last. */
  #newestIn(replica: Replica): number {
    const { log } = replica
    const known = this.#newest.get(replica)
    const isUsable = known !== undefined && log.term(known.scannedTo) === known.scannedTerm
    let index = isUsable ? known.index : log.base.configuration.index
    const from = isUsable ? known.scannedTo : log.base.index
    for (let at = log.lastIndex; at > from; at -= 1) {
      if (log.entry(at)?.kind !== 'membership') continue
      index = at
      break
    }
    this.#newest.set(replica, { index, scannedTo: log.lastIndex, scannedTerm: log.lastTerm })
    return index
  }

  #checkWrite(replica: Replica, write: StorageWrite): void {
    if (write.snapshot !== null) this.#checkSnapshot(replica, write.snapshot)
    for (const entry of write.entries) {
      if (entry.kind === 'membership') this.#checkEntry(replica, entry)
    }
  }

  ended(replica: Replica): void {
    this.#newest.delete(replica)
    this.#elections.delete(replica)
  }

  #checkEntry({ id, log, raft }: Replica, entry: Entry): void {
    const { index, term } = entry
    const configuration = decodeConfiguration(entry.data)
    const interest = { members: [id.id], terms: [term], indexes: [index] }
    if (configuration === null || configuration.index !== index) {
      throw new Violation(this.name, `entry ${index}.${term} holds no configuration of its index`, interest)
    }
    const before = configurationAt(log, index - 1)
    if (!this.#overlap(before, configuration)) {
      throw new Violation(
        this.name,
        `member ${id.id} writes ${describe(configuration)} at ${index}.${term} after ${describe(before)}: there are majorities of both with no replica in common`,
        { ...interest, indexes: [index, before.index] },
      )
    }
    if (raft.role === 'leader' && term === raft.term && before.index > raft.commit) {
      throw new Violation(
        this.name,
        `member ${id.id} appends a configuration at ${index}.${term} while that at ${before.index} is not committed`,
        { ...interest, indexes: [index, before.index] },
      )
    }
  }

  /** A snapshot brings the configuration in force at its index: no later one, and none that was given up. */
  #checkSnapshot({ id }: Replica, { index, configuration }: SnapshotMetadata): void {
    const expected = committedAt(this.#ledger, index) ?? this.#initial()
    if (describe(expected) === describe(configuration) && expected.index === configuration.index) return
    throw new Violation(
      this.name,
      `member ${id.id} installs a snapshot of ${index} with ${describe(configuration)} of ${configuration.index}; in force there is ${describe(expected)} of ${expected.index}`,
      { members: [id.id], indexes: [index, configuration.index, expected.index] },
    )
  }

  #overlap(left: Configuration, right: Configuration): boolean {
    const key = `${describe(left)} | ${describe(right)}`
    let answer = this.#overlaps.get(key)
    if (answer === undefined) {
      answer = quorumsOverlap(left, right)
      this.#overlaps.set(key, answer)
    }
    return answer
  }
}

/** The newest configuration at or before `index`. */
function configurationAt(log: MemoryLog, index: number): Configuration {
  for (let at = Math.min(index, log.lastIndex); at > log.base.index; at -= 1) {
    const entry = log.entry(at)
    const configuration = entry?.kind === 'membership' ? decodeConfiguration(entry.data) : null
    if (configuration !== null) return configuration
  }
  return log.base.configuration
}

function committedAt(ledger: Ledger, index: number): Configuration | null {
  for (let at = index; at > 0; at -= 1) {
    const entry = ledger.at(at)?.entry
    if (entry?.kind === 'membership') return decodeConfiguration(entry.data)
  }
  return null
}

const nameOf = ({ id, generation }: ReplicaId): string => `${id}.${generation}`

function list(replicas: readonly ReplicaId[]): string {
  return replicas.map(nameOf).join(' ')
}

function describe({ voters, votersOutgoing }: Configuration): string {
  return votersOutgoing.length === 0 ? `{${list(voters)}}` : `{${list(votersOutgoing)}} to {${list(voters)}}`
}

/** Whether every quorum of `left` shares a replica with every quorum of `right`. */
export function quorumsOverlap(left: Configuration, right: Configuration): boolean {
  if (left.voters.length === 0 || right.voters.length === 0) return true
  const everyone = [
    ...new Set(
      [left, right].flatMap(({ voters, votersOutgoing }) => [...voters, ...votersOutgoing].map(nameOf)),
    ),
  ]
  // If some set is a quorum of one and its complement one of the other, they are disjoint quorums.
  const all = (1 << everyone.length) - 1
  for (let set = 0; set <= all; set += 1) {
    if (isQuorum(left, everyone, set) && isQuorum(right, everyone, all & ~set)) return false
  }
  return true
}

function isQuorum(configuration: Configuration, everyone: readonly string[], set: number): boolean {
  return [configuration.voters, configuration.votersOutgoing].every((half) => {
    const present = half.filter((replica) => (set & (1 << everyone.indexOf(nameOf(replica)))) !== 0)
    return half.length === 0 || present.length * 2 > half.length
  })
}
