/** The member as its gateway process sees it: databases, cluster, administration. */

import type { ClusterState, MemberRole, TransferRequest } from '../../cluster/cluster-state.ts'
import type { DatabaseDirectory, DatabaseInfo } from '../../gateway/core.ts'
import type { Link } from './link.ts'
import { LinkedCore } from './linked-core.ts'
import type { PositionBoardReader } from './position-board.ts'
import type { GatewayCalls, GatewayNotice, MemberCalls, MemberNotice, MemberStatus } from './protocol.ts'

export type MemberLink = Link<MemberCalls, GatewayCalls, GatewayNotice, MemberNotice>

export class LinkedDirectory implements DatabaseDirectory {
  readonly number: number
  readonly #link: MemberLink
  readonly #board: PositionBoardReader
  readonly #byName = new Map<string, { readonly core: number; readonly linked: LinkedCore }>()
  readonly #byCore = new Map<number, LinkedCore>()
  #members: readonly MemberStatus[]

  constructor(
    link: MemberLink,
    number: number,
    members: readonly MemberStatus[],
    board: PositionBoardReader,
  ) {
    this.#board = board
    this.#link = link
    this.number = number
    this.#members = members
  }

  list(): Promise<readonly DatabaseInfo[]> {
    return this.#link.ask('list', null)
  }

  /** The same object as long as it is the same database, and another one after it was dropped and made again. */
  async get(name: string): Promise<LinkedCore> {
    const reference = await this.#link.ask('get', { name })
    const known = this.#byName.get(name)
    if (known?.core === reference.core) {
      known.linked.noteApplied(reference.appliedIndex)
      return known.linked
    }
    if (known !== undefined) this.#byCore.delete(known.core)
    const linked = new LinkedCore(this.#link, this.#board, name, reference)
    this.#byName.set(name, { core: reference.core, linked })
    this.#byCore.set(reference.core, linked)
    return linked
  }

  async create(name: string): Promise<void> {
    await this.#link.ask('create', { name })
  }

  async drop(name: string): Promise<void> {
    await this.#link.ask('drop', { name })
  }

  /** What PostgreSQL's temporary tables need of the cluster: as the member last told. */
  memberStatuses(): readonly MemberStatus[] {
    return this.#members
  }

  clusterState(): Promise<ClusterState> {
    return this.#link.ask('clusterState', null)
  }

  addMember(peerAddress: string, role: MemberRole): Promise<number> {
    return this.#link.ask('addMember', { peerAddress, role })
  }

  async removeMember(member: number): Promise<void> {
    await this.#link.ask('removeMember', { member })
  }

  async promoteMember(member: number): Promise<void> {
    await this.#link.ask('promoteMember', { member })
  }

  transferLeadership(request: TransferRequest): Promise<number> {
    return this.#link.ask('transferLeadership', request)
  }

  note(notice: MemberNotice): void {
    if (notice.kind === 'applied') this.#byCore.get(notice.core)?.noteApplied(notice.index)
    else this.#members = notice.members
  }
}
