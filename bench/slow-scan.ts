/**
 * `node bench/slow-scan.ts [--rounds 10] [--seconds 3] [--clients 16] [--per-second 2000]`: what others feel of one client that walks through a whole table again and
 * again. Point reads over the PostgreSQL protocol come at a fixed rate on connections of their own, in turn without and with
 * the walks on one more connection; latency is counted from when a read was due. Printed is the ratio of their p99 in neighbouring rounds. Member, readers and the
 * one who walks are three processes.
 */

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Client } from 'pg'

const MAIN = resolve(import.meta.dirname, '../src/cli/main.ts')
const ROWS = 1_000_000
const FILL_BATCH = 250_000
const WARM_UP_SECONDS = 2
const POINT = { name: 'point', text: 'SELECT id, note FROM item WHERE id = $1' }
const SCAN = "SELECT count(*) FROM item WHERE note LIKE '%7%3%1%'"

interface Order {
  readonly role: 'readers' | 'scanner'
  readonly port: number
  readonly clients: number
  readonly perSecond: number
}

interface Found {
  readonly p50Ms: number
  readonly p99Ms: number
}

async function connect(port: number): Promise<Client> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'default', ssl: false })
  await client.connect()
  return client
}

/** Reads that are due at `perSecond`, shared out among the clients; each client has one under way. */
async function readFor(clients: readonly Client[], perSecond: number, seconds: number): Promise<Found> {
  const latencies: number[] = []
  const startMs = performance.now()
  const everyMs = (clients.length / perSecond) * 1000
  const read = async (client: Client, position: number): Promise<void> => {
    for (let turn = 0; turn * everyMs < seconds * 1000; turn++) {
      const dueMs = startMs + (turn + position / clients.length) * everyMs
      const waitMs = dueMs - performance.now()
      if (waitMs > 0) await sleep(waitMs)
      const key = 1 + ((turn * 7_919 + position * 104_729) % ROWS)
      // From when it was due, or from when a timer of whole milliseconds could have told.
      const sinceMs = waitMs > 0 ? performance.now() : dueMs
      const { rows } = await client.query({ ...POINT, values: [key] })
      if (rows.length !== 1) throw new Error(`Row ${key} was not found.`)
      latencies.push(performance.now() - sinceMs)
    }
  }
  await Promise.all(clients.map(read))
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function runReaders({ port, clients, perSecond }: Order): Promise<void> {
  const connections = await Promise.all(Array.from({ length: clients }, () => connect(port)))
  process.on('message', (seconds: number) => {
    void readFor(connections, perSecond, seconds).then((found) => process.send?.(found))
  })
  process.send?.('ready')
}

/** Walks from `true` to `false`; then tells how many ms each walk took, on average. */
async function runScanner({ port }: Order): Promise<void> {
  const client = await connect(port)
  const wanted = { isWalking: false }
  process.on('message', (isWalking: boolean) => {
    wanted.isWalking = isWalking
    if (isWalking) void walk()
  })
  const walk = async (): Promise<void> => {
    const startMs = performance.now()
    let walks = 0
    do {
      await client.query(SCAN)
      walks++
    } while (wanted.isWalking)
    process.send?.((performance.now() - startMs) / walks)
  }
  process.send?.('ready')
}

async function start(order: Order): Promise<ChildProcess> {
  const child = fork(import.meta.filename, [JSON.stringify(order)])
  child.once('exit', (code) => {
    if (code !== 0 && code !== null) throw new Error(`${order.role} ended with exit code ${code}`)
  })
  await once(child, 'message')
  return child
}

async function ask<T>(child: ChildProcess, message: number | boolean): Promise<T> {
  child.send(message)
  const [answer] = (await once(child, 'message')) as [T]
  return answer
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function startMember(folder: string, port: number): Promise<ChildProcess> {
  const listen = ['--http', `127.0.0.1:${await freePort()}`, '--pg', `127.0.0.1:${port}`]
  const child = spawn(process.execPath, [MAIN, 'start', '--data', folder, ...listen], {
    stdio: 'ignore',
  })
  process.once('exit', () => child.kill('SIGKILL'))
  return child
}

async function connectWhenUp(port: number): Promise<Client> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      return await connect(port)
    } catch {
      await sleep(200)
    }
  }
  throw new Error('The member did not come up within 20 s.')
}

async function fill(port: number): Promise<void> {
  const client = await connectWhenUp(port)
  await client.query('CREATE TABLE item (id INTEGER PRIMARY KEY, note TEXT)')
  for (let first = 1; first <= ROWS; first += FILL_BATCH)
    await client.query(
      `INSERT INTO item SELECT n, 'note ' || n || ' of a table that is walked through'
       FROM generate_series(${first}, ${first + FILL_BATCH - 1}) AS s (n)`,
    )
  await client.end()
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

async function compare(
  readers: ChildProcess,
  scanner: ChildProcess,
  rounds: number,
  seconds: number,
): Promise<void> {
  const alone: Found[] = []
  const beside: Found[] = []
  const walksMs: number[] = []
  await ask(readers, WARM_UP_SECONDS)
  for (let round = 0; round < rounds; round++) {
    alone.push(await ask<Found>(readers, seconds))
    scanner.send(true)
    beside.push(await ask<Found>(readers, seconds))
    walksMs.push(await ask<number>(scanner, false))
  }
  const ratio = (of: (found: Found) => number): string =>
    median(beside.map((found, round) => of(found) / of(alone[round] as Found))).toFixed(2)
  const line = (name: string, found: readonly Found[]): string =>
    `${name}  p50 ${median(found.map(({ p50Ms }) => p50Ms)).toFixed(2)} ms  p99 ${median(found.map(({ p99Ms }) => p99Ms)).toFixed(2)} ms`
  console.log(line('point reads alone               ', alone))
  console.log(line('beside a walk through the table ', beside))
  console.log(`times as much: p50 ${ratio(({ p50Ms }) => p50Ms)}, p99 ${ratio(({ p99Ms }) => p99Ms)}`)
  console.log(`a walk through ${ROWS.toLocaleString('en')} rows took ${median(walksMs).toFixed(0)} ms`)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '3' },
      clients: { type: 'string', default: '16' },
      'per-second': { type: 'string', default: '2000' },
    },
  })
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-bench-slow-scan-'))
  const port = await freePort()
  const member = await startMember(folder, port)
  await fill(port)
  const order = { port, clients: Number(values.clients), perSecond: Number(values['per-second']) }
  const readers = await start({ ...order, role: 'readers' })
  const scanner = await start({ ...order, role: 'scanner' })
  console.log(
    `${values.clients} clients, ${values['per-second']} point reads a second, median of ${values.rounds} rounds of ${values.seconds} s in turn`,
  )
  await compare(readers, scanner, Number(values.rounds), Number(values.seconds))
  for (const child of [readers, scanner]) child.kill()
  member.kill('SIGTERM')
  await once(member, 'exit')
  await rm(folder, { recursive: true, force: true })
}

const order = process.argv[2]?.startsWith('{') === true ? (JSON.parse(process.argv[2]) as Order) : null
if (order === null) await main()
else if (order.role === 'readers') await runReaders(order)
else await runScanner(order)
