/**
 * Routing of one member: both the side that sends requests to leaders elsewhere and the side that takes them. The one class that the rest of
 * the member sees.
 */

import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { IncomingCall } from '../transport/call-server.ts'
import { CallService } from './call-service.ts'
import { Carrier } from './carrier.ts'
import { HeldTransactions } from './held-transactions.ts'
import { ROUTING_DEFAULTS } from './limits.ts'
import type { RoutingLimits } from './limits.ts'
import { Parcels } from './parcels.ts'
import type { LocalReplica, MemberCalls } from './parts.ts'
import { RoutedDatabase } from './routed-database.ts'
import type { RoutedDatabaseParts, RoutingCounts } from './routed-database.ts'
import { SubmitCalls } from './submit-calls.ts'
import { TakeBacks } from './take-backs.ts'

export interface RoutingOptions {
  /** This member's number. */
  readonly member: number
  readonly clock: Clock
  readonly random: Random
  /** The way to other members: `PeerTransport`. */
  readonly calls: MemberCalls
  /** Numbers of the other members. */
  readonly peers: () => readonly number[]
  /** The replica of a group on this member; null if there is none. */
  readonly replica: (group: number) => LocalReplica | null
  readonly limits?: Partial<RoutingLimits>
}

export interface RoutingStatistics extends RoutingCounts {
  /** Calls with transactions to other members; together with `forwarded` it tells how many share one. */
  readonly submitCalls: number
  /** Interactive transactions of other members' clients that are open here. */
  readonly heldTransactions: number
}

/** Numbers of this process begin anywhere below it, and have as much room above. */
const FIRST_NUMBER_BOUND = 2 ** 52

export class Routing {
  readonly #parts: RoutedDatabaseParts
  readonly #held: HeldTransactions
  readonly #parcels: Parcels
  readonly #service: CallService
  readonly #counts: RoutingCounts = { forwarded: 0, repeated: 0, unknown: 0 }

  constructor({ member, clock, random, calls, peers, replica, ...options }: RoutingOptions) {
    const limits = { ...ROUTING_DEFAULTS, ...options.limits }
    const first = (): number => random.integer(FIRST_NUMBER_BOUND)
    const carrier = new Carrier(calls, clock, limits, first())
    const submits = new SubmitCalls(carrier, clock, limits)
    let transaction = first()
    const nextTransaction = (): number => ++transaction
    const counts = this.#counts
    const takeBacks = new TakeBacks(carrier, clock, limits)
    this.#parts = {
      own: member,
      clock,
      random,
      limits,
      carrier,
      takeBacks,
      peers,
      submits,
      nextTransaction,
      counts,
    }
    this.#held = new HeldTransactions(clock, limits)
    this.#parcels = new Parcels(clock, limits, first())
    this.#service = new CallService({ replica, held: this.#held, parcels: this.#parcels, limits })
  }

  /** What gateways get for the database of `replica`. The same object for as long as the database lives: they compare it. */
  database(replica: LocalReplica): RoutedDatabase {
    return new RoutedDatabase(replica, this.#parts)
  }

  /** Calls of the kinds 32 to 63 (`call-kinds.ts`), from members only. */
  handle(call: IncomingCall): Promise<Uint8Array> {
    return this.#service.handle(call)
  }

  /**
   * A connection with this member is lost, whoever dialed it, or it has started anew, or it was removed: what its clients had open here is
   * rolled back, and they are told by their own member, if it lives. For `TransportHandlers.unreachable` and `departed`.
   */
  memberLost(member: number): void {
    this.#held.memberLost(member)
    this.#parcels.forget(member)
  }

  statistics(): RoutingStatistics {
    return { ...this.#counts, submitCalls: this.#parts.submits.calls, heldTransactions: this.#held.count }
  }

  close(): void {
    this.#parts.takeBacks.close()
    this.#held.close()
    this.#parcels.close()
  }
}
