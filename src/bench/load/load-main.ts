/** The load process, inside: clients of one workload on one target, told by the parent what to do. */

import { setTimeout as sleep } from 'node:timers/promises'
import { openConnector, type Connector } from '../clients/connect.ts'
import { LoadRandom } from '../random.ts'
import type { Connection, SqlConnection, TargetProcess } from '../target.ts'
import { workloadNamed } from '../workloads/all.ts'
import type { Operate, Workload } from '../workload.ts'
import { runClosedLoop } from './closed-loop.ts'
import { runFixedRate } from './fixed-rate.ts'
import { LatencyRecorder } from './latency.ts'
import type { LoadAnswer, LoadOrder, LoadTask } from './load-process.ts'
import type { LoadWindow } from './load-run.ts'
import type { RoundOrder, RoundResult } from './loader.ts'
import { usageBetween, usageOf, type ProcessUsage } from './usage.ts'

type OwnWorkload = Exclude<Workload, { needs: 'pgbench' }>

class LoadMain {
  readonly #task: LoadTask
  readonly #workload: OwnWorkload
  #connector: Promise<Connector> | null = null
  #rounds = 0

  constructor(task: LoadTask) {
    this.#task = task
    const workload = workloadNamed(task.workload)
    if (workload === undefined || workload.needs === 'pgbench')
      throw new Error(`There is no workload ${task.workload}`)
    this.#workload = workload
  }

  async obey(order: LoadOrder): Promise<unknown> {
    switch (order.kind) {
      case 'load':
        return this.#load()
      case 'round':
        return this.#round(order.order)
      case 'check':
        return this.#check()
      case 'close':
        return this.#connector === null ? undefined : (await this.#connector).close()
    }
  }

  #open(): Promise<Connector> {
    return (this.#connector ??= openConnector(this.#task.target.endpoint))
  }

  async #load(): Promise<void> {
    const { endpoint, setUpAt } = this.#task.target
    const isElsewhere = JSON.stringify(endpoint) !== JSON.stringify(setUpAt)
    const connector = isElsewhere ? await openConnector(setUpAt) : await this.#open()
    const connection = await connector.connect(0)
    await this.#workload.load(connection as SqlConnection, this.#task.scale)
    await connection.close()
    if (isElsewhere) await connector.close()
  }

  async #check(): Promise<readonly string[]> {
    if (this.#workload.needs === 'any') return []
    const connection = await (await this.#open()).connect(0)
    const broken = await this.#workload.check(connection as SqlConnection)
    await connection.close()
    return broken
  }

  async #round(order: RoundOrder): Promise<RoundResult> {
    const connector = await this.#open()
    const ordinals = Array.from({ length: order.clients }, (_, ordinal) => ordinal)
    const connections = await Promise.all(ordinals.map((ordinal) => connector.connect(ordinal)))
    const operate = (await this.#workload.begin(connections[0] as SqlConnection, this.#task.scale)) as Operate
    const seed = this.#rounds++ * order.clients
    const clients = connections.map((connection, ordinal) => {
      const random = new LoadRandom(seed + ordinal)
      return () => operate(connection, random)
    })
    // What is done only once for a connection, or by a server for its first client, belongs to no round.
    await Promise.all(clients.map((client) => client()))
    const result = await this.#measure(order, clients, connections)
    await Promise.all(connections.map((connection) => connection.close()))
    return result
  }

  async #measure(
    order: RoundOrder,
    clients: readonly (() => Promise<void>)[],
    connections: readonly Connection[],
  ): Promise<RoundResult> {
    const measureFromMs = performance.now() + order.warmUpSeconds * 1000
    const window: LoadWindow = { measureFromMs, endMs: measureFromMs + order.seconds * 1000 }
    const recorder = new LatencyRecorder()
    const run = { clients, recorder, window }
    const retriesBefore = retriesOf(connections)
    const usage = this.#usageIn(window)
    const rate = order.ratePerSecond
    const unanswered = rate === null ? (await runClosedLoop(run), 0) : await runFixedRate(run, rate)
    if (recorder.count === 0) throw new Error('No operation was answered within the round')
    const durationMs = (rate === null ? window.endMs : performance.now()) - measureFromMs
    return {
      ...recorder.latencies(),
      ...(await usage),
      operations: recorder.count,
      perSecond: (recorder.count / durationMs) * 1000,
      retries: retriesOf(connections) - retriesBefore,
      unanswered,
    }
  }

  /** In the same time in which operations count. */
  async #usageIn(window: LoadWindow): Promise<Pick<RoundResult, 'servers' | 'client'>> {
    const servers = this.#task.target.processes
    const self: TargetProcess = { name: 'load process', pid: process.pid }
    const all = servers.length === 0 ? [{ ...self, name: 'application' }] : [...servers, self]
    await sleep(window.measureFromMs - performance.now())
    const before = usageOf(all)
    await sleep(window.endMs - performance.now())
    const after = usageOf(all)
    if (before === null || after === null) return { servers: null, client: null }
    const usage = usageBetween(before, after)
    if (servers.length === 0) return { servers: usage, client: null }
    return { servers: usage.slice(0, -1), client: usage.at(-1) as ProcessUsage }
  }
}

/** Connections may be one and the same object. */
function retriesOf(connections: readonly Connection[]): number {
  let retries = 0
  for (const connection of new Set(connections)) if (connection.kind === 'sql') retries += connection.retries
  return retries
}

function answer(message: LoadAnswer): void {
  process.send?.(message)
}

const main = new LoadMain(JSON.parse(process.argv[2] ?? '') as LoadTask)
// The parent is gone: nobody wants an answer any more.
process.on('disconnect', () => process.exit(1))
process.on('message', (order: LoadOrder) => {
  main.obey(order).then(
    (result) => {
      answer({ kind: 'done', result })
      if (order.kind === 'close') process.disconnect?.()
      return result
    },
    (error: unknown) => answer({ kind: 'failed', message: messageOf(error) }),
  )
})

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
