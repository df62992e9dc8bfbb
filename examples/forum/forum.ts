/** Threads and posts: reads are synchronous and local, writes are durable on a majority of the processes before they resolve. */

import type { Database, Statement } from 'harmonydb'
import { Refused, type User } from './accounts.ts'
import { sureWrite } from './sure-write.ts'

export interface Thread {
  readonly id: number
  readonly title: string
  readonly author: string
  readonly createdAt: number
  readonly postCount: number
  readonly lastPostId: number
  readonly lastAuthor: string
  readonly lastPostAt: number
}

export interface Post {
  readonly id: number
  readonly threadId: number
  readonly author: string
  readonly body: string
  readonly createdAt: number
}

export interface Counters {
  readonly threads: number
  readonly posts: number
  readonly members: number
  readonly online: number
}

export const TITLE_LENGTH_MAX = 120
export const BODY_LENGTH_MAX = 8_000
const THREADS_SHOWN = 50
const POSTS_SHOWN = 100
/** A process that has said nothing for so long is gone, and its readers with it. */
const PRESENCE_SECONDS = 12

const SELECT_THREAD = `
  SELECT threads.id, title, starter.name AS author, threads.created_at AS createdAt, post_count AS postCount,
         last_post_id AS lastPostId, last.name AS lastAuthor, posts.created_at AS lastPostAt
    FROM threads
    JOIN users AS starter ON starter.id = threads.author_id
    JOIN posts ON posts.id = last_post_id
    JOIN users AS last ON last.id = posts.author_id`

const SELECT_POST = `
  SELECT posts.id, thread_id AS threadId, users.name AS author, body, posts.created_at AS createdAt
    FROM posts JOIN users ON users.id = author_id`

export class Forum {
  readonly #db: Database
  readonly #newestThreads: Statement<Thread>
  readonly #threadsAfter: Statement<Thread>
  readonly #thread: Statement<Thread>
  readonly #postsBefore: Statement<Post>
  readonly #postsAfter: Statement<Post>
  readonly #counters: Statement<Counters>

  constructor(db: Database) {
    this.#db = db
    this.#newestThreads = db.prepare(`${SELECT_THREAD} ORDER BY last_post_id DESC LIMIT ${THREADS_SHOWN}`)
    this.#threadsAfter = db.prepare(`${SELECT_THREAD} WHERE last_post_id > ? ORDER BY last_post_id`)
    this.#thread = db.prepare(`${SELECT_THREAD} WHERE threads.id = ?`)
    this.#postsBefore = db.prepare(
      `${SELECT_POST} WHERE thread_id = ? AND posts.id < ? ORDER BY posts.id DESC LIMIT ${POSTS_SHOWN}`,
    )
    this.#postsAfter = db.prepare(`${SELECT_POST} WHERE thread_id = ? AND posts.id > ? ORDER BY posts.id`)
    this.#counters = db.prepare(`
      SELECT (SELECT count(*) FROM threads) AS threads,
             (SELECT coalesce(sum(post_count), 0) FROM threads) AS posts,
             (SELECT count(*) FROM users) AS members,
             (SELECT coalesce(sum(online), 0) FROM presence WHERE seen_at > unixepoch() - ${PRESENCE_SECONDS}) AS online`)
  }

  /** Those with the newest posts, newest first. */
  newestThreads(): Thread[] {
    return this.#newestThreads.all()
  }

  /** Those with a post after this one, the newest last. */
  threadsAfter(postId: number): Thread[] {
    return this.#threadsAfter.all(postId)
  }

  thread(id: number): Thread | null {
    return this.#thread.get(id) ?? null
  }

  /** The last posts of a thread before this one, oldest first. */
  postsBefore(threadId: number, postId: number): Post[] {
    return this.#postsBefore.all(threadId, postId).toReversed()
  }

  postsAfter(threadId: number, postId: number): Post[] {
    return this.#postsAfter.all(threadId, postId)
  }

  counters(): Counters {
    return this.#counters.get() as Counters
  }

  /** Everything that is read inside is of one moment. */
  atOneMoment<T>(read: () => T): T {
    return this.#db.snapshot(read)
  }

  /** The new thread's number. `key` makes a second try of the same request harmless. Rejects with Refused. */
  async startThread(author: User, title: string, body: string, key: string): Promise<number> {
    const [thread] = await sureWrite(() =>
      this.#db.batch(
        [
          {
            sql: 'INSERT INTO threads (title, author_id) VALUES (?, ?)',
            parameters: [checked('title', title, TITLE_LENGTH_MAX), author.id],
          },
          {
            sql: 'INSERT INTO posts (thread_id, author_id, body) VALUES (last_insert_rowid(), ?, ?)',
            parameters: [author.id, checked('post', body, BODY_LENGTH_MAX)],
          },
        ],
        { idempotencyKey: `thread ${author.id} ${key}` },
      ),
    )
    return Number(thread?.lastInsertRowid)
  }

  /** The new post's number. `key` makes a second try of the same request harmless. Rejects with Refused. */
  async reply(author: User, threadId: number, body: string, key: string): Promise<number> {
    const insert =
      'INSERT INTO posts (thread_id, author_id, body) SELECT id, ?, ? FROM threads WHERE id = ? RETURNING id'
    const text = checked('post', body, BODY_LENGTH_MAX)
    const { rows } = await sureWrite(() =>
      this.#db.execute<{ id: number }>(insert, [author.id, text, threadId], {
        idempotencyKey: `reply ${author.id} ${key}`,
      }),
    )
    const [row] = rows
    if (row === undefined) throw new Refused('There is no such thread.')
    return row.id
  }

  async notePresence(process: string, online: number): Promise<void> {
    const upsert =
      'INSERT INTO presence (process, online) VALUES (?, ?) ON CONFLICT DO UPDATE SET online = excluded.online, seen_at = unixepoch()'
    await this.#db.execute(upsert, [process, online])
  }
}

function checked(what: string, text: string, lengthMax: number): string {
  const trimmed = text.trim()
  if (trimmed === '') throw new Refused(`The ${what} is empty.`)
  if (trimmed.length > lengthMax)
    throw new Refused(`The ${what} has ${trimmed.length} characters; ${lengthMax} are allowed.`)
  return trimmed
}
