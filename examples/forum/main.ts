/** One process of the forum: a member of the database's cluster, and a web server on top of it. Three of them are a forum that survives any one. */

import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'
import { type HarmonyDB, open } from 'harmonydb'
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

async function main(): Promise<void> {
  const processName = variable('FORUM_NAME')
  const db = await open(variable('FORUM_DATA'), {
    name: processName,
    listen: variable('FORUM_LISTEN'),
    peers: variable('FORUM_PEERS').split(','),
    secret: variable('FORUM_SECRET'),
  })
  await createTables(db)
  const forum = new Forum(db)
  const live = new Live(db, forum, processName)
  const ending = new AbortController()
  const others = (process.env['FORUM_OTHERS'] ?? '').split(',').filter((origin) => origin !== '')
  const accounts = new Accounts(db)
  const app = createApp({ forum, live, accounts, processName, others, ending: ending.signal })
  const web = variable('FORUM_WEB')
  const server = await listen(app, web)
  process.stdout.write(`${processName} (process ${process.pid}) is ready: http://${web}\n`)
  stopOnSignal(async () => {
    ending.abort()
    live.close()
    await closeAll(server, db)
  })
}

async function listen(app: Hono, web: string): Promise<HttpServer> {
  const [hostname, port] = web.split(':')
  const server = createAdaptorServer({ fetch: app.fetch }) as HttpServer
  server.listen(Number(port), hostname)
  await once(server, 'listening')
  return server
}

async function closeAll(server: HttpServer, db: HarmonyDB): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  // Browsers that ask again and again would keep their connections open.
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS)
  await closed
  clearTimeout(timer)
  await db.close()
}

/** Ctrl-C comes twice, from the terminal and from whoever started this process. */
function stopOnSignal(stop: () => Promise<void>): void {
  let stopping: Promise<void> | null = null
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void (stopping ??= stop()))
}

try {
  await main()
} catch (error) {
  process.stderr.write(
    `${process.env['FORUM_NAME'] ?? 'forum'} could not start: ${(error as Error).message}\n`,
  )
  process.exit(1)
}
