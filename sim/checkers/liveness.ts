/**
 * Liveness: when faults have stopped, and a majority works, the cluster serves again within a bound of simulated
 * time and comes to rest: one leader that stays, every working replica of the group equal, every replica that was
 * removed gone, reads answered by each of them, and writes accepted.
 *
 * Faults that lasted long may leave much to do (elections, snapshots in chunks, repairs of the membership), so
 * the bound is generous. Its point is to tell slow from stuck.
 */

import { decodeConfiguration } from '../../src/raft/configuration-codec.ts'
import { sameReplica } from '../../src/raft/entry.ts'
import type { ReplicaId } from '../../src/raft/entry.ts'
import { isJoint, members as replicasOf } from '../../src/raft/membership.ts'
import type { Administrator } from '../cluster/administrator.ts'
import type { Clients } from '../cluster/clients.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Member } from '../cluster/member.ts'
import type { Replica } from '../cluster/replica.ts'
import { MILLISECOND, SECOND } from '../event-queue.ts'
import type { TimeUs } from '../event-queue.ts'
import { Violation } from './checker.ts'

const BOUND_US: TimeUs = 40 * SECOND
const LOOK_EVERY_US: TimeUs = 20 * MILLISECOND
/** For how long a leader must stay once the cluster is at rest. */
const STABLE_US: TimeUs = 2 * SECOND
const HAND_OVER_ATTEMPTS = 6
/** No command of the simulated clients is larger, nor any configuration. */
const ENTRY_SIZE_BYTES_MAX = 1000
const NAME = 'liveness'

export class Liveness {
  readonly #cluster: Cluster
  readonly #clients: Clients
  readonly #administrator: Administrator

  constructor(cluster: Cluster, clients: Clients, administrator: Administrator) {
    this.#cluster = cluster
    this.#clients = clients
    this.#administrator = administrator
  }

