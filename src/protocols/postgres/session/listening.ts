/** One connection's LISTEN and NOTIFY: both take effect when its transaction commits. */

import type { Notification, NotificationHub } from '../notification-hub.ts'
import { PgError } from '../error.ts'

const WAITING_MAX = 10_000

export class Listening {
  readonly #hub: NotificationHub
  readonly #database: string
  readonly #processId: number
  readonly #send: (notification: Notification) => void
  readonly #isIdle: () => boolean
  readonly #channels = new Map<string, () => void>()
  #pending: (() => Promise<void> | void)[] = []
  /** Sent already in this transaction: equal ones are told once. */
  #sent = new Set<string>()
  #waiting: Notification[] = []

  constructor(
    hub: NotificationHub,
    database: string,
    processId: number,
    /** Writes one to the client. */
    send: (notification: Notification) => void,
    /** Whether the client may be written to now, outside an answer. */
    isIdle: () => boolean,
  ) {
    this.#hub = hub
    this.#database = database
    this.#processId = processId
    this.#send = send
    this.#isIdle = isIdle
  }

  get channels(): readonly string[] {
    return [...this.#channels.keys()]
  }

  /** Whether something waits for the commit. */
  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  listen(channel: string): void {
    this.#pending.push(() => {
      if (this.#channels.has(channel)) return
      this.#channels.set(
        channel,
        this.#hub.listen(this.#database, channel, (notification) => this.#receive(notification)),
      )
    })
  }

  /** null: all channels. */
  unlisten(channel: string | null): void {
    this.#pending.push(() => this.#unlistenNow(channel))
  }

  notify(channel: string, payload: string): void {
    if (channel === '') throw new PgError('22023', 'channel name cannot be empty')
    if (Buffer.byteLength(channel) > 63) throw new PgError('22023', 'channel name too long')
    if (Buffer.byteLength(payload) >= 8000) throw new PgError('22023', 'payload string too long')
    const key = `${channel}\0${payload}`
    if (this.#sent.has(key)) return
    this.#sent.add(key)
    const notification = { processId: this.#processId, channel, payload }
    this.#pending.push(() => this.#hub.notify(this.#database, notification))
  }

  async commit(): Promise<void> {
    if (this.#pending.length === 0) return
    const pending = this.#pending
    this.rollback()
    for (const action of pending) await action()
  }

  rollback(): void {
    this.#pending = []
    this.#sent.clear()
  }

  /** Writes what came in meanwhile. */
  deliver(): void {
    for (const notification of this.#waiting) this.#send(notification)
    this.#waiting = []
  }

  stop(): void {
    this.rollback()
    this.#unlistenNow(null)
    this.#waiting = []
  }

  #receive(notification: Notification): void {
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(notification)
    if (this.#isIdle()) this.deliver()
  }

  #unlistenNow(channel: string | null): void {
    for (const [name, end] of this.#channels) {
      if (channel !== null && channel !== name) continue
      end()
      this.#channels.delete(name)
    }
  }
}
