/**
 * Hands the notifications of a database to the listeners on this member, whichever member they were sent on: after every entry that this member's replica has applied, it
 * reads what is new in the table of notifications (notification-table.ts). A database nobody listens to costs nothing.
 */

import { NO_ARGUMENTS, type SqlValue } from '../../base/value.ts'
import type { DatabaseDirectory } from '../../gateway/core.ts'
import type { Gateway, Session } from '../../gateway/session.ts'
import type { NotificationHub, NotificationListener } from './notification-hub.ts'
import {
  LAST_NOTIFICATION,
  NOTIFICATION_PAGE_ROWS,
  NOTIFICATIONS_AFTER,
  TABLE_EXISTS,
} from './notification-table.ts'

export class LogNotificationHub implements NotificationHub {
  readonly #gateway: Gateway
  readonly #directory: DatabaseDirectory
  readonly #feeds = new Map<string, Feed>()

  constructor(gateway: Gateway, directory: DatabaseDirectory) {
    this.#gateway = gateway
    this.#directory = directory
  }

  async listen(database: string, channel: string, listener: NotificationListener): Promise<() => void> {
    const feed = this.#feedOf(database)
    const subscription = { channel, listener }
    feed.waiting++
    try {
      await feed.start(this.#gateway, this.#directory)
      feed.subscriptions.add(subscription)
    } finally {
      feed.waiting--
      this.#closeUnused(feed)
    }
    return () => {
      feed.subscriptions.delete(subscription)
      this.#closeUnused(feed)
    }
  }

  async deliver(database: string, index: bigint): Promise<void> {
    await this.#feeds.get(database)?.catchUp(index)
  }

  #feedOf(database: string): Feed {
    const feed = this.#feeds.get(database) ?? new Feed(database)
    this.#feeds.set(database, feed)
    return feed
  }

  #closeUnused(feed: Feed): void {
    if (feed.subscriptions.size > 0 || feed.waiting > 0) return
    if (this.#feeds.get(feed.database) === feed) this.#feeds.delete(feed.database)
    feed.close()
  }
}

interface Subscription {
  readonly channel: string
  readonly listener: NotificationListener
}

class Feed {
  readonly database: string
  readonly subscriptions = new Set<Subscription>()
  /** Listeners that wait for `start`. */
  waiting = 0
  #session: Session | null = null
  #started: Promise<void> | null = null
  #stop: (() => void) | null = null
  #isClosed = false
  #hasTable = false
  #lastId: bigint | null = null
  #wanted = 0n
  #queued: Promise<void> | null = null
  #tail: Promise<void> = Promise.resolve()

  constructor(database: string) {
    this.database = database
  }

  /** Resolves when everything that was committed before has been read, and nothing of it goes to who subscribes now. */
  async start(gateway: Gateway, directory: DatabaseDirectory): Promise<void> {
    this.#started ??= this.#open(gateway, directory)
    await this.#started
    await this.catchUp(0n)
  }

  async #open(gateway: Gateway, directory: DatabaseDirectory): Promise<void> {
    const core = await directory.get(this.database)
    this.#session = await gateway.openSession(this.database, { access: 'read-only', databases: null })
    if (this.#isClosed) return this.close()
    this.#stop = core.onApplied((index) => void this.catchUp(index))
  }

  close(): void {
    this.#isClosed = true
    this.#stop?.()
    this.#stop = null
    const session = this.#session
    this.#session = null
    void this.#tail.then(() => session?.close())
  }

  /** Reads one after the other; what is committed while one waits is read by that one. */
  catchUp(index: bigint): Promise<void> {
    if (index > this.#wanted) this.#wanted = index
    if (this.#queued !== null) return this.#queued
    const queued = this.#tail.then(() => {
      this.#queued = null
      return this.#read()
    })
    this.#queued = queued
    this.#tail = queued
    return queued
  }

  /** What could not be read now (the member stops, the database was dropped) is read after the next entry. */
  async #read(): Promise<void> {
    const session = this.#session
    if (session === null) return
    try {
      this.#hasTable ||= (await this.#rows(session, TABLE_EXISTS)).length > 0
      if (!this.#hasTable) this.#lastId = 0n
      else if (this.#lastId === null)
        this.#lastId = (await this.#rows(session, LAST_NOTIFICATION))[0]?.[0] as bigint
      else await this.#readAfter(session, this.#lastId)
    } catch {
      this.#hasTable = false
    }
  }

  async #readAfter(session: Session, lastId: bigint): Promise<void> {
    for (let after = lastId; ;) {
      const rows = await this.#rows(session, NOTIFICATIONS_AFTER, after)
      for (const row of rows) this.#hand(row)
      after = (rows.at(-1)?.[0] as bigint | undefined) ?? after
      this.#lastId = after
      if (rows.length < NOTIFICATION_PAGE_ROWS) return
    }
  }

  #hand([, channel, payload, sender]: readonly SqlValue[]): void {
    const notification = {
      channel: String(channel),
      payload: String(payload),
      processId: Number(BigInt.asIntN(32, BigInt(sender as bigint))),
    }
    for (const subscription of this.subscriptions) {
      if (subscription.channel === notification.channel) subscription.listener(notification)
    }
  }

  async #rows(
    session: Session,
    sql: string,
    ...positional: SqlValue[]
  ): Promise<readonly (readonly SqlValue[])[]> {
    const args = positional.length === 0 ? NO_ARGUMENTS : { positional, named: [] }
    const consistency = { level: 'session', index: this.#wanted } as const
    return (await session.execute({ sql, args }, { consistency })).rows
  }
}
