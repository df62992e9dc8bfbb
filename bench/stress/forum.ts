/** The forum that the users of the stress test read and write: its schema, and what a user does next. */

export const SCHEMA: readonly string[] = [
  'CREATE TABLE threads (id INTEGER PRIMARY KEY, title TEXT NOT NULL, posts INTEGER NOT NULL DEFAULT 0)',
  `CREATE TABLE posts (id INTEGER PRIMARY KEY, thread INTEGER NOT NULL REFERENCES threads, author INTEGER NOT NULL,
     body TEXT NOT NULL, token TEXT NOT NULL)`,
  'CREATE INDEX posts_by_thread ON posts (thread, id)',
  'CREATE INDEX posts_by_token ON posts (token)',
  `CREATE TRIGGER count_posts AFTER INSERT ON posts BEGIN
     UPDATE threads SET posts = posts + 1 WHERE id = NEW.thread; END`,
]

export const POSTS_PER_THREAD = 20
export const BODY = 'A post of the usual length: some eighty characters, as people write them every day.'

export type Operation = 'list' | 'thread' | 'post' | 'reply'

export const OPERATIONS: readonly Operation[] = ['list', 'thread', 'post', 'reply']

/** With `?` for parameters; PostgreSQL's `$1` is made of them. */
export const STATEMENTS: Readonly<Record<Operation, string>> = {
  list: 'SELECT id, title, posts FROM threads WHERE id <= ? ORDER BY id DESC LIMIT 20',
  thread: 'SELECT id, author, body FROM posts WHERE thread = ? ORDER BY id DESC LIMIT 10',
  post: 'SELECT thread, author, body FROM posts WHERE id = ?',
  reply: 'INSERT INTO posts (thread, author, body, token) VALUES (?, ?, ?, ?)',
}

export interface Act {
  readonly operation: Operation
  readonly values: readonly (string | number)[]
  /** Of a reply: what it is found by. */
  readonly token: string | null
}

/** Of 100 acts 5 are replies, 25 list threads, 40 read one, 30 read one post. Threads that are read most are the newest, as in any forum. */
export function nextAct(random: () => number, user: number, threads: number, token: () => string): Act {
  const chance = random()
  if (chance < 0.05) {
    const made = token()
    return { operation: 'reply', values: [threadOf(random, threads), user, BODY, made], token: made }
  }
  if (chance < 0.3) return read('list', threadOf(random, threads))
  if (chance < 0.7) return read('thread', threadOf(random, threads))
  return read('post', 1 + Math.floor(random() * threads * POSTS_PER_THREAD))
}

function read(operation: Operation, value: number): Act {
  return { operation, values: [value], token: null }
}

function threadOf(random: () => number, threads: number): number {
  return threads - Math.floor(threads * random() * random())
}
