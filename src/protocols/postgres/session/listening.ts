/** One connection's LISTEN and what it hears. LISTEN takes effect when its transaction commits; NOTIFY is a write of the transaction (notification-table.ts). */

import { LazyMap } from '../../../base/lazy-map.ts'
import type { Notification, NotificationHub } from '../notification-hub.ts'
import { PgError } from '../error.ts'
import type { Savepointed } from './savepointed.ts'

const WAITING_MAX = 10_000

export class Listening implements Savepointed {
  readonly #hub: NotificationHub
  readonly #database: string
  readonly #send: (notification: Notification) => void
  readonly #isIdle: () => boolean
  readonly #channels = new LazyMap<string, () => void>()
  #pending: (() => Promise<void> | void)[] = []
  /** Sent already in this transaction: equal ones are told once. */
  readonly #sent = new LazyMap<string, true>()
  /** What there was at each of them; null where there are none. */
  #savepoints: { readonly pendingCount: number; readonly sentCount: number }[] | null = null
  #waiting: Notification[] = []
  #isStopped = false

  constructor(
    hub: NotificationHub,
    database: string,
    /** Writes one to the client. */
    send: (notification: Notification) => void,
    /** Whether the client may be written to now, outside an answer. */
    isIdle: () => boolean,
  ) {
    this.#hub = hub
    this.#database = database
    this.#send = send
    this.#isIdle = isIdle
  }

  get channels(): readonly string[] {
    return [...this.#channels.keys()]
  }

  /** Whether something waits for the commit. */
  get hasPending(): boolean {
    return this.#pending.length > 0 || this.#sent.size > 0
  }

  listen(channel: string): void {
    this.#pending.push(async () => {
      if (this.#channels.has(channel)) return
      const end = await this.#hub.listen(this.#database, channel, (heard) => this.#receive(heard))
      if (this.#isStopped) end()
      else this.#channels.set(channel, end)
    })
  }

  /** null: all channels. */
  unlisten(channel: string | null): void {
    this.#pending.push(() => this.#unlistenNow(channel))
  }

  /** False for one that this transaction has sent already, which is told once. Throws 22023. */
  isNew(channel: string, payload: string): boolean {
    if (channel === '') throw new PgError('22023', 'channel name cannot be empty')
    if (Buffer.byteLength(channel) > 63) throw new PgError('22023', 'channel name too long')
    if (Buffer.byteLength(payload) >= 8000) throw new PgError('22023', 'payload string too long')
    return !this.#sent.has(keyOf(channel, payload))
  }

  /** After NOTIFY has written it. */
  hasSent(channel: string, payload: string): void {
    this.#sent.set(keyOf(channel, payload), true)
  }

  savepoint(): void {
    this.#savepoints ??= []
    this.#savepoints.push({ pendingCount: this.#pending.length, sentCount: this.#sent.size })
  }

  release(at: number): void {
    this.#savepoints?.splice(at)
  }

  /** What was sent since is undone: it may come again. */
  rollbackTo(at: number): void {
    const then = this.#savepoints?.[at]
    if (then === undefined) return
    this.release(at + 1)
    this.#pending.length = then.pendingCount
    for (const key of [...this.#sent.keys()].slice(then.sentCount)) this.#sent.delete(key)
  }

  /** `index` is that of the session's last write: a client that hears itself does so before it is told that it may go on. */
  async commit(index: bigint): Promise<void> {
    this.#savepoints = null
    if (this.#pending.length === 0 && this.#sent.size === 0) return
    const pending = this.#pending
    const isHeardHere = this.#sent.size > 0 && this.#channels.size > 0
    this.rollback()
    for (const action of pending) await action()
    if (isHeardHere) await this.#hub.deliver(this.#database, index)
  }

  rollback(): void {
    this.#savepoints = null
    this.#pending = []
    this.#sent.clear()
  }

  /** Writes what came in meanwhile. */
  deliver(): void {
    if (this.#waiting.length === 0) return
    for (const notification of this.#waiting) this.#send(notification)
    this.#waiting = []
  }

  stop(): void {
    this.#isStopped = true
    this.rollback()
    this.#unlistenNow(null)
    this.#waiting = []
  }

  #receive(notification: Notification): void {
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(notification)
    if (this.#isIdle()) this.deliver()
  }

  #unlistenNow(channel: string | null): void {
    for (const [name, end] of this.#channels.entries()) {
      if (channel !== null && channel !== name) continue
      end()
      this.#channels.delete(name)
    }
  }
}

/** No channel has a zero byte in its name. */
function keyOf(channel: string, payload: string): string {
  return `${channel}\0${payload}`
}
