/**
 * One member among the others: everything that has to agree with the catalog. It opens and deletes databases as the catalog says, keeps
 * the connections to the other members, tells them who it is, and has its groups looked after (`group-steward.ts`).
 */

import { HarmonyError } from '../base/errors.ts'
import type { Clock, Timer } from '../host/clock.ts'
import { sleep } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import type { NetworkAddress } from '../host/network.ts'
import type { Random } from '../host/random.ts'
import type { DatabaseGroup } from '../group/database-group.ts'
import type { GroupHost, GroupHostOptions } from '../group/group-host.ts'
import { JournalBehindError } from '../group/recovery.ts'
import { members as replicasOf } from '../raft/membership.ts'
import { Catalog } from './catalog.ts'
import type { CatalogContent, MemberRow } from './catalog-reader.ts'
import { CatalogReplica } from './catalog-replica.ts'
import { CATALOG_GROUP, CATALOG_NAME } from './catalog-schema.ts'
import type { MemberAddresses } from './cluster-state.ts'
import type { DataFolder } from './data-folder.ts'
import { Databases } from './databases.ts'
import { Doorkeeper } from './doorkeeper.ts'
import type { ClusterOptions } from './enter-cluster.ts'
import { advertisedAddress, removed, visitor } from './enter-cluster.ts'
import { GroupSteward } from './group-steward.ts'
import type { MemberIdentity, PeerAddress } from './identity.ts'
import { writeIdentity } from './identity.ts'
import { canJoinAnew } from './lost-journal.ts'
import { isInPlace } from './membership-plan.ts'
import { MemberService } from './member-service.ts'
import type { PeerNetwork } from './peer-network.ts'
import type { Placement, Seat } from './placement.ts'
import { placementOf } from './placement.ts'
import { askSeeds } from './seeds.ts'
import { SelfReport } from './self-report.ts'
import type { RoutingLimits } from './routing/limits.ts'
import { Orphans } from './orphans.ts'
import { Routing } from './routing/routing.ts'
import type { TransportLog } from './transport/context.ts'

export interface MembershipOptions {
  readonly folder: DataFolder
  readonly identity: MemberIdentity
  readonly listen: NetworkAddress | null
  readonly cluster: ClusterOptions | null
  readonly name: string
  readonly firstDatabases: readonly string[]
  readonly steadyAfterMs: number
  readonly routing: Partial<RoutingLimits>
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly log: TransportLog
  readonly openHost: (wiring: Pick<GroupHostOptions, 'member' | 'peers' | 'onRemoved'>) => Promise<GroupHost>
}

const REPORT_INTERVAL_MS = 10_000
const POLL_MS = 50
/** Much longer than new and empty groups need. */
const FOUNDING_TIMEOUT_MS = 10_000
/** Longer than all of its groups need to change their replicas, while a majority of them lives. */
const LEAVE_TIMEOUT_MS = 30_000
const LINGER_CHECK_MS = 1_000
const CATALOG_TIMEOUT_MS = 10_000
const NOT_SENT = { kind: 'not-sent', reason: 'unknown-member' } as const

