/**
 * Sends mutated conversations to a member: bytes changed, cut, doubled and mixed, messages swapped between recorded streams, and SQL made of pieces.
 * The member must stay alive, answer a healthy client afterwards, and end up with no connection and no more memory than before.
 *
 *   node --expose-gc test/postgres/fuzz.ts [INPUTS] [SEED]
 *
 * The bytes come through memory instead of sockets; everything behind them is the member as it is.
 */

import assert from 'node:assert/strict'
import { MemorySocket } from './memory-socket.ts'
import { openPostgres, type PostgresHarness } from './harness.ts'
import {
  bind,
  close,
  describe,
  execute,
  flush,
  message,
  parse,
  query,
  RawClient,
  startup,
  sync,
  terminate,
  text,
} from './raw-client.ts'

/** mulberry32: small, seeded, the same everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

const SQL = [
  'select 1',
  'select * from t where id = $1',
  "insert into t values (9, 'x') on conflict do nothing",
  'begin',
  'commit',
  'rollback',
  'savepoint a',
  'rollback to a',
  'copy t from stdin',
  'copy t to stdout (format binary)',
  'declare c cursor for select * from t',
  'fetch all from c',
  "select '{1,2}'::int[], '1 day'::interval, '2024-01-01'::timestamptz",
  "set timezone = 'Europe/Berlin'",
  'show all',
  'listen x',
  "notify x, 'y'",
  'select * from pg_class join pg_attribute on attrelid = pg_class.oid',
  'pragma table_info(t)',
  'select $1::int + $2::numeric, $3',
  'discard all',
]

function conversations(): Buffer[][] {
  const start = startup({ user: 'fuzz', database: 'default' })
  const simple = SQL.map((sql) => query(sql))
  const extended = SQL.flatMap((sql, index) => [
    parse(`s${index}`, sql, 0, 23),
    describe('S', `s${index}`),
    bind('p', `s${index}`, ['1', '2', null].slice(0, index % 4), index % 2),
    describe('P', 'p'),
    execute('p', index % 3),
    close('P', 'p'),
    index % 5 === 0 ? flush : sync,
  ])
  const copy = [
    query('copy t from stdin'),
    message('d', Buffer.from('5\ta\n')),
    message('d', Buffer.from('6\t')),
    message('c'),
    sync,
  ]
  return [
    [start, ...simple, terminate],
    [start, ...extended, sync, terminate],
    [start, ...copy, query('copy t from stdin (format csv)'), message('f', text('no')), terminate],
    [Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]), start, query('select 1')],
  ]
}

class Mutator {
  readonly #random: () => number
  readonly #pool: Buffer[][] = conversations()

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  below(count: number): number {
    return Math.floor(this.#random() * count)
  }

  input(): Buffer {
    const whole = this.#some(this.#pool)
    const start = whole.findIndex((bytes) => bytes.length > 8)
    const messages = [...whole.slice(0, start + 1), ...this.#part(whole.slice(start + 1))]
    for (let count = this.below(6); count >= 0; count--) this.#mutateMessages(messages, start)
    const bytes = Buffer.concat(messages)
    return this.below(4) === 0 ? bytes.subarray(0, this.below(bytes.length)) : bytes
  }

  /** Short conversations find as much as long ones, and many more of them fit into the same time. */
  #part(messages: readonly Buffer[]): readonly Buffer[] {
    const from = this.below(messages.length)
    return messages.slice(from, from + 1 + this.below(12))
  }

  #some<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  /** The startup packet is spared mostly: behind a broken one nothing happens any more. */
  #mutateMessages(messages: Buffer[], start: number): void {
    const from = this.below(20) === 0 ? 0 : start + 1
    const at = Math.min(from + this.below(Math.max(1, messages.length - from)), messages.length)
    const other = this.#some(this.#some(this.#pool))
    switch (this.below(6)) {
      case 0:
        messages.splice(at, 1)
        break
      case 1:
        messages.splice(at, 0, other)
        break
      case 2:
        messages.splice(at, 0, messages[at] ?? other)
        break
      case 3:
        messages[at] = query(
          `${this.#some(SQL)} ${this.#some([';', 'union', 'where', '(', ')', "'", '--', '$1', ''])} ${this.#some(SQL)}`,
        )
        break
      default:
        messages[at] = this.#mutateBytes(messages[at] ?? other)
    }
  }

  #mutateBytes(original: Buffer): Buffer {
    const bytes = Buffer.from(original)
    for (let count = this.below(4); count >= 0; count--) {
      bytes[this.below(bytes.length)] = this.#some([0, 1, 0x7f, 0x80, 0xff, this.below(256)])
    }
    return this.below(3) === 0 ? bytes.subarray(0, this.below(bytes.length)) : bytes
  }
}

