/**
 * What open pages are sent while they are open. Each page has a cursor, the last post that it shows, and whenever the database has moved on, by
 * whichever process, it is sent what is behind its cursor. Nothing can be missed: a page that was away says where it was.
 */

import type { Database } from 'harmonydb'
import type { Counters, Forum } from './forum.ts'
import { type Html, postItem, threadItem } from './pages.ts'

export interface LiveEvent {
  readonly event: 'post' | 'thread' | 'counters'
  readonly data: string
  /** The cursor after this event; the browser says it when it comes again. */
  readonly id?: string
}

const PRESENCE_INTERVAL_MS = 5_000

export class Live {
  readonly #db: Database
  readonly #forum: Forum
  readonly #process: string
  readonly #timer: NodeJS.Timeout
  #online = 0
  #noting: Promise<void> | null = null
  #isClosed = false

  constructor(db: Database, forum: Forum, process: string) {
    this.#db = db
    this.#forum = forum
    this.#process = process
    this.#timer = setInterval(() => this.#notePresence(), PRESENCE_INTERVAL_MS)
  }

  /** What a page of one thread, or of all of them (null), is sent until `signal` is aborted. */
  async *follow(
    threadId: number | null,
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<LiveEvent, void> {
    this.#changeOnline(1)
    try {
      let cursor = after
      let counters = ''
      for await (const _ of this.#db.watch({ signal })) {
        for (const [postId, event] of this.#news(threadId, cursor)) {
          cursor = postId
          yield { ...event, id: String(postId) }
        }
        const now = JSON.stringify(this.#forum.counters() satisfies Counters)
        if (now !== counters) yield { event: 'counters', data: now }
        counters = now
      }
    } finally {
      this.#changeOnline(-1)
    }
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
  }

  #news(threadId: number | null, cursor: number): [postId: number, LiveEvent][] {
    if (threadId === null)
      return this.#forum
        .threadsAfter(cursor)
        .map((thread) => [thread.lastPostId, { event: 'thread', data: markup(threadItem(thread)) }])
    return this.#forum
      .postsAfter(threadId, cursor)
      .map((post) => [post.id, { event: 'post', data: markup(postItem(post)) }])
  }

  #changeOnline(by: number): void {
    this.#online += by
    this.#notePresence()
  }

  /** One note at a time; one that comes meanwhile is made after it. Notes are only good manners: what fails is said again soon. */
  #notePresence(): void {
    if (this.#noting !== null || this.#isClosed) return
    const online = this.#online
    this.#noting = this.#forum
      .notePresence(this.#process, online)
      .catch(() => {})
      .finally(() => {
        this.#noting = null
        if (online !== this.#online) this.#notePresence()
      })
  }
}

/** What the `html` tag gives is a string at once where nothing inside of it is a promise. */
function markup(html: Html): string {
  if (html instanceof Promise) throw new Error('A piece of a page must not wait for anything.')
  return html.toString()
}
