/**
 * More writers than the queue takes: each writes again as soon as it was answered, refused or not, over its own PostgreSQL connection. The queue is made
 * small (--limit), as a member that is slower than its clients would find it full at any size.
 */

import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { openIdle } from './idle-client.ts'
import { simpleQuery } from './large-result.ts'
import { Target } from './target.ts'

const WAITING_MAX = 500
const LASTS_MS = 10_000
const AT_ONCE = 100
const INSERT = simpleQuery('INSERT INTO notes (text) VALUES (1)')
const MIB = 1024 * 1024

interface Counts {
  readonly acceptedMs: number[]
  readonly refusedMs: number[]
  /** SQLSTATEs of refusals. */
  readonly states: Set<string>
}

/** Some lines about it. Throws if anything accepted is missing, or anything refused is there. */
export async function measureFlood(writers: number): Promise<string> {
  await using target = await Target.start(
    `group.waitingRequestsMax=${WAITING_MAX}`,
    `postgres.connectionsMax=${writers + 10}`,
  )
  await target.query('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)')
  const beforeBytes = target.memoryBytes
  const sockets: Socket[] = []
  while (sockets.length < writers) {
    const length = Math.min(AT_ONCE, writers - sockets.length)
    const some = Array.from({ length }, () => openIdle('postgres', target.address('postgres')))
    sockets.push(...(await Promise.all(some)))
  }
  const counts: Counts = { acceptedMs: [], refusedMs: [], states: new Set() }
  const flood = new Flood(counts)
  for (const socket of sockets) flood.join(socket)
  await sleep(LASTS_MS)
  const mostBytes = target.memoryBytes - beforeBytes
  await flood.end()
  for (const socket of sockets) socket.destroy()
  const [[rows] = []] = await target.query('SELECT count(*) FROM notes')
  if (rows !== counts.acceptedMs.length)
    throw new Error(`${counts.acceptedMs.length} writes were accepted, and ${String(rows)} rows are there`)
  return [
    `${writers} writers on a queue of ${WAITING_MAX}, for ${LASTS_MS / 1000} s; ${Math.round(mostBytes / MIB)} MiB more than before`,
    `  accepted ${counts.acceptedMs.length}, all there once: ${shares(counts.acceptedMs)}`,
    `  refused  ${counts.refusedMs.length} with ${[...counts.states].join(', ')}: ${shares(counts.refusedMs)}`,
  ].join('\n')
}

class Flood {
  readonly #counts: Counts
  readonly #running = new Set<Socket>()
  #isOver = false

  constructor(counts: Counts) {
    this.#counts = counts
  }

  join(socket: Socket): void {
    let askedMs = 0
    let bytes = Buffer.alloc(0)
    const ask = (): void => {
      askedMs = performance.now()
      bytes = Buffer.alloc(0)
      socket.write(INSERT)
    }
    socket.on('data', (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece])
      if (!bytes.subarray(-6).equals(READY)) return
      this.#count(bytes, performance.now() - askedMs)
      if (this.#isOver) this.#running.delete(socket)
      else ask()
    })
    this.#running.add(socket)
    ask()
  }

  /** Resolves when all have their last answer. */
  async end(): Promise<void> {
    this.#isOver = true
    while (this.#running.size > 0) await sleep(10)
  }

  #count(answer: Buffer, tookMs: number): void {
    if (answer[0] === COMMAND_COMPLETE) return void this.#counts.acceptedMs.push(tookMs)
    this.#counts.refusedMs.push(tookMs)
    this.#counts.states.add(/\0C(\w{5})\0/.exec(answer.toString('latin1'))?.[1] ?? 'no SQLSTATE')
  }
}

const READY = Buffer.from('Z\0\0\0\x05I', 'latin1')
const COMMAND_COMPLETE = 'C'.charCodeAt(0)

function shares(tookMs: readonly number[]): string {
  const sorted = tookMs.toSorted((left, right) => left - right)
  const at = (part: number): string => `${(sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(0)} ms`
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${(sorted.at(-1) ?? 0).toFixed(0)} ms`
}