/** Conversations at the same time, so that they meet each other at the writer. */
const AT_ONCE = 32
/** A conversation is over in milliseconds; one that lasts so long on a busy machine hangs. */
const HANG_TIMEOUT_MS = 60_000

/** Rejects when the member misbehaves; the message names the seed and the input. */
export async function fuzz(inputs: number, seed: number, harness: PostgresHarness): Promise<void> {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('create table if not exists t (id int primary key, v text)'))
  const mutator = new Mutator(seed)
  for (let done = 0; done < inputs; done += AT_ONCE) {
    const count = Math.min(AT_ONCE, inputs - done)
    await Promise.all(
      Array.from({ length: count }, (_, index) =>
        converse(harness, mutator, `seed ${seed}, input ${done + index}`),
      ),
    )
    if (done % 1024 === 0) await checkHealth(client, seed, done)
  }
  await checkHealth(client, seed, inputs)
  await emptied(harness, seed)
}

/** Only the healthy client is left in the end; sessions that are being closed are waited for. */
async function emptied(harness: PostgresHarness, seed: number): Promise<void> {
  const endMs = performance.now() + HANG_TIMEOUT_MS
  while (harness.server.connectionCount > 1 && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.equal(harness.server.connectionCount, 1, `seed ${seed}: connections are left over`)
  // The client's own, and one that reads notifications where a listener is being closed.
  const { sessions } = harness.gateway.statistics()
  assert.ok(sessions <= 2, `seed ${seed}: ${sessions} sessions are left over`)
}

/** Resolves when the server has let go of the connection. */
async function converse(harness: PostgresHarness, mutator: Mutator, name: string): Promise<void> {
  const input = mutator.input()
  const socket = new MemorySocket()
  harness.server.accept(socket.server)
  const cut = mutator.below(Math.max(1, input.length))
  const leaves = mutator.below(8) === 0
  socket.send(input.subarray(0, cut))
  // The rest comes as a packet of its own.
  await new Promise((resolve) => setImmediate(resolve))
  socket.send(input.subarray(cut))
  if (leaves) socket.destroy()
  else socket.end()
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${name}: the connection hangs on ${input.toString('base64')}`)),
      HANG_TIMEOUT_MS,
    )
  })
  await Promise.race([socket.closed, hung])
  clearTimeout(timer)
}

async function checkHealth(client: RawClient, seed: number, done: number): Promise<void> {
  const answer = await client.ask(query('rollback; select 41 + 1'))
  assert.ok(answer.includes('D 42'), `seed ${seed}, after ${done} inputs: ${answer.join(', ')}`)
}

/** One round that warms up, then rounds whose memory is compared: what grows with the inputs is a leak. */
async function main(inputs: number, seed: number): Promise<void> {
  console.log(`fuzzing with ${inputs} inputs, seed ${seed}`)
  await using harness = await openPostgres()
  const roundInputs = Math.max(1, Math.floor(inputs / 10))
  for (let round = 0; round < 10; round++) {
    const started = performance.now()
    await fuzz(roundInputs, seed + round, harness)
    global.gc?.()
    const { rss, heapUsed } = process.memoryUsage()
    const perSecond = Math.round((roundInputs / (performance.now() - started)) * 1000)
    const sizes = `${(rss / 2 ** 20).toFixed(0)} MiB resident, ${(heapUsed / 2 ** 20).toFixed(1)} MiB heap`
    console.log(`${(round + 1) * roundInputs} inputs, ${perSecond} a second, ${sizes}`)
  }
}

if (import.meta.main) {
  await main(
    Number(process.argv[2] ?? 100_000),
    Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 31)),
  )
}
