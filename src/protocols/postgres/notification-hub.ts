/** LISTEN and NOTIFY as sessions see them. `LogNotificationHub` is the one there is. */

export interface Notification {
  /** Process id of the sender's connection. */
  readonly processId: number
  readonly channel: string
  readonly payload: string
}

export type NotificationListener = (notification: Notification) => void

export interface NotificationHub {
  /** Resolves when what is committed from now on reaches `listener`; with what ends it. One listener per connection and channel. */
  listen(database: string, channel: string, listener: NotificationListener): Promise<() => void>
  /** Resolves when the listeners of this member have heard all up to log index `index`. Never rejects. */
  deliver(database: string, index: bigint): Promise<void>
}