export class Membership {
  readonly host: GroupHost
  readonly peers: PeerNetwork | null
  readonly routing: Routing
  readonly catalog: Catalog
  readonly catalogGroup: DatabaseGroup
  readonly databases: Databases
  readonly steward: GroupSteward
  readonly #options: MembershipOptions
  readonly #replica: CatalogReplica
  readonly #selfReport: SelfReport
  readonly #orphans: Orphans
  readonly #failed = Promise.withResolvers<HarmonyError>()
  #failure: HarmonyError | null = null
  #identity: MemberIdentity
  #clientAddresses: { readonly http: string | null; readonly postgres: string | null } = {
    http: null,
    postgres: null,
  }
  #reconciling: Promise<void> = Promise.resolve()
  #identityWrites: Promise<void> = Promise.resolve()
  #isLeaving = false
  #lingerTimer: Timer | null = null
  #isClosed = false

  static async open(options: MembershipOptions): Promise<Membership> {
    const service = new MemberService(options)
    const { peers } = service
    const host = await options.openHost({
      member: options.identity.member,
      onRemoved: (group) => membership.#groupRemoved(group),
      ...(peers !== null && { peers }),
    })
    const membership: Membership = new Membership(options, host, peers)
    service.serve(membership)
    return membership
  }

  private constructor(options: MembershipOptions, host: GroupHost, peers: PeerNetwork | null) {
    const { identity, clock, random, log, disk, folder } = options
    this.host = host
    this.peers = peers
    this.#options = options
    this.#identity = identity
    this.routing = new Routing({
      member: identity.member,
      clock,
      random,
      limits: options.routing,
      calls: peers ?? { call: () => Promise.resolve(NOT_SENT) },
      peers: () => peers?.members ?? [],
      replica: (group) => this.group(group) ?? null,
    })
    this.steward = new GroupSteward({
      self: identity.member,
      clock,
      log,
      group: (group) => this.group(group),
      placement: (group) => this.placementOf(group),
      isKnown: (member) => this.content.members.some((row) => row.member === member),
      isConnected: (member) => peers?.isConnected(member) ?? false,
      connectedForMs: (member) => peers?.connectedForMs(member) ?? 0,
      steadyAfterMs: options.steadyAfterMs,
    })
    this.databases = new Databases({
      disk,
      folder: folder.databasesFolder,
      open: (row, initial) =>
        host.openGroup(row.group, row.name, folder.dataFile(row.name, row.group), initial),
      route: (group) => this.routing.database(group),
      onOpen: (group) => this.#watch(group),
      onClose: (group) => this.steward.forget(group),
      onFailure: ({ name }, error) =>
        log('warn', 'A database could not be opened', { database: name, reason: error.message }),
    })
    this.#orphans = new Orphans({
      databases: this.databases,
      clock,
      log,
      rows: () => this.content.databases,
      untilCurrent: async () =>
        this.reach(await this.catalogGroup.readIndex(CATALOG_TIMEOUT_MS), CATALOG_TIMEOUT_MS),
      inTurn: (work) => this.#reconcile(work),
    })
    this.catalogGroup = host.openGroup(
      CATALOG_GROUP,
      CATALOG_NAME,
      folder.dataFile(CATALOG_NAME, CATALOG_GROUP),
      // The first member founds the cluster alone; all others hear of the catalog from its leader.
      identity.member === 1 ? { voters: [1], learners: [] } : null,
    )
    this.catalog = new Catalog(this.routing.database(this.catalogGroup))
    this.#replica = new CatalogReplica({
      group: this.catalogGroup,
      clock,
      log,
      onChange: (content) => this.#catalogChanged(content),
    })
    this.#selfReport = new SelfReport({
      self: identity.member,
      clock,
      log,
      catalog: this.catalog,
      addresses: () => this.addresses,
    })
    this.#watch(this.catalogGroup)
    void host.failed.then((error) => this.#fail(error))
  }

  get self(): number {
    return this.#options.identity.member
  }

  get identity(): MemberIdentity {
    return this.#identity
  }

  get content(): CatalogContent {
    return this.#replica.content
  }

  get listenAddress(): NetworkAddress | null {
    return this.#options.listen
  }

  /** Why this member can't go on; null while it can. */
  get failure(): HarmonyError | null {
    return this.#failure
  }

  get failed(): Promise<HarmonyError> {
    return this.#failed.promise
  }

  /** This member's own, as others reach it. */
  get addresses(): MemberAddresses {
    const { cluster, listen } = this.#options
    const peer = cluster === null || listen === null ? null : advertisedAddress(cluster, listen)
    return { ...this.#clientAddresses, peer }
  }

  /** The catalog's as well. */
  group(group: number): DatabaseGroup | undefined {
    return group === CATALOG_GROUP ? this.catalogGroup : this.databases.byGroup(group)?.group
  }

  /** Null while the catalog is not known here. */
  placementOf(group: number): Placement | null {
    const seats = this.content.members.filter(({ status }) => status === 'active').map(seatOf)
    return seats.some(({ isVoter }) => isVoter) ? placementOf(seats, group) : null
  }

  /** Resolves when this member is part of its cluster: its databases are open. */
  async start(): Promise<void> {
    const { identity } = this.#options
    await this.#connect()
    await this.#replica.start()
    if (this.content.cluster === '') await this.#foundIfFirst()
    await this.#untilListed()
    if (this.content.cluster !== identity.cluster) throw this.#foreignCatalog()
    void this.#orphans.delete()
    this.#selfReport.start()
  }

  /**
   * Resolves when all members that found the cluster together are there and vote: until then the loss of one may stop it. Gives up waiting
   * after a while, because one of them may be lost already.
   */
  async untilFounded(expected: number): Promise<void> {
    const { clock, log } = this.#options
    const deadlineMs = clock.nowMs() + FOUNDING_TIMEOUT_MS
    while (!this.#isClosed && !this.#isFounded(expected)) {
      if (clock.nowMs() >= deadlineMs) return log('warn', 'Not all members vote yet', { expected })
      await sleep(clock, POLL_MS)
    }
  }

  /** Resolves when this member does what the catalog says at `index`. */
  async reach(index: bigint, timeoutMs: number): Promise<void> {
    await this.#replica.reach(index, timeoutMs)
    await this.#reconciling
  }

  /**
   * The catalog was changed at `index`: waits until that shows here. The change is done whatever becomes of the wait, and an error
   * now would be taken for one of the change; so this never rejects.
   */
  async follow(index: bigint, timeoutMs: number): Promise<void> {
    await this.reach(index, timeoutMs).catch((error: unknown) =>
      this.#options.log('warn', 'The catalog here lags behind a change', {
        reason: (error as Error).message,
      }),
    )
  }

  setClientAddresses(addresses: { readonly http: string | null; readonly postgres: string | null }): void {
    this.#clientAddresses = addresses
    this.#selfReport.check(this.#ownRow())
  }

  /**
   * The cluster says that this member is none of it any more. It stays until its groups have gone on without it, because until then they may
   * need its vote; then it stops, and never comes back under its number.
   */
  leave(): void {
    if (this.#isLeaving || this.#isClosed) return
    this.#isLeaving = true
    this.#options.log('warn', 'This member was removed from its cluster', { member: this.self })
    const deadlineMs = this.#options.clock.nowMs() + LEAVE_TIMEOUT_MS
    void this.#untilReleased(deadlineMs)
  }

  /** Nobody needs this member any more: it stops at once. */
  leaveNow(): void {
    if (this.#identity.isRemoved || this.#isClosed) return
    this.#isLeaving = true
    this.#identity = { ...this.#identity, isRemoved: true }
    this.#writeIdentity(removed(this.self, this.#options.folder.path))
  }

  /** Whether a group that is open here still has a replica on this member. */
  isInUse(member: number): boolean {
    return this.#groups().some(
      ({ configuration, leadership }) =>
        leadership.role !== 'none' && replicasOf(configuration).some(({ id }) => id === member),
    )
  }

  /** Hands leaderships over and closes everything. `drained` is called when nothing of the clients is left. */
  async close(drained: () => void): Promise<void> {
    this.#isClosed = true
    this.#lingerTimer?.cancel()
    this.#orphans.stop()
    this.steward.stop()
    this.#replica.stop()
    this.#selfReport.stop()
    await this.#reconciling.catch(() => {})
    this.routing.close()
    await Promise.all(this.databases.all().map(({ group }) => group.close()))
    await this.catalogGroup.close()
    drained()
    await this.peers?.close()
    await this.#identityWrites.catch(() => {})
    await this.host.close()
  }

  async #connect(): Promise<void> {
    const { listen, identity, cluster, clock, random } = this.#options
    if (this.peers === null || listen === null || cluster === null) return
    await this.peers.listen(listen)
    this.peers.setMembers(identity.peers, [])
    void this.#askSeeds(cluster, visitor(cluster, clock, random))
  }

  /** Members that have moved while this one was away may be where its options say. */
  async #askSeeds(cluster: ClusterOptions, visit: ReturnType<typeof visitor>): Promise<void> {
    const peers = await askSeeds(cluster, this.#options.identity, visit)
    if (this.#isClosed) return
    for (const { member, address } of peers) this.peers?.setAddress(member, address)
  }

  async #foundIfFirst(): Promise<void> {
    const { identity, folder, name, firstDatabases } = this.#options
    if (identity.member !== 1) return
    const { isNew } = this.content
    const founder = { cluster: identity.cluster, token: folder.format.member, name }
    const { index } = await this.catalog.found(founder, isNew ? firstDatabases : [])
    await this.reach(index, REPORT_INTERVAL_MS)
  }

  #isFounded(expected: number): boolean {
    const { members, databases } = this.content
    return (
      members.filter(({ status }) => status === 'active').length >= expected &&
      databases.every(
        ({ group, state }) => state !== 'open' || this.databases.byGroup(group) !== undefined,
      ) &&
      this.#groups().every(({ group, configuration }) => {
        const placement = this.placementOf(group)
        return placement !== null && isInPlace({ configuration }, placement)
      })
    )
  }

  /** The catalog here may be older than this member. */
  async #untilListed(): Promise<void> {
    const { clock, log } = this.#options
    let reportMs = clock.nowMs() + REPORT_INTERVAL_MS
    while (this.#ownRow() === undefined && !this.#isClosed) {
      if (this.#failure !== null) throw this.#failure
      if (clock.nowMs() >= reportMs) {
        log('info', 'Waiting for the catalog of the cluster', { member: this.self })
        reportMs = clock.nowMs() + REPORT_INTERVAL_MS
      }
      await sleep(clock, POLL_MS)
    }
  }

  #ownRow(): MemberRow | undefined {
    return this.content.members.find(({ member }) => member === this.self)
  }

  #watch(group: DatabaseGroup): void {
    group.onLeadership(() => this.steward.touch(group.group))
    group.onDamaged((error) => {
      if (error instanceof JournalBehindError) this.#journalLost(error)
    })
    this.steward.welcome(group)
  }

  #catalogChanged(content: CatalogContent): void {
    if (content.cluster === '') return
    this.#updatePeers(content.members)
    const own = this.#ownRow()
    if (own?.status === 'removed') this.leave()
    this.#selfReport.check(own)
    void this.#reconcile(() => this.databases.reconcile(content.databases))
    this.touchAll()
  }

  /** One after another. What fails is told and tried again, because a disk that is full now has room later. */
  #reconcile(work: () => Promise<void>): Promise<void> {
    const done = this.#reconciling.then(() => (this.#isClosed ? undefined : work()))
    this.#reconciling = done.catch((error: unknown) => {
      this.#options.log('warn', 'A database could not be deleted', { reason: String(error) })
      this.#orphans.deleteLater()
    })
    return this.#reconciling
  }

  /** Something concerns all groups: a member came or went. */
  touchAll(): void {
    for (const { group } of this.#groups()) this.steward.touch(group)
  }

  #groups(): DatabaseGroup[] {
    return [this.catalogGroup, ...this.databases.all().map(({ group }) => group)]
  }

  #updatePeers(members: readonly MemberRow[]): void {
    const others = members.filter(({ member, peerAddress }) => member !== this.self && peerAddress !== null)
    const peers = others.filter(({ status }) => status === 'active').map(peerOf)
    const lingering = others.filter(({ status, member }) => status === 'removed' && this.#isLingering(member))
    const removed = members.filter(({ status }) => status === 'removed').map(({ member }) => member)
    this.peers?.setMembers([...peers, ...lingering.map(peerOf)], removed)
    this.#lingerTimer?.cancel()
    this.#lingerTimer =
      lingering.length === 0
        ? null
        : this.#options.clock.after(LINGER_CHECK_MS, () => this.#updatePeers(this.content.members))
    if (JSON.stringify(peers) === JSON.stringify(this.#identity.peers)) return
    this.#identity = { ...this.#identity, peers }
    this.#writeIdentity()
  }

  /** A removed member is needed until its groups have changed, and has to hear that they have. */
  #isLingering(member: number): boolean {
    return this.isInUse(member) || (this.peers?.isConnected(member) ?? false)
  }

  async #untilReleased(deadlineMs: number): Promise<void> {
    const { clock } = this.#options
    while (!this.#isClosed && clock.nowMs() < deadlineMs && this.isInUse(this.self))
      await sleep(clock, POLL_MS)
    this.leaveNow()
  }

  /** `end`: what the member ends with when that is durable. It ends with what keeps it from becoming so otherwise. */
  #writeIdentity(end: HarmonyError | null = null): void {
    const { disk, folder } = this.#options
    this.#identityWrites = this.#identityWrites.then(() => writeIdentity(disk, folder.path, this.#identity))
    this.#identityWrites.then(() => end !== null && this.#fail(end), this.#fail)
  }

  #groupRemoved(group: number): void {
    if (this.#isClosed) return
    const isActive = !this.#isLeaving && this.#ownRow()?.status === 'active'
    if (group === CATALOG_GROUP) this.leave()
    else this.databases.removed(group, isActive)
  }

  /** Found while running: the next start joins anew. */
  #journalLost(error: HarmonyError): void {
    if (this.#isClosed || this.peers === null || !canJoinAnew(error, this.#identity)) return
    this.#identity = { ...this.#identity, isLost: true }
    this.#writeIdentity(error)
  }

  readonly #fail = (error: HarmonyError): void => {
    this.#failure ??= error
    this.#failed.resolve(error)
  }

  #foreignCatalog(): HarmonyError {
    return new HarmonyError(
      'DATA_CORRUPT',
      `The data folder belongs to the cluster ${this.#options.identity.cluster}, and its catalog to the cluster ` +
        `${this.content.cluster}: files of two members were mixed. Restore the folder from a backup, or join anew with an empty one.`,
    )
  }

  /** For who wants to join: all members that have an address, this one included. */
  knownPeers(): PeerAddress[] {
    const own = this.addresses.peer
    const self = own === null ? [] : [{ member: this.self, address: own }]
    return [...self, ...(this.peers?.addresses() ?? [])]
  }

  /** How those who are no members yet are answered. */
  doorkeeper(cluster: ClusterOptions): Doorkeeper {
    const { identity, folder, clock, random, log } = this.#options
    return new Doorkeeper({
      cluster: identity.cluster,
      member: identity.member,
      token: folder.format.member,
      peerAddress: () => this.addresses.peer ?? '',
      catalog: this.catalog,
      isFounded: () => this.content.cluster !== '',
      peers: () => this.knownPeers(),
      visit: visitor(cluster, clock, random),
      log,
    })
  }
}

function peerOf({ member, peerAddress }: MemberRow): PeerAddress {
  return { member, address: peerAddress ?? '' }
}

function seatOf({ member, seat, role }: MemberRow): Seat {
  return { member, seat, isVoter: role === 'voter' }
}
