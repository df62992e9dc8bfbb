/** What operators do to the cluster, on any of its members. Whatever would do harm is refused with the reason, and nothing is done. */

import { HarmonyError } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import { sleep } from '../host/clock.ts'
import type { DatabaseGroup } from '../group/database-group.ts'
import { members as replicasOf } from '../raft/membership.ts'
import { MEMBER_KINDS } from './call-kinds.ts'
import { databaseNotFound } from './catalog.ts'
import type { MemberRow } from './catalog-reader.ts'
import type { MemberRole, TransferRequest } from './cluster-state.ts'
import { decodeYesOrNo, encodeTransfer } from './member-calls.ts'
import { handOver } from './member-service.ts'
import type { Membership } from './membership.ts'
import { parsePeerAddress } from './peer-address.ts'

const CATALOG_TIMEOUT_MS = 10_000
const TRANSFER_TIMEOUT_MS = 5_000
const POLL_MS = 20

export class Administration {
  readonly #membership: Membership
  readonly #clock: Clock

  constructor(membership: Membership, clock: Clock) {
    this.#membership = membership
    this.#clock = clock
  }

  /** Rejects with ARGS_INVALID, or MEMBERSHIP_REFUSED if a member has this address. */
  async add(peerAddress: string, role: MemberRole): Promise<number> {
    parsePeerAddress(peerAddress)
    if (this.#membership.peers === null)
      throw refused('this member listens for no peers. Start it with --peer-listen first')
    const { member, index } = await this.#membership.catalog.expect(peerAddress, role)
    await this.#membership.follow(index, CATALOG_TIMEOUT_MS)
    return member
  }

  /** Rejects with MEMBER_NOT_FOUND, or MEMBERSHIP_REFUSED if a majority would be lost. */
  async remove(member: number): Promise<void> {
    const row = this.#row(member)
    if (row.status === 'active') this.#checkRemoval(row)
    const { index } = await this.#membership.catalog.remove(member)
    await this.#membership.follow(index, CATALOG_TIMEOUT_MS)
  }

  /** Rejects with MEMBER_NOT_FOUND. Fine for one that is a voter already. */
  async promote(member: number): Promise<void> {
    this.#row(member)
    const { index } = await this.#membership.catalog.setRole(member, 'voter')
    await this.#membership.follow(index, CATALOG_TIMEOUT_MS)
  }

  /** Rejects with DATABASE_NOT_FOUND, MEMBER_NOT_FOUND, or MEMBERSHIP_REFUSED if the member can't lead. */
  async transfer({ database, from, to }: TransferRequest): Promise<number> {
    for (const member of [from, to]) if (member !== null) this.#row(member)
    const groups = this.#groupsOf(database).filter(
      ({ leader }) => leader !== null && leader !== to && (from === null || leader === from),
    )
    const outcomes = await Promise.all(groups.map((group) => this.#transferOne(group, to)))
    const done = outcomes.filter(Boolean).length
    if (done === 0 && groups.length > 0) {
      const where = to === null ? 'no other member' : `member ${to} has no vote there, or`
      throw refused(`${where} is connected and can take over ${groups.map(({ name }) => name).join(', ')}`)
    }
    return done
  }

  #row(member: number): MemberRow {
    const row = this.#membership.content.members.find((one) => one.member === member)
    if (row !== undefined && row.status !== 'removed') return row
    const what = row === undefined ? 'has no member' : 'has removed its member'
    throw new HarmonyError(
      'MEMBER_NOT_FOUND',
      `The cluster ${what} ${member}. GET /v1/cluster lists its members.`,
    )
  }

  #checkRemoval({ member }: MemberRow): void {
    const rest = this.#membership.content.members.filter(
      (row) => row.status === 'active' && row.member !== member,
    )
    if (!rest.some(({ role }) => role === 'voter'))
      throw refused(`member ${member} is the last one that votes: nobody could go on`)
    const present = rest.filter((row) => this.#isPresent(row.member))
    if (present.length <= rest.length / 2)
      throw refused(
        `of the ${rest.length} others only ${present.length} can be reached from here, which is no majority. ` +
          'Bring them back first',
      )
    const stuck = this.#membership.databases
      .all()
      .map(({ group }) => group)
      .concat(this.#membership.catalogGroup)
      .find((group) => !this.#hasMajorityWithout(group, member))
    if (stuck !== undefined)
      throw refused(
        `the database ${stuck.name} would lose the majority of its replicas. Bring the other members back first`,
      )
  }

  /** The change of replicas needs a majority of the present ones, and those that stay must not be fewer than one that answers. */
  #hasMajorityWithout({ configuration }: DatabaseGroup, member: number): boolean {
    const voters = configuration.voters.map(({ id }) => id)
    const present = voters.filter((id) => this.#isPresent(id))
    const replicas = replicasOf(configuration).map(({ id }) => id)
    return (
      present.length > voters.length / 2 &&
      replicas.some((id) => id !== member && this.#isPresent(id) && id > 0)
    )
  }

  #isPresent(member: number): boolean {
    const { self, peers } = this.#membership
    return member === self || (peers?.isConnected(member) ?? false)
  }

  #groupsOf(database: string | null): DatabaseGroup[] {
    const { databases, catalogGroup } = this.#membership
    if (database === null) return [catalogGroup, ...databases.all().map(({ group }) => group)]
    const group = database === catalogGroup.name ? catalogGroup : databases.get(database)?.group
    if (group !== undefined) return [group]
    throw databaseNotFound(database)
  }

  /** Whether another member leads afterwards. */
  async #transferOne(group: DatabaseGroup, to: number | null): Promise<boolean> {
    const before = group.leader
    const deadlineMs = this.#clock.nowMs() + TRANSFER_TIMEOUT_MS
    if (before === null || !(await this.#order(group, before, to, deadlineMs))) return false
    while (this.#clock.nowMs() < deadlineMs) {
      if (group.leader !== null && group.leader !== before) return true
      await sleep(this.#clock, POLL_MS)
    }
    return false
  }

  async #order(
    group: DatabaseGroup,
    leader: number,
    to: number | null,
    deadlineMs: number,
  ): Promise<boolean> {
    if (leader === this.#membership.self) return handOver(this.#membership, this.#clock, group.group, to)
    const payload = encodeTransfer({ group: group.group, to })
    const kind = MEMBER_KINDS.transfer
    const outcome = await this.#membership.peers?.call(leader, { kind, payload, deadlineMs })
    return outcome?.kind === 'answered' && decodeYesOrNo(outcome.payload)
  }
}

function refused(why: string): HarmonyError {
  return new HarmonyError('MEMBERSHIP_REFUSED', `Nothing was done: ${why}.`)
}
