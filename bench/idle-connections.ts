/**
 * What an idle connection costs a member: memory of all its processes before and after so many clients have connected, over each protocol, first without a
 * word said and then after each has made one read. Private memory, so that mapped files don't count.
 *
 *     node bench/idle-connections.ts --connections 25000 --gateways 2
 *     node bench/idle-connections.ts --connections 2000 --gateways 1 --classes
 *
 * A process may open 20,000 files on the machines this was made for, of which a gateway uses four fifths: 15,000 connections at most for each, or
 * for the member alone (`--gateways 0`). Progress goes to stderr, results to stdout. The heap is looked at last, with the inspector: `--classes`
 * shows it by class, which takes long with many connections.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { grownClasses, heapClasses, type HeapClasses } from './idle/heap-classes.ts'
import { InspectedProcess, type HeapUsage } from './idle/inspected-process.ts'
import { kernelSocketBytes } from './idle/kernel-sockets.ts'
import { ClusterUnderTest } from './stress/cluster-under-test.ts'
import { LoadProcesses } from './stress/load-processes.ts'
import type { Protocol } from './stress/load-protocol.ts'
import { usageOf } from './stress/processes.ts'

const THREADS = 10
const CONNECT_RATE = 2_000
const WARM_UP_USERS = 100
const WARM_UP_ACTS = 2_000
const ACT_RATE = 2_000
/** For what was needed to connect to be collected: V8 does so by itself when a process has had nothing to do for some seconds. */
const SETTLE_MS = 20_000
const PROGRESS_INTERVAL_MS = 2_000
/** Without anything new for so long something is wrong, and is told. */
const STALL_MS = 15_000
const CLASSES_SHOWN = 60

const { values: options } = parseArgs({
  options: {
    connections: { type: 'string', default: '25000' },
    gateways: { type: 'string', default: '2' },
    protocol: { type: 'string' },
    classes: { type: 'boolean', default: false },
  },
})
const connections = Number(options.connections)
const gateways = Number(options.gateways)

interface Named {
  readonly name: string
  readonly pid: number
}

interface Look {
  readonly privateBytes: ReadonlyMap<string, number>
  readonly kernelBytes: number | null
}

interface Heap {
  /** As the process left it, with what nobody needs any more. */
  readonly resting: HeapUsage
  /** After a full collection. */
  readonly collected: HeapUsage
  readonly classes: HeapClasses | null
}

for (const protocol of ['postgres', 'websocket'] as const)
  if (options.protocol === undefined || options.protocol === protocol) await measure(protocol)

async function measure(protocol: Protocol): Promise<void> {
  await using cluster = await ClusterUnderTest.start(1, gateways)
  const progress = (what: string): void => void process.stderr.write(`${protocol}: ${what}\n`)
  await cluster.makeForum(THREADS)
  await settle(progress)
  const unused = look(cluster)
  // What is loaded and compiled with the first clients is not what clients cost.
  await withUsers(cluster, protocol, WARM_UP_USERS, progress, async (load) =>
    actOnce(load, WARM_UP_ACTS, progress),
  )
  await settle(progress)
  const before = look(cluster)
  tell(`${protocol}, what stays of the first ${WARM_UP_USERS}, shared by`, unused, before)
  const heapsBefore = await heaps(cluster)
  await withUsers(cluster, protocol, connections, progress, async (load) => {
    await settle(progress)
    tell(`${protocol}, ${connections} connections beside that`, before, look(cluster))
    await actOnce(load, connections, progress)
    await settle(progress)
    tell(`${protocol}, the same after a read each`, before, look(cluster))
    tellKernel(before, look(cluster))
    await tellProcessorTime(cluster)
    tellHeaps(heapsBefore, await heaps(cluster))
    // A snapshot takes more memory than the connections.
    if (!options.classes) tell(`${protocol}, the same after a full collection`, before, look(cluster))
    const { dropped } = load.progress()
    if (dropped > 0) throw new Error(`${dropped} connections were dropped meanwhile`)
  })
}

async function withUsers(
  { targets }: ClusterUnderTest,
  protocol: Protocol,
  users: number,
  progress: (what: string) => void,
  work: (load: LoadProcesses) => Promise<void>,
): Promise<void> {
  const load = new LoadProcesses({
    users,
    targets,
    connectRate: CONNECT_RATE,
    threads: THREADS,
    seed: 1,
    protocol,
  })
  try {
    await grown(load, () => load.progress().connected, users, 'connections are open', progress)
    await work(load)
  } finally {
    await load.end()
  }
}

/** On average: whose turn it is is chance. */
async function actOnce(load: LoadProcesses, count: number, progress: (what: string) => void): Promise<void> {
  const { done } = load.progress()
  load.act(ACT_RATE)
  await grown(load, () => load.progress().done - done, count, 'statements are answered', progress)
  load.rest()
}

