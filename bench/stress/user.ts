/**
 * One user of the forum: one connection, one act at a time. Acts fall due by the clock, whether the last one is answered or not; latency counts
 * from then. A user whose connection ends goes to another member, and asks again what it had asked; what it had written it does not write again, because it
 * can't know.
 */

import type { Act } from './forum.ts'
import type { Protocol, Target } from './load-protocol.ts'
import { PostgresWire } from './postgres-wire.ts'
import { WebSocketWire } from './websocket-wire.ts'
import type { Wire, WireOwner } from './wire.ts'

export interface DueAct {
  /** By `performance.now()`. */
  readonly dueMs: number
  readonly phase: string
  readonly act: Act
}

/** What users share, and tell. */
export interface UserHost {
  readonly targets: readonly Target[]
  readonly random: () => number
  connected(): void
  /** `isAsked`: by `close`. */
  disconnected(user: User, wasReady: boolean, reason: string | null): void
  answered(protocol: Protocol, due: DueAct, error: string | null): void
  /** The connection ended before the answer came. */
  lost(due: DueAct): 'again' | 'given up'
}

const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 4_000
/** As drivers have one: a member that gets 25,000 connections at once may have to drop some in the middle of the handshake. */
const CONNECT_TIMEOUT_MS = 10_000

export class User implements WireOwner {
  readonly number: number
  readonly #protocol: Protocol
  readonly #host: UserHost
  #target: number
  #wire: Wire | null = null
  #isReady = false
  #isClosing = false
  #connectTimer: NodeJS.Timeout | null = null
  #attempts = 0
  #current: DueAct | null = null
  #due: DueAct[] | null = null

  constructor(number: number, protocol: Protocol, target: number, host: UserHost) {
    this.number = number
    this.#protocol = protocol
    this.#target = target
    this.#host = host
  }

  connect(): void {
    const { host, postgresPort, httpPort } = this.#host.targets[this.#target] as Target
    this.#connectTimer = setTimeout(() => this.#wire?.abandon(), CONNECT_TIMEOUT_MS)
    this.#wire =
      this.#protocol === 'postgres'
        ? new PostgresWire(this.number, host, postgresPort, this)
        : new WebSocketWire(this.number, host, httpPort, this)
  }

  act(due: DueAct): void {
    if (this.#isReady && this.#current === null) this.#send(due)
    else (this.#due ??= []).push(due)
  }

  close(): void {
    this.#isClosing = true
    this.#wire?.close()
  }

  ready(): void {
    this.#stopTimer()
    this.#isReady = true
    this.#attempts = 0
    this.#host.connected()
    this.#sendNext()
  }

  answered(error: string | null): void {
    const due = this.#current
    this.#current = null
    if (due !== null) this.#host.answered(this.#protocol, due, error)
    this.#sendNext()
  }

  closed(reason: string | null): void {
    this.#stopTimer()
    const wasReady = this.#isReady
    const due = this.#current
    this.#wire = null
    this.#isReady = false
    this.#current = null
    if (this.#isClosing) return
    this.#host.disconnected(this, wasReady, reason)
    if (due !== null && this.#host.lost(due) === 'again') (this.#due ??= []).unshift(due)
    this.#goElsewhere()
  }

  #stopTimer(): void {
    if (this.#connectTimer !== null) clearTimeout(this.#connectTimer)
    this.#connectTimer = null
  }

  #send(due: DueAct): void {
    this.#current = due
    this.#wire?.send(due.act)
  }

  #sendNext(): void {
    if (!this.#isReady || this.#due === null) return
    const due = this.#due.shift()
    if (this.#due.length === 0) this.#due = null
    if (due !== undefined) this.#send(due)
  }

  /** To another member than the one that has just failed, after a pause by chance: all users of a member come back at once. */
  #goElsewhere(): void {
    const { targets, random } = this.#host
    if (targets.length > 1)
      this.#target = (this.#target + 1 + Math.floor(random() * (targets.length - 1))) % targets.length
    const pauseMs = Math.min(RETRY_MIN_MS * 2 ** this.#attempts++, RETRY_MAX_MS) * (0.5 + random())
    setTimeout(() => {
      if (!this.#isClosing) this.connect()
    }, pauseMs)
  }
}