  /** A leader without faults behind it commits a new write; whoever is asked for a read answers. */
  serveAgain(broken: ReadonlySet<Member>): void {
    const wrote = this.#probe((done) => {
      const leader = this.#leader(broken)
      if (leader === null) return false
      this.#administrator.repair(leader)
      this.#clients.probeWrite(this.#memberOf(leader), done)
      return true
    })
    this.#waitFor('a leader that commits a new write', broken, wrote)
  }

  /** A leader under load hands over to a healthy voter that keeps up, at the latest when asked for the sixth time. */
  handOver(broken: ReadonlySet<Member>): void {
    const leader = this.#leader(broken)
    if (leader === null) return
    const { queue, options } = this.#cluster
    const timeoutUs = options.raft.electionTimeoutTicks * options.host.tickUs
    const { term } = leader.raft
    const isOver = (): boolean => leader.isOver || leader.raft.role !== 'leader' || leader.raft.term > term
    const asked: number[] = []
    while (asked.length < HAND_OVER_ATTEMPTS) {
      const target = this.#targetOf(leader, broken)
      if (isOver() || target === null) return
      leader.call((raft) => raft.transferLeadership(target))
      asked.push(target)
      queue.runUntil(queue.nowUs + 2 * timeoutUs)
    }
    if (isOver()) return
    throw new Violation(
      NAME,
      `member ${leader.id.id} was asked to hand over to members ${asked.join(', ')}, which work, and still leads`,
      { members: [leader.id.id, ...asked], terms: [term] },
    )
  }

  /** The voter that is nearest to the end of the leader's log, if one request brings it there; null if none is. */
  #targetOf(leader: Replica, broken: ReadonlySet<Member>): number | null {
    const { followers, lastIndex, configuration } = leader.raft.status()
    const [best] = followers
      .filter(({ id, generation }) => {
        const isVoting = configuration.voters.some((voter) => sameReplica(voter, { id, generation }))
        return isVoting && id !== leader.id.id && !broken.has(this.#cluster.member(id))
      })
      .toSorted((a, b) => b.match - a.match)
    if (best === undefined || !best.recentlyActive || best.state === 'snapshot') return null
    const { appendSizeBytesMax } = this.#cluster.options.raft
    return (lastIndex - best.match) * ENTRY_SIZE_BYTES_MAX <= appendSizeBytesMax ? best.id : null
  }

  comeToRest(broken: ReadonlySet<Member>): void {
    this.#waitFor('one repaired configuration and equal replicas', broken, () => this.#isAtRest(broken))
    this.#readEverywhere(broken)
    this.#stayAtRest(broken)
    this.#fallAsleep(broken)
  }

  /** Asks again and again until one probe ends well. */
  #probe(ask: (done: (ok: boolean) => void) => boolean): () => boolean {
    let isWaiting = false
    let isOver = false
    let askedUs = 0
    return () => {
      const { nowUs } = this.#cluster.queue
      if (isOver) return true
      if (isWaiting && nowUs < askedUs + SECOND) return false
      askedUs = nowUs
      isWaiting = ask((ok) => {
        isWaiting = false
        isOver ||= ok
      })
      return isOver
    }
  }

  #isAtRest(broken: ReadonlySet<Member>): boolean {
    const leader = this.#leader(broken)
    if (leader === null) return false
    this.#administrator.repair(leader)
    return this.#difference(leader, broken) === null
  }

  /** What keeps the cluster from being at rest, or null. */
  #difference(leader: Replica, broken: ReadonlySet<Member>): string | null {
    const { configuration } = leader.raft
    if (isJoint(configuration)) return 'the configuration is joint'
    const replicas = replicasOf(configuration)
    for (const replica of replicas) {
      const member = this.#cluster.member(replica.id)
      if (!this.#cluster.isIntact(replica)) return `the configuration names a lost replica on ${replica.id}`
      if (broken.has(member)) continue
      if (!isEqual(member.replica, leader)) return `member ${replica.id} is behind`
      if (member.replica?.hasStrandedClients === true) {
        return `member ${replica.id} never told a client how its command ended`
      }
    }
    for (const member of this.#cluster.members) {
      const { replica } = member
      if (replica === null || broken.has(member)) continue
      if (!replicas.some((other) => sameReplica(other, replica.id)) && this.#canFindOut(replica, broken)) {
        return `member ${member.id} still runs a replica that was removed`
      }
    }
    return null
  }

  /**
   * Whether a removed replica has a way to find out: it campaigns, and some voter whom it asks runs under the
   * generation that it knows. One whose peers were all replaced meanwhile asks nobody who could answer, and of one that
   * no committed configuration ever had nobody can tell that none will; they harm nobody, and to clean them up is the
   * business of whoever knows all groups of a member.
   */
  #canFindOut(replica: Replica, broken: ReadonlySet<Member>): boolean {
    const { voters, votersOutgoing } = replica.raft.configuration
    const known = [...voters, ...votersOutgoing]
    const isRunning = (other: ReplicaId): boolean => {
      const member = this.#cluster.member(other.id)
      return !broken.has(member) && member.replica !== null && sameReplica(member.replica.id, other)
    }
    const campaigns = known.some((other) => sameReplica(other, replica.id))
    const hasSomebodyToAsk = known.some((other) => other.id !== replica.id.id && isRunning(other))
    return campaigns && hasSomebodyToAsk && this.#wasCommitted(replica.id)
  }

  #wasCommitted(replica: ReplicaId): boolean {
    const configurations = this.#cluster.ledger.all().flatMap(({ entry }) => {
      const configuration = entry.kind === 'membership' ? decodeConfiguration(entry.data) : null
      return configuration === null ? [] : [configuration]
    })
    return [this.#cluster.initial, ...configurations].some((configuration) =>
      replicasOf(configuration).some((other) => sameReplica(other, replica)),
    )
  }

  #readEverywhere(broken: ReadonlySet<Member>): void {
    for (const member of this.#cluster.members) {
      if (broken.has(member)) continue
      const served = this.#probe((done) => {
        const leader = this.#leader(broken)
        const { replica } = member
        if (leader === null || replica === null) return false
        if (!replicasOf(leader.raft.configuration).some((other) => sameReplica(other, replica.id))) {
          done(true) // not part of the group
          return true
        }
        this.#clients.probeRead(member, done)
        return true
      })
      const isSpare = member.replica === null
      if (!isSpare) this.#waitFor(`a read served by member ${member.id}`, broken, served)
    }
  }

  /** Nobody disturbs a healthy leader. */
  #stayAtRest(broken: ReadonlySet<Member>): void {
    const before = this.#leader(broken)
    const { queue } = this.#cluster
    const term = before?.raft.term
    queue.runUntil(queue.nowUs + STABLE_US)
    const after = this.#leader(broken)
    if (after === before && after?.raft.term === term) return
    throw new Violation(
      NAME,
      `the cluster was at rest under ${name(before)} in term ${term}, and without any new fault it is under ${name(after)} in term ${after?.raft.term} now`,
      { members: [before, after].flatMap((replica) => (replica === null ? [] : [replica.id.id])) },
    )
  }

  /** An idle group whose settings let it sleep sends nothing at all (where everyone is there to agree). */
  #fallAsleep(broken: ReadonlySet<Member>): void {
    const { queue, options, members, network } = this.#cluster
    const leader = this.#leader(broken)
    if (options.raft.quiesceAfterTicks === 0 || broken.size > 0 || leader === null) return
    const { configuration } = leader.raft
    const isComplete = members.every(
      ({ replica }) =>
        replica === null || replicasOf(configuration).some((other) => sameReplica(other, replica.id)),
    )
    if (!isComplete) return // one that was removed and can't find out campaigns for ever
    const { tickUs } = options.host
    const ticks = options.raft.quiesceAfterTicks + 4 * options.raft.electionTimeoutTicks
    // Copies of old messages may still arrive for a long time, and are answered.
    this.#waitFor('an end of old messages', broken, () => network.underWay === 0)
    queue.runUntil(queue.nowUs + 2 * ticks * tickUs)
    const before = network.counts.sent
    queue.runUntil(queue.nowUs + SECOND)
    const sent = network.counts.sent - before
    if (sent === 0) return
    throw new Violation(NAME, `an idle group that may sleep has sent ${sent} messages in a second`, {
      members: [leader.id.id],
    })
  }

  #waitFor(what: string, broken: ReadonlySet<Member>, isReached: () => boolean): void {
    const { queue } = this.#cluster
    const deadlineUs = queue.nowUs + BOUND_US
    while (!isReached()) {
      if (queue.nowUs > deadlineUs) throw this.#stuck(what, broken)
      queue.runUntil(queue.nowUs + LOOK_EVERY_US)
    }
  }

  #stuck(what: string, broken: ReadonlySet<Member>): Violation {
    const leader = this.#leader(broken)
    const why =
      leader === null ? 'there is no leader' : (this.#difference(leader, broken) ?? 'it does not answer')
    const states = this.#cluster.members.map((member) => describeMember(member, broken.has(member)))
    return new Violation(
      NAME,
      `${BOUND_US / SECOND} s after the faults stopped there is no sign of ${what}: ${why}\n${states.join('\n')}`,
    )
  }

  /** The working leader of the highest term. */
  #leader(broken: ReadonlySet<Member>): Replica | null {
    let leader: Replica | null = null
    for (const member of this.#cluster.members) {
      const { replica } = member
      if (replica === null || broken.has(member) || replica.raft.role !== 'leader') continue
      if (leader === null || replica.raft.term > leader.raft.term) leader = replica
    }
    return leader
  }

  #memberOf(replica: Replica): Member {
    return this.#cluster.member(replica.id.id)
  }
}

function name(replica: Replica | null): string {
  return replica === null ? 'nobody' : `member ${replica.id.id}`
}

function isEqual(replica: Replica | null, leader: Replica): boolean {
  return (
    replica !== null &&
    replica.image.appliedIndex === leader.log.lastIndex &&
    replica.image.digest === leader.image.digest
  )
}

function describeMember(member: Member, isBroken: boolean): string {
  const { replica } = member
  const prefix = `  member ${member.id}${isBroken ? ' (broken)' : ''}:`
  if (replica === null) return `${prefix} no replica, tombstone ${member.tombstone}`
  const { role, term, commit, leader } = replica.raft
  const led = leader === null ? 'no leader' : `leader ${leader.id}`
  const { quiesced, diskStalled, removed } = replica.raft.status()
  const flags = `${quiesced ? ', asleep' : ''}${diskStalled ? ', disk stalled' : ''}${removed ? ', removed' : ''}`
  return `${prefix} ${role} of term ${term}, ${led}, log up to ${replica.log.lastIndex}, commit ${commit}, applied ${replica.image.appliedIndex}${flags}`
}