/** Resolves when `count` gives `wanted`. Rejects with what clients were told if it stands still before. */
async function grown(
  load: LoadProcesses,
  count: () => number,
  wanted: number,
  what: string,
  progress: (what: string) => void,
): Promise<void> {
  let last = { count: 0, atMs: performance.now() }
  for (let nextMs = last.atMs; count() < wanted; await pause(100)) {
    const nowMs = performance.now()
    if (count() > last.count) last = { count: count(), atMs: nowMs }
    if (nowMs - last.atMs > STALL_MS)
      throw new Error(await whyNot(load, `${last.count} of ${wanted} ${what}`))
    if (nowMs < nextMs) continue
    progress(`${last.count} of ${wanted} ${what}`)
    nextMs = nowMs + PROGRESS_INTERVAL_MS
  }
}

async function whyNot(load: LoadProcesses, what: string): Promise<string> {
  const errors = (await load.reports()).flatMap((report) => report.errors)
  const told = errors.map(({ message, count }) => `  ${count} times: ${message}`)
  return [`${what}, and no more for ${STALL_MS / 1000} s. Clients were told:`, ...told].join('\n')
}

async function settle(progress: (what: string) => void): Promise<void> {
  progress(`resting for ${SETTLE_MS / 1000} s`)
  await pause(SETTLE_MS)
}

function look(cluster: ClusterUnderTest): Look {
  return {
    privateBytes: new Map(usageOf(cluster.processes()).map(({ name, privateBytes }) => [name, privateBytes])),
    kernelBytes: kernelSocketBytes(),
  }
}

/** Those of the processes that serve clients. */
async function heaps(cluster: ClusterUnderTest): Promise<Map<string, Heap>> {
  const found = new Map<string, Heap>()
  for (const { name, pid } of serving(cluster.processes())) {
    await using inspected = await InspectedProcess.open(pid)
    const resting = await inspected.heapUsage()
    await inspected.collectGarbage()
    const collected = await inspected.heapUsage()
    const classes = options.classes ? heapClasses(await inspected.heapSnapshot()) : null
    found.set(name, { resting, collected, classes })
  }
  return found
}

function serving(processes: readonly Named[]): readonly Named[] {
  return processes.filter(({ name }) => (gateways === 0 ? name.endsWith('core') : name.includes('gateway')))
}

function tell(what: string, before: Look, after: Look): void {
  const grownBy = [...after.privateBytes].map(([name, bytes]) => ({
    name,
    bytes: bytes - (before.privateBytes.get(name) ?? 0),
  }))
  const all = grownBy.reduce((sum, { bytes }) => sum + bytes, 0)
  const parts = grownBy.map(({ name, bytes }) => `${name} ${mib(bytes)}`).join(', ')
  process.stdout.write(`${what}: ${kibEach(all)} KiB each, ${mib(all)} MiB (${parts})\n`)
}

function tellKernel(before: Look, after: Look): void {
  if (before.kernelBytes === null || after.kernelBytes === null) return
  const bytes = (after.kernelBytes - before.kernelBytes) / 2
  process.stdout.write(`  the kernel's sockets, one end: ${mib(bytes)} MiB, ${kibEach(bytes)} KiB each\n`)
}

/** Timers that look at every connection, pings, V8. */
async function tellProcessorTime(cluster: ClusterUnderTest): Promise<void> {
  const used = (): number => usageOf(cluster.processes()).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  const start = used()
  await pause(SETTLE_MS)
  const eachSecond = ((used() - start) / SETTLE_MS) * 1e6
  process.stdout.write(`  processor time while nothing happens: ${eachSecond.toFixed(1)} ms a second\n`)
}

function tellHeaps(before: ReadonlyMap<string, Heap>, after: ReadonlyMap<string, Heap>): void {
  const more = (of: (heap: Heap) => number): string =>
    kibEach(
      [...after].reduce((sum, [name, heap]) => {
        const base = before.get(name)
        return sum + of(heap) - (base === undefined ? 0 : of(base))
      }, 0),
    )
  process.stdout.write(
    `  of it JavaScript: ${more(({ collected }) => collected.heapUsed)} KiB each reachable, ${more(({ collected }) => collected.heapTotal)} taken by V8 ` +
      `after a full collection, ${more(({ resting }) => resting.heapTotal)} before; outside of the heap ${more(({ collected }) => collected.external)} KiB\n`,
  )
  for (const [name, { classes }] of after) {
    const base = before.get(name)?.classes ?? null
    if (classes !== null && base !== null) tellClasses(name, base, classes)
  }
}

function tellClasses(name: string, before: HeapClasses, after: HeapClasses): void {
  process.stdout.write(`  ${name}, for each connection:\n`)
  const share = connections / Math.max(1, gateways)
  for (const { name: label, count, bytes } of grownClasses(before, after, share).slice(0, CLASSES_SHOWN))
    if (bytes >= 1)
      process.stdout.write(
        `  ${bytes.toFixed(0).padStart(7)} bytes ${count.toFixed(2).padStart(7)}  ${label}\n`,
      )
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}

function kibEach(bytes: number): string {
  return (bytes / connections / 1024).toFixed(1)
}
