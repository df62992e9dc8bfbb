/** A load process: some ten thousand users in one process, told by its parent when to connect and how often to act. */

import { LoadRandom } from '../../src/bench/random.ts'
import { nextAct } from './forum.ts'
import { Latencies } from './latencies.ts'
import type { FromLoad, LoadReport, Progress, Protocol, Target, ToLoad } from './load-protocol.ts'
import { User, type DueAct, type UserHost } from './user.ts'

const TICK_MS = 5
const PROGRESS_INTERVAL_MS = 500
/** What says that the outcome of a write is not known: PostgreSQL's SQLSTATE, and our code. */
const OUTCOME_UNKNOWN = /^(?:08007|OUTCOME_UNKNOWN)\b/

type Connect = Extract<ToLoad, { kind: 'connect' }>

class Load implements UserHost {
  readonly targets: readonly Target[]
  readonly random: () => number
  readonly #firstUser: number
  readonly #threads: number
  readonly #users: User[]
  readonly #latencies = new Map<string, Latencies>()
  readonly #errors = new Map<string, { phase: string; message: string; count: number }>()
  readonly #acknowledged: string[] = []
  readonly #unknown: string[] = []
  /** Since the last progress. */
  #recent = new Latencies()
  #phase = 'connecting'
  #tokens = 0
  #connected = 0
  #dropped = 0
  #done = 0
  #failed = 0
  #waiting = 0
  #repeated = 0
  /** Acts per millisecond. */
  #rate = 0
  #nextDueMs = 0
  #connectRate: number
  #opened = 0
  #startedMs = performance.now()

  constructor({ targets, firstUser, users, rate, seed, threads, protocol: only }: Connect) {
    this.targets = targets
    const random = new LoadRandom(seed)
    this.random = () => random.float()
    this.#firstUser = firstUser
    this.#threads = threads
    this.#connectRate = rate / 1000
    this.#users = Array.from({ length: users }, (_, index) => {
      const number = firstUser + index
      const protocol: Protocol = only ?? (number % 2 === 0 ? 'postgres' : 'websocket')
      return new User(number, protocol, (number >> 1) % targets.length, this)
    })
    setInterval(() => this.#tick(), TICK_MS)
  }

  act(rate: number): void {
    this.#rate = rate / 1000
    this.#nextDueMs = performance.now()
    this.#scheduleNext()
  }

  phase(name: string): void {
    this.#phase = name
  }

  connected(): void {
    this.#connected++
  }

  disconnected(_user: User, wasReady: boolean, reason: string | null): void {
    if (wasReady) {
      this.#connected--
      this.#dropped++
    }
    if (reason !== null) this.#error(this.#phase, reason)
  }

  answered(protocol: Protocol, { act, dueMs, phase }: DueAct, error: string | null): void {
    this.#waiting--
    this.#done++
    if (error === null) {
      if (act.token !== null) this.#acknowledged.push(act.token)
      const durationMs = performance.now() - dueMs
      this.#recent.record(durationMs)
      this.#latenciesOf(`${phase}/${protocol}/${act.operation}`).record(durationMs)
    } else if (act.token !== null && OUTCOME_UNKNOWN.test(error)) this.#unknown.push(act.token)
    else {
      this.#failed++
      this.#error(phase, `${act.operation}: ${error}`)
    }
  }

  lost({ act }: DueAct): 'again' | 'given up' {
    if (act.token === null) {
      this.#repeated++
      return 'again'
    }
    this.#waiting--
    this.#unknown.push(act.token)
    return 'given up'
  }

  progress(): Progress {
    const latencies = this.#recent.counts
    this.#recent = new Latencies()
    return {
      latencies,
      connected: this.#connected,
      dropped: this.#dropped,
      done: this.#done,
      failed: this.#failed,
      waiting: this.#waiting,
      repeated: this.#repeated,
    }
  }

  report(): LoadReport {
    return {
      latencies: Object.fromEntries([...this.#latencies].map(([name, { counts }]) => [name, counts])),
      errors: [...this.#errors.values()],
      acknowledged: this.#acknowledged,
      unknown: this.#unknown,
      dropped: this.#dropped,
    }
  }

  close(): void {
    for (const user of this.#users) user.close()
  }

  /** Opens connections at their rate, and lets users act whose time has come: late ticks make up for it, and count as latency. */
  #tick(): void {
    const nowMs = performance.now()
    const due = Math.min(this.#users.length, (nowMs - this.#startedMs) * this.#connectRate)
    while (this.#opened < due) this.#users[this.#opened++]?.connect()
    while (this.#rate > 0 && this.#nextDueMs <= nowMs) {
      this.#actNow(this.#nextDueMs)
      this.#scheduleNext()
    }
  }

  /** All users together act as often as a Poisson process of their rates' sum, and whose turn it is is chance: the same as one process for each. */
  #scheduleNext(): void {
    this.#nextDueMs += -Math.log(1 - this.random()) / this.#rate
  }

  #actNow(dueMs: number): void {
    const index = Math.floor(this.random() * this.#users.length)
    const act = nextAct(
      this.random,
      this.#firstUser + index,
      this.#threads,
      () => `${this.#firstUser}-${++this.#tokens}`,
    )
    this.#waiting++
    this.#users[index]?.act({ dueMs, phase: this.#phase, act })
  }

  #latenciesOf(name: string): Latencies {
    let latencies = this.#latencies.get(name)
    if (latencies === undefined) this.#latencies.set(name, (latencies = new Latencies()))
    return latencies
  }

  #error(phase: string, message: string): void {
    // One line for each kind: numbers in it are of this or that transaction.
    const kind = message.slice(0, 300).replaceAll(/\d{3,}/g, '…')
    const key = `${phase} ${kind}`
    const known = this.#errors.get(key)
    if (known === undefined) this.#errors.set(key, { phase, message: message.slice(0, 300), count: 1 })
    else known.count++
  }
}

function tell(message: FromLoad): void {
  process.send?.(message)
}

let load: Load | null = null

process.on('message', (message: ToLoad) => {
  switch (message.kind) {
    case 'connect':
      load = new Load(message)
      return
    case 'act':
      return load?.act(message.rate)
    case 'rest':
      return load?.act(0)
    case 'phase':
      return load?.phase(message.name)
    case 'report':
      if (load !== null) tell({ kind: 'report', report: load.report() })
      return
    case 'end':
      load?.close()
      process.exit(0)
  }
})
process.on('disconnect', () => process.exit(0))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
setInterval(() => {
  if (load !== null) tell({ kind: 'progress', progress: load.progress() })
}, PROGRESS_INTERVAL_MS)
