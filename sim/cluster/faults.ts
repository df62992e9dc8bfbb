/**
 * Breaks things, each kind at its own rate, until it is told to stop. What may not be broken: a majority of the
 * replicas of any configuration that may be in force keeps its disks, because nothing can survive that.
 */

import { CALM_DISK } from '../disk.ts'
import { PARTITION_SHAPES, drawApart, drawPartition } from '../partitions.ts'
import type { CutPath } from '../partitions.ts'
import type { Random } from '../random.ts'
import type { Administrator } from './administrator.ts'
import type { Cluster } from './cluster.ts'
import { hasLivingMajority } from './configurations.ts'
import type { Member } from './member.ts'
import type { FaultRates } from './options.ts'

const { writeMeanUs, syncMinUs, syncMeanUs, slowSyncProbability, slowSyncMeanUs } = CALM_DISK
const QUICK_DISK = { writeMeanUs, syncMinUs, syncMeanUs, slowSyncProbability, slowSyncMeanUs }

export class Faults {
  readonly #cluster: Cluster
  readonly #random: Random
  #active = true
  #partitions = 0
  /** The last two leaders that a partition was drawn for. */
  #newestLeader: number | null = null
  #leaderBefore: number | null = null

  constructor(cluster: Cluster, administrator: Administrator, random: Random) {
    this.#cluster = cluster
    this.#random = random
    const actions: Record<keyof FaultRates, () => void> = {
      partition: () => this.#partition(),
      crash: () => this.#crash(this.#pickMember()),
      crashAtWrite: () => this.#crashAtWrite(this.#pickMember()),
      blackout: () => cluster.members.forEach((member) => this.#crash(member)),
      pause: () => this.#pause(this.#pickMember()),
      diskStall: () => this.#stall(this.#pickMember()),
      transfer: () => administrator.transfer(),
      membership: () => administrator.changeMembership(),
      destroy: () => this.#destroy(this.#pickMember()),
      campaign: () => this.#random.pick(cluster.members).replica?.call((raft) => raft.campaign()),
      clock: () => this.#pickMember().drift(),
      priority: () => this.#changePriority(this.#pickMember()),
    }
    for (const kind of Object.keys(actions) as (keyof FaultRates)[]) {
      this.#repeat(cluster.options.faults.rates[kind], random.fork(kind), actions[kind])
    }
  }

  /** No new faults; those that last are ended. Everything works from now on. */
  stop(): void {
    const cluster = this.#cluster
    this.#active = false
    cluster.note('phase', () => 'faults stop: network, disks and members work from now on')
    cluster.network.setOptions(cluster.options.calmNetwork)
    cluster.network.mendAll()
    for (const member of cluster.members) {
      member.durable?.disk.setOptions({ ...cluster.options.disk, ...QUICK_DISK })
      member.durable?.disk.unstall()
      member.resume()
      member.restart()
    }
  }

  /**
   * Breaks members for good so that every configuration that may be in force keeps a majority without them.
   * Returns the broken ones.
   */
  breakMinority(): Set<Member> {
    const cluster = this.#cluster
    const broken = new Set<Member>()
    for (const member of this.#random.shuffled(cluster.members)) {
      const alive = (id: number): boolean => {
        const other = cluster.member(id)
        return other !== member && !broken.has(other)
      }
      const survivable = cluster
        .configurationsInForce()
        .every((configuration) =>
          hasLivingMajority(configuration, (replica) => alive(replica.id) && cluster.isIntact(replica)),
        )
      if (!survivable || !this.#random.chance(0.5)) continue
      broken.add(member)
      this.#breakForGood(member)
    }
    return broken
  }

  #repeat(meanUs: number, random: Random, action: () => void): void {
    if (meanUs === Infinity) return
    this.#cluster.queue.after(random.exponential(meanUs), () => {
      if (!this.#active) return
      action()
      this.#repeat(meanUs, random, action)
    })
  }

