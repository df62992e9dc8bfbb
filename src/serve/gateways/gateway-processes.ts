/** The gateway processes of a member: starts them, starts them again, adds up what they count, and lets them drain. */

import { randomUUID } from 'node:crypto'
import { counter, gauge } from '../../admin/process-metrics.ts'
import type { MetricFamily } from '../../admin/prometheus.ts'
import type { Member } from '../../cluster/member.ts'
import { must } from '../../base/assert.ts'
import type { ConnectionRow } from '../../protocols/postgres/fellows.ts'
import type { ListenAddress } from '../listen-address.ts'
import { MemberStatus } from '../member-status.ts'
import type { GatewayProcessOptions, ServeLog, ServeOptions, Serving } from '../serve.ts'
import { claimPorts } from './claim-ports.ts'
import { GatewayProcess, type SharedAnswerers } from './gateway-process.ts'
import { PositionBoard } from './position-board.ts'
import type { GatewayProcessStatistics, GatewayStart, MemberStatus as Status } from './protocol.ts'
import { sumOfGateways, sumOfHttp } from './sums.ts'

const RESTART_MIN_MS = 100
const RESTART_MAX_MS = 5_000
/** Whoever lived longer than this did not end at its start. */
const STEADY_MS = 10_000
const MEMBERS_INTERVAL_MS = 1_000
/** Beyond what its clients are given. */
const DRAIN_GRACE_MS = 2_000

export interface GatewayProcessesParts {
  readonly member: Member
  readonly log: ServeLog
}

export class GatewayProcesses implements Serving {
  readonly httpAddress: ListenAddress | null
  readonly postgresAddress: ListenAddress | null
  readonly #parts: GatewayProcessesParts
  readonly #options: ServeOptions
  readonly #gateways: GatewayProcessOptions
  readonly #status: MemberStatus
  readonly #forwardPaths: readonly string[]
  /** By slot; null while one is started again. */
  readonly #running: (GatewayProcess | null)[]
  readonly #board = new PositionBoard()
  readonly #restarts = new Set<NodeJS.Timeout>()
  readonly #telling: NodeJS.Timeout
  #restartsTotal = 0
  #toldMembers = ''
  #isDraining = false

  /** Rejects with the system's error if a port can't be had, and with why a gateway could not start; then nothing is left open. */
  static async start(parts: GatewayProcessesParts, options: ServeOptions): Promise<GatewayProcesses> {
    const { http, postgres } = await claimPorts(options, parts.log)
    const processes = new GatewayProcesses(parts, options, http, postgres)
    try {
      await Promise.all(processes.#running.map((_, slot) => processes.#launch(slot, RESTART_MIN_MS)))
      return processes
    } catch (error) {
      await processes.drain()
      throw error
    }
  }

  private constructor(
    parts: GatewayProcessesParts,
    options: ServeOptions,
    http: ListenAddress | null,
    postgres: ListenAddress | null,
  ) {
    this.#parts = parts
    this.#options = options
    this.#gateways = must(options.gateways)
    this.httpAddress = http
    this.postgresAddress = postgres
    this.#status = new MemberStatus(parts.member)
    const name = randomUUID()
    const slots = Array.from({ length: this.#gateways.count }, (_, slot) => slot)
    // Abstract names of Linux: nothing of them is left in any folder.
    this.#forwardPaths = slots.map((slot) => `\0harmonydb-${name}-${slot}`)
    this.#running = slots.map(() => null)
    this.#telling = setInterval(() => this.#tellMembers(), MEMBERS_INTERVAL_MS).unref()
  }

  /** Of those that run, for tests and diagnostics. */
  get processIds(): readonly number[] {
    return this.#all().flatMap(({ processId }) => processId ?? [])
  }

  async drain(): Promise<void> {
    this.#isDraining = true
    clearInterval(this.#telling)
    for (const timer of this.#restarts) clearTimeout(timer)
    const { drainTimeoutMs } = this.#options.limits.gateway
    const timeoutMs = drainTimeoutMs * 2 + DRAIN_GRACE_MS
    await Promise.all(this.#all().map((gateway) => gateway.drain(timeoutMs)))
    this.#board.close()
  }

  #all(): GatewayProcess[] {
    return this.#running.filter((gateway) => gateway !== null)
  }

  async #launch(slot: number, restartMs: number): Promise<void> {
    const { member, log } = this.#parts
    const startedMs = performance.now()
    const gateway = new GatewayProcess({
      file: this.#gateways.file,
      directory: member,
      board: this.#board,
      answerers: this.#answerersFor(slot),
      onNotice: ({ level, event, fields }) => log(level, event, { ...fields, gateway: slot }),
    })
    this.#running[slot] = gateway
    void gateway.ended.then((how) => this.#ended(slot, how, startedMs, restartMs))
    await gateway.start(this.#startOf(slot))
  }

  #ended(slot: number, how: string, startedMs: number, restartMs: number): void {
    this.#running[slot] = null
    if (this.#isDraining) return
    const event = 'a gateway process ended; its clients were disconnected, and it is started again'
    this.#parts.log('warn', event, { gateway: slot, reason: how })
    const isSteady = performance.now() - startedMs >= STEADY_MS
    this.#relaunch(slot, isSteady ? RESTART_MIN_MS : restartMs)
  }

  #relaunch(slot: number, pauseMs: number): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      this.#restartsTotal++
      this.#launch(slot, Math.min(pauseMs * 2, RESTART_MAX_MS)).catch((error: Error) => {
        this.#parts.log('error', 'a gateway process could not start', { gateway: slot, error: error.message })
        // Its end starts the next one.
        this.#running[slot]?.kill()
      })
    }, pauseMs)
    this.#restarts.add(timer)
  }

  #startOf(slot: number): GatewayStart {
    const { access, allowedOrigins, postgresCertificate, limits } = this.#options
    const { count, configuration, readers } = this.#gateways
    return {
      slot,
      count,
      http: this.httpAddress,
      postgres: this.postgresAddress,
      authToken: access.authToken,
      jwtKeys: access.jwtKeys.map((key) => key.export({ type: 'spki', format: 'pem' })),
      allowedOrigins,
      postgresCertificate,
      limits: { http: limits.http, hrana: limits.hrana, postgres: limits.postgres, gateway: configuration },
      configuration,
      readers,
      forwardPaths: this.#forwardPaths,
      member: this.#parts.member.number,
      members: this.#members(),
      memberProcessId: process.pid,
    }
  }

