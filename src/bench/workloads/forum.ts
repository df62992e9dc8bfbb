/**
 * A forum's trace: 95% reads (front pages, pages of threads, profiles), 5% writes (posts, new threads, likes) with the counters that a forum keeps beside
 * them. Popular threads are the latest ones.
 */

import { Zipfian } from '../distributions.ts'
import type { LoadRandom } from '../random.ts'
import type { SqlConnection } from '../target.ts'
import type { SqlWorkload } from '../workload.ts'
import { countedKey, insertAll, recreate, scalar } from './rows.ts'

const USERS = 1_000
const THREADS = 500
const POSTS_OF_THREAD = 20
const PAGE = 20
const POST = 'It survives machines, and one can look into it with any tool. '.repeat(4)

/** Per mille. */
const ACTIONS: readonly { readonly upTo: number; readonly act: Act }[] = [
  { upTo: 250, act: readFrontPage },
  { upTo: 850, act: readThread },
  { upTo: 950, act: readProfile },
  { upTo: 980, act: writePost },
  { upTo: 985, act: startThread },
  { upTo: 1000, act: like },
]

interface Forum {
  readonly users: number
  readonly popularity: Zipfian
  /** Ids of the threads, oldest first. */
  readonly threads: number[]
}

type Act = (connection: SqlConnection, forum: Forum, random: LoadRandom) => Promise<void>

function someThread(forum: Forum, random: LoadRandom): number {
  return forum.threads.at(-1 - forum.popularity.rank(random)) ?? 1
}

async function readFrontPage(connection: SqlConnection): Promise<void> {
  const rows = await connection.execute(
    `SELECT t.id, t.title, t.posts, t.last_post, u.name FROM thread t JOIN member u ON u.id = t.author
     ORDER BY t.last_post DESC LIMIT ${PAGE}`,
  )
  if (rows.length !== PAGE) throw new Error(`The front page has ${rows.length} threads`)
}

async function readThread(connection: SqlConnection, forum: Forum, random: LoadRandom): Promise<void> {
  const thread = someThread(forum, random)
  const found = await connection.execute('SELECT title, posts FROM thread WHERE id = ?', [thread])
  const posts = await connection.execute(
    `SELECT p.id, p.text, p.likes, u.name, u.posts FROM post p JOIN member u ON u.id = p.author
     WHERE p.thread = ? ORDER BY p.id LIMIT ${PAGE}`,
    [thread],
  )
  if (found.length !== 1 || posts.length === 0) throw new Error(`Thread ${thread} is not there`)
}

async function readProfile(connection: SqlConnection, forum: Forum, random: LoadRandom): Promise<void> {
  const user = random.between(1, forum.users)
  const rows = await connection.execute('SELECT name, posts FROM member WHERE id = ?', [user])
  if (rows.length !== 1) throw new Error(`User ${user} is not there`)
}

async function writePost(connection: SqlConnection, forum: Forum, random: LoadRandom): Promise<void> {
  const [thread, user] = [someThread(forum, random), random.between(1, forum.users)]
  await connection.transaction(async (transaction) => {
    await transaction.execute('INSERT INTO post (thread, author, text, likes) VALUES (?, ?, ?, 0)', [
      thread,
      user,
      POST,
    ])
    await transaction.execute('UPDATE thread SET posts = posts + 1, last_post = ? WHERE id = ?', [
      Date.now(),
      thread,
    ])
    await transaction.execute('UPDATE member SET posts = posts + 1 WHERE id = ?', [user])
  })
}

async function startThread(connection: SqlConnection, forum: Forum, random: LoadRandom): Promise<void> {
  const user = random.between(1, forum.users)
  const id = await connection.transaction(async (transaction) => {
    const [row] = await transaction.execute(
      'INSERT INTO thread (title, author, posts, last_post) VALUES (?, ?, 1, ?) RETURNING id',
      [`A thread of user ${user}`, user, Date.now()],
    )
    const thread = Number(row?.[0])
    await transaction.execute('INSERT INTO post (thread, author, text, likes) VALUES (?, ?, ?, 0)', [
      thread,
      user,
      POST,
    ])
    await transaction.execute('UPDATE member SET posts = posts + 1 WHERE id = ?', [user])
    return thread
  })
  forum.threads.push(id)
}

async function like(connection: SqlConnection, forum: Forum, random: LoadRandom): Promise<void> {
  const post = random.between(1, THREADS * POSTS_OF_THREAD)
  await connection.execute('UPDATE post SET likes = likes + 1 WHERE id = ?', [post])
}

function list<T>(length: number, make: (at: number) => T): T[] {
  return Array.from({ length }, (_, at) => make(at))
}

async function load(connection: SqlConnection, scale: number): Promise<void> {
  const key = countedKey(connection.dialect)
  const [users, threads] = [USERS * scale, THREADS * scale]
  await recreate(
    connection,
    {
      member: `id ${key}, name TEXT NOT NULL, posts INTEGER NOT NULL`,
      thread: `id ${key}, title TEXT NOT NULL, author INTEGER NOT NULL, posts INTEGER NOT NULL, last_post BIGINT NOT NULL`,
      post: `id ${key}, thread INTEGER NOT NULL, author INTEGER NOT NULL, text TEXT NOT NULL, likes INTEGER NOT NULL`,
    },
    ['CREATE INDEX thread_last_post ON thread (last_post)', 'CREATE INDEX post_thread ON post (thread, id)'],
  )
  const authorOf = (post: number): number => 1 + (post % users)
  const postsOf = (user: number): number =>
    Math.floor((threads * POSTS_OF_THREAD - ((user - 1) % users) + users - 1) / users)
  await insertAll(
    connection,
    'member',
    ['name', 'posts'],
    list(users, (at) => [`user ${at + 1}`, postsOf(at + 1)]),
  )
  await insertAll(
    connection,
    'thread',
    ['title', 'author', 'posts', 'last_post'],
    list(threads, (at) => [`Thread ${at + 1}`, 1 + (at % users), POSTS_OF_THREAD, at]),
  )
  await insertAll(
    connection,
    'post',
    ['thread', 'author', 'text', 'likes'],
    list(threads * POSTS_OF_THREAD, (at) => [1 + Math.floor(at / POSTS_OF_THREAD), authorOf(at), POST, 0]),
  )
}

async function check(connection: SqlConnection): Promise<readonly string[]> {
  const wrong: string[] = []
  const threads = await scalar(
    connection,
    'SELECT count(*) FROM thread t WHERE t.posts <> (SELECT count(*) FROM post p WHERE p.thread = t.id)',
  )
  if (threads > 0) wrong.push(`${threads} threads count their posts wrongly`)
  const users = await scalar(connection, 'SELECT sum(posts) FROM member')
  const posts = await scalar(connection, 'SELECT count(*) FROM post')
  if (users !== posts) wrong.push(`the users' counters say ${users} posts, and there are ${posts}`)
  return wrong
}

export const FORUM: SqlWorkload = {
  name: 'forum',
  title: 'Forum',
  summary:
    '95% reads of front pages, threads and profiles, 5% posts, threads and likes. Afterwards: all counters agree with the posts.',
  needs: 'sql',
  load,
  begin: async (connection, scale) => {
    const threads = (await connection.execute('SELECT id FROM thread ORDER BY id')).map(([id]) => Number(id))
    const forum: Forum = { users: USERS * scale, threads, popularity: new Zipfian(THREADS * scale) }
    return (connection, random) => {
      const dice = random.integer(1000)
      const { act } = ACTIONS.find(({ upTo }) => dice < upTo) ?? { act: readThread }
      return act(connection, forum, random)
    }
  },
  check,
}
