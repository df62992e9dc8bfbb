/**
 * One run of the simulated cluster, from a seed to a verdict, in two phases (after TigerBeetle's simulator):
 * first faults, while the checkers of safety watch; then the faults stop, and the cluster must come to rest
 * with everything served and everyone equal.
 */

import { AcknowledgedWrites } from './checkers/acknowledged-writes.ts'
import { Checkers } from './checkers/checker.ts'
import type { Violation } from './checkers/checker.ts'
import { CommittedEntries } from './checkers/committed-entries.ts'
import { CommittedOnQuorum } from './checkers/committed-on-quorum.ts'
import { ConfigurationSafety } from './checkers/configuration-safety.ts'
import { DurablePromises } from './checkers/durable-promises.ts'
import { ElectionSafety } from './checkers/election-safety.ts'
import { FollowerProgress } from './checkers/follower-progress.ts'
import { FreshReads } from './checkers/fresh-reads.ts'
import { LeaderCompleteness } from './checkers/leader-completeness.ts'
import { LinearizableHistory } from './checkers/linearizable-history.ts'
import { Liveness } from './checkers/liveness.ts'
import { LogMatching } from './checkers/log-matching.ts'
import { MonotonicState } from './checkers/monotonic-state.ts'
import { StateMachineSafety } from './checkers/state-machine-safety.ts'
import { Administrator } from './cluster/administrator.ts'
import { Clients } from './cluster/clients.ts'
import type { ClientCounts } from './cluster/clients.ts'
import { Cluster } from './cluster/cluster.ts'
import { Faults } from './cluster/faults.ts'
import { Ledger } from './cluster/ledger.ts'
import type { ClusterOptions } from './cluster/options.ts'
import { drawProfile } from './cluster/profiles.ts'
import type { ProfileName } from './cluster/profiles.ts'
import { EventQueue } from './event-queue.ts'
import type { NetworkCounts } from './network.ts'
import { Random } from './random.ts'
import { Trace } from './trace.ts'

export interface RunRequest {
  readonly seed: number
  /** Which mix of faults to draw from; `swarm` is all of them. */
  readonly profile: ProfileName
  /** Build the lines of the trace. */
  readonly recording: boolean
}

export interface RunResult {
  readonly seed: number
  readonly options: ClusterOptions
  /** Null if all went well. An error that is no violation is an assertion or a crash of the core. */
  readonly failure: Violation | Error | null
  readonly trace: Trace
  readonly hash: string
  readonly events: number
  readonly simulatedUs: number
  readonly committed: number
  readonly clients: ClientCounts
  readonly network: NetworkCounts
}

/** Runs `seed`. The same request gives the same result, to the last event. */
export function runSeed(request: RunRequest): RunResult {
  const random = new Random(`${request.profile}/${request.seed}`)
  const options = drawProfile(request.profile, random.fork('options'))
  const run = new Run(options, random, request.recording)
  let failure: Error | null = null
  try {
    run.perform()
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
  }
  const { trace, queue, ledger, clients, cluster } = run
  return {
    seed: request.seed,
    options,
    failure,
    trace,
    hash: trace.hash,
    events: queue.happened,
    simulatedUs: queue.nowUs,
    committed: ledger.lastIndex,
    clients: clients.counts,
    network: cluster.network.counts,
  }
}

class Run {
  readonly queue = new EventQueue()
  readonly ledger = new Ledger()
  readonly trace: Trace
  readonly cluster: Cluster
  readonly clients: Clients
  readonly #options: ClusterOptions
  readonly #checkers: Checkers
  readonly #faults: Faults
  readonly #liveness: Liveness

  constructor(options: ClusterOptions, random: Random, recording: boolean) {
    const { queue, ledger } = this
    this.#options = options
    this.trace = new Trace(() => queue.nowUs, recording)
    const acknowledged = new AcknowledgedWrites(ledger)
    this.#checkers = new Checkers([
      new CommittedEntries(ledger), // first: it keeps the ledger that others read
      new ElectionSafety(),
      new LogMatching(),
      new CommittedOnQuorum((replica) => this.cluster.survivingOn(replica)),
      new FollowerProgress((replica) => this.cluster.survivingOn(replica)),
      new LeaderCompleteness(ledger),
      new StateMachineSafety(ledger),
      new MonotonicState(),
      new DurablePromises(),
      new ConfigurationSafety(() => this.cluster.initial, ledger),
      new FreshReads(),
      acknowledged,
      new LinearizableHistory(() =>
        this.clients.finalHistory((operation) => acknowledged.committedAt(operation)),
      ),
    ])
    const { trace } = this
    this.cluster = new Cluster(options, queue, trace, ledger, this.#checkers, random)
    const environment = { queue, trace, checkers: this.#checkers, members: this.cluster.members }
    this.clients = new Clients(environment, options.workload, random.fork('clients'))
    const administrator = new Administrator(this.cluster, random.fork('administrator'))
    this.#faults = new Faults(this.cluster, administrator, random.fork('faults'))
    this.#liveness = new Liveness(this.cluster, this.clients, administrator)
  }

  perform(): void {
    const { queue, clients } = this
    queue.runUntil(this.#options.faultsForUs)
    this.#faults.stop()
    const broken = this.#options.leaveMinorityBroken ? this.#faults.breakMinority() : new Set<never>()
    this.#liveness.serveAgain(broken)
    this.#liveness.handOver(broken)
    clients.stop()
    this.#liveness.comeToRest(broken)
    this.#checkers.finished()
  }
}