  #answerersFor(slot: number): SharedAnswerers {
    const { member } = this.#parts
    return {
      clusterState: async () => member.clusterState(),
      addMember: ({ peerAddress, role }) => member.addMember(peerAddress, role),
      removeMember: async (asked) => (await member.removeMember(asked.member), null),
      promoteMember: async (asked) => (await member.promoteMember(asked.member), null),
      transferLeadership: (request) => member.transferLeadership(request),
      health: async () => this.#status.health(),
      metrics: () => this.#metrics(),
      stopBackend: async ({ slot: other, stop }) =>
        (await this.#running[other]?.link.ask('stopBackend', stop).catch(() => false)) ?? false,
      connections: () => this.#connections(slot),
    }
  }

  async #connections(asking: number): Promise<readonly ConnectionRow[]> {
    const others = this.#running.filter((gateway, slot) => gateway !== null && slot !== asking)
    const rows = others.map((gateway) =>
      must(gateway)
        .link.ask('connections', null)
        .catch(() => []),
    )
    return (await Promise.all(rows)).flat()
  }

  async #metrics(): Promise<readonly MetricFamily[]> {
    const asked = this.#running.map(
      async (gateway) => (await gateway?.link.ask('statistics', null).catch(() => null)) ?? null,
    )
    const bySlot = await Promise.all(asked)
    const [first, ...others] = bySlot.filter((one) => one !== null)
    // Somebody asked.
    if (first === undefined) return []
    const http = [first, ...others].map((one) => one.http).filter((one) => one !== null)
    const [firstHttp, ...otherHttp] = http
    return [
      ...this.#status.metrics({
        gateway: sumOfGateways([first.gateway, ...others.map(({ gateway }) => gateway)]),
        http: firstHttp === undefined ? null : sumOfHttp([firstHttp, ...otherHttp]),
      }),
      ...processMetrics(bySlot, this.#restartsTotal),
    ]
  }

  #members(): Status[] {
    return this.#parts.member.clusterState().members.map(({ member, status }) => ({ member, status }))
  }

  #tellMembers(): void {
    const members = this.#members()
    const told = JSON.stringify(members)
    if (told === this.#toldMembers) return
    this.#toldMembers = told
    for (const { link } of this.#all()) link.tell({ kind: 'members', members })
  }
}

type Samples = Extract<MetricFamily, { type: 'counter' | 'gauge' }>['samples']

/** `null` stands for a process that is being started again. */
function processMetrics(
  bySlot: readonly (GatewayProcessStatistics | null)[],
  restartsTotal: number,
): MetricFamily[] {
  const samples = (value: (one: GatewayProcessStatistics) => number): Samples =>
    bySlot.flatMap((one, slot) =>
      one === null ? [] : [{ labels: { gateway: String(slot) }, value: value(one) }],
    )
  return [
    gauge('harmonydb_gateway_processes', 'Gateway processes that run.', bySlot.filter(Boolean).length),
    counter(
      'harmonydb_gateway_restarts_total',
      'Gateway processes that ended and were started again.',
      restartsTotal,
    ),
    {
      type: 'gauge',
      name: 'harmonydb_gateway_resident_memory_bytes',
      help: 'Memory of each gateway process.',
      samples: samples(({ residentBytes }) => residentBytes),
    },
    {
      type: 'counter',
      name: 'harmonydb_gateway_cpu_seconds_total',
      help: 'CPU time of each gateway process.',
      samples: samples(({ cpuSeconds }) => cpuSeconds),
    },
  ]
}
