/**
 * LISTEN and NOTIFY. The interface is what a hub must do; `LocalNotificationHub` reaches the clients of one member. A hub that carries
 * notifications through the log of the database can stand in its place.
 */

export interface Notification {
  /** Process id of the sender's connection. */
  readonly processId: number
  readonly channel: string
  readonly payload: string
}

export type NotificationListener = (notification: Notification) => void

export interface NotificationHub {
  /** Returns what ends it. One listener per connection and channel. */
  listen(database: string, channel: string, listener: NotificationListener): () => void
  /** Called when the sender's transaction has committed. Resolves when the notification can't be lost any more. */
  notify(database: string, notification: Notification): Promise<void>
}

export class LocalNotificationHub implements NotificationHub {
  readonly #listeners = new Map<string, Set<NotificationListener>>()

  listen(database: string, channel: string, listener: NotificationListener): () => void {
    const key = keyOf(database, channel)
    const listeners = this.#listeners.get(key) ?? new Set()
    this.#listeners.set(key, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(key)
    }
  }

  async notify(database: string, notification: Notification): Promise<void> {
    for (const listener of this.#listeners.get(keyOf(database, notification.channel)) ?? [])
      listener(notification)
  }
}

/** No database name has a zero byte. */
function keyOf(database: string, channel: string): string {
  return `${database}\0${channel}`
}