  /** Undoes a lasting fault some time later, unless all were undone in the meantime. */
  #undoAfter(meanUs: number, undo: () => void): void {
    this.#cluster.queue.after(this.#random.exponential(meanUs), () => {
      if (this.#active) undo()
    })
  }

  #pickMember(): Member {
    const cluster = this.#cluster
    const leaders = cluster.members.filter((member) => member.replica?.raft.role === 'leader')
    const toLeader = this.#random.chance(cluster.options.faults.leaderBias)
    return leaders.length > 0 && toLeader ? this.#random.pick(leaders) : this.#random.pick(cluster.members)
  }

  #partition(): void {
    const { network, options, members } = this.#cluster
    const shape = this.#random.pick(PARTITION_SHAPES)
    const oneWay = this.#random.chance(options.faults.oneWayPartitionShare)
    const ids = members.map(({ id }) => id)
    const apart = this.#random.chance(options.faults.leadersApartShare) ? this.#leadersApart(ids) : null
    const paths = apart ?? drawPartition(this.#random, ids, shape, oneWay)
    network.mendAll()
    for (const [from, to] of paths) network.cut(from, to)
    this.#cluster.note('partition', () => `cuts ${paths.map(([from, to]) => `${from}>${to}`).join(' ')}`)
    this.#partitions += 1
    const number = this.#partitions
    const { partitionMinUs, partitionMeanUs } = options.faults
    this.#undoAfter(partitionMinUs + partitionMeanUs, () => {
      if (this.#partitions !== number) return
      network.mendAll()
      this.#cluster.note('heal', () => 'all paths are whole again')
    })
  }

  /** Cuts the newest leader off from the one before; if there was none, from everybody. Null without a leader. */
  #leadersApart(ids: readonly number[]): CutPath[] | null {
    let newest: { id: number; term: number } | null = null
    for (const { id, replica } of this.#cluster.members) {
      if (replica?.raft.role !== 'leader') continue
      if (newest === null || replica.raft.term > newest.term) newest = { id, term: replica.raft.term }
    }
    if (newest === null) return null
    if (newest.id !== this.#newestLeader) {
      this.#leaderBefore = this.#newestLeader
      this.#newestLeader = newest.id
    }
    if (this.#leaderBefore === null) return drawPartition(this.#random, ids, 'isolate-one', false)
    return drawApart(this.#random, ids, newest.id, this.#leaderBefore)
  }

  #crash(member: Member): void {
    if (!member.up) return
    member.crash()
    this.#undoAfter(this.#cluster.options.faults.downMeanUs, () => member.restart())
  }

  #crashAtWrite(member: Member): void {
    const writes = this.#random.integer(1, 5)
    member.durable?.disk.crashAfterWrites(writes, () => {
      if (this.#active) this.#crash(member)
    })
  }

  #pause(member: Member): void {
    member.pause()
    this.#undoAfter(this.#cluster.options.faults.pauseMeanUs, () => member.resume())
  }

  #stall(member: Member): void {
    const disk = member.durable?.disk
    if (disk === undefined || disk.stalled) return
    this.#cluster.noteMember('stall', member, () => 'its disk stalls')
    disk.stall()
    this.#undoAfter(this.#cluster.options.faults.stallMeanUs, () => {
      this.#cluster.noteMember('stall', member, () => 'its disk works again')
      disk.unstall()
    })
  }

  #destroy(member: Member): void {
    const cluster = this.#cluster
    const replica = member.durable?.replica
    if (replica === undefined || !member.up) return
    const survivable = cluster
      .configurationsInForce()
      .every((configuration) =>
        hasLivingMajority(configuration, (other) => other.id !== member.id && cluster.isIntact(other)),
      )
    if (!survivable) return
    member.destroyReplica('its disk is lost')
    cluster.loseConnections(member)
  }

  #changePriority(member: Member): void {
    const priority = this.#random.integer(0, 3)
    member.replica?.call((raft) => raft.setElectionPriority(priority))
  }

  #breakForGood(member: Member): void {
    const cluster = this.#cluster
    const { network, members } = cluster
    const kind = this.#random.pick(cluster.options.faults.brokenKinds)
    cluster.noteMember('fault', member, () => `stays ${kind} for good`)
    const others = members.filter((other) => other !== member)
    if (kind === 'down') member.crash()
    if (kind === 'paused') member.pause()
    if (kind === 'stalled') member.durable?.disk.stall()
    if (kind === 'cut off' || kind === 'deaf') for (const other of others) network.cut(other.id, member.id)
    if (kind === 'cut off' || kind === 'mute') for (const other of others) network.cut(member.id, other.id)
    if (kind !== 'stalled') cluster.loseConnections(member)
  }
}
