/** One process of the forum: a member of the database's cluster, and a web server on top of it. Three of them are a forum that survives any one. */

import type { Server as HttpServer } from 'node:http'
import { serve } from '@hono/node-server'
import { open } from 'harmonydb'
import { Accounts } from './accounts.ts'
import { createApp } from './app.ts'
import { Forum } from './forum.ts'
import { Live } from './live.ts'
import { createTables } from './schema.ts'

const CLOSE_TIMEOUT_MS = 1_000

function variable(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '')
    throw new Error(`The environment variable ${name} is missing: see README.md.`)
  return value
}

const processName = variable('FORUM_NAME')
const [hostname = '', port] = variable('FORUM_WEB').split(':')
const ending = new AbortController()

const db = await open(variable('FORUM_DATA'), {
  name: processName,
  listen: variable('FORUM_LISTEN'),
  peers: variable('FORUM_PEERS').split(','),
  secret: variable('FORUM_SECRET'),
})
await createTables(db)

const forum = new Forum(db)
const live = new Live(db, forum, processName)
const app = createApp({
  forum,
  live,
  accounts: new Accounts(db),
  processName,
  others: (process.env['FORUM_OTHERS'] ?? '').split(',').filter((origin) => origin !== ''),
  ending: ending.signal,
})
const server = serve({ fetch: app.fetch, hostname, port: Number(port) }, () => {
  process.stdout.write(`${processName} (process ${process.pid}) is ready: http://${hostname}:${port}\n`)
})

async function stop(): Promise<void> {
  ending.abort()
  const closed = new Promise((resolve) => server.close(resolve))
  // Browsers that ask again and again would keep their connections open.
  const timer = setTimeout(() => (server as HttpServer).closeAllConnections(), CLOSE_TIMEOUT_MS)
  await closed
  clearTimeout(timer)
  live.close()
  await db.close()
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop())
