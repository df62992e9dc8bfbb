/** The web application: routes of one process. */

import { randomUUID } from 'node:crypto'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Context } from 'hono'
import { Hono } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { csrf } from 'hono/csrf'
import { HTTPException } from 'hono/http-exception'
import { secureHeaders } from 'hono/secure-headers'
import { streamSSE } from 'hono/streaming'
import { type Accounts, Refused, SESSION_SECONDS, type User } from './accounts.ts'
import type { Forum } from './forum.ts'
import type { Live } from './live.ts'
import { accountPage, type Frame, indexPage, messagePage, threadPage } from './pages.ts'

export interface AppParts {
  readonly forum: Forum
  readonly accounts: Accounts
  readonly live: Live
  readonly processName: string
  /** Origins of the other processes. */
  readonly others: readonly string[]
  /** Aborted when the process ends: open streams end then. */
  readonly ending: AbortSignal
}

const COOKIE = 'forum_session'
/** Proxies and browsers take a silent connection for a dead one. */
const KEEP_ALIVE_INTERVAL_MS = 15_000

export function createApp(parts: AppParts): Hono {
  const app = new Hono()
  const others = [...parts.others]
  app.use(csrf())
  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'self'"], connectSrc: ["'self'", ...others] },
      crossOriginResourcePolicy: false,
      // Plain HTTP here: whoever puts TLS in front of it says so there.
      strictTransportSecurity: false,
    }),
  )
  addReading(app, parts)
  addAccounts(app, parts)
  addWriting(app, parts)
  app.use(serveStatic({ root: `${import.meta.dirname}/public` }))
  app.notFound((c) => c.html(messagePage(frameOf(c, parts), 'Not here', 'There is no such page.'), 404))
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse()
    const refused = error instanceof Refused
    if (!refused) process.stderr.write(`${parts.processName}: ${error.stack ?? error.message}\n`)
    const message = refused ? error.message : 'That did not work. Please try again in a moment.'
    const status = refused ? 422 : 503
    if (wantsJson(c)) return c.json({ problem: message }, status)
    return c.html(messagePage(frameOf(c, parts), 'Not done', message), status)
  })
  return app
}

function addReading(app: Hono, parts: AppParts): void {
  const { forum, live } = parts
  app.get('/', (c) => c.html(indexPage(frameOf(c, parts), forum)))
  app.get('/threads/:id{[0-9]+}', (c) => {
    const before = c.req.query('before')
    const id = Number(c.req.param('id'))
    const page = threadPage(frameOf(c, parts), forum, id, before === undefined ? null : Number(before))
    return page === null ? c.notFound() : c.html(page)
  })
  /** A page that lost its process asks the others whether they are there. */
  app.get('/alive', (c) => {
    const isEnding = parts.ending.aborted
    return c.text(isEnding ? 'no' : 'yes', isEnding ? 503 : 200, { 'access-control-allow-origin': '*' })
  })
  app.get('/live', (c) => {
    const thread = c.req.query('thread')
    const after = Number(c.req.header('last-event-id') ?? c.req.query('after') ?? 0)
    return streamSSE(c, async (stream) => {
      const gone = new AbortController()
      stream.onAbort(() => gone.abort())
      const signal = AbortSignal.any([gone.signal, parts.ending])
      const keepAlive = setInterval(() => void stream.write(': still here\n\n'), KEEP_ALIVE_INTERVAL_MS)
      const threadId = thread === undefined ? null : Number(thread)
      for await (const event of live.follow(threadId, after, signal)) await stream.writeSSE(event)
      clearInterval(keepAlive)
    })
  })
}

function addAccounts(app: Hono, parts: AppParts): void {
  const { accounts } = parts
  app.get('/account', (c) => c.html(accountPage(frameOf(c, parts, c.req.query('to')), null, '')))
  for (const [path, enter] of [
    ['/sign-up', (name: string, password: string) => accounts.signUp(name, password)],
    ['/sign-in', (name: string, password: string) => accounts.signIn(name, password)],
  ] as const) {
    app.post(path, async (c) => {
      const { name, password, to } = await fields(c)
      try {
        setCookie(c, COOKIE, await enter(name ?? '', password ?? ''), {
          httpOnly: true,
          sameSite: 'Lax',
          path: '/',
          maxAge: SESSION_SECONDS,
        })
        return c.redirect(localPath(to), 303)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        return c.html(accountPage(frameOf(c, parts, to), error.message, name ?? ''), 422)
      }
    })
  }
  app.post('/sign-out', async (c) => {
    const token = deleteCookie(c, COOKIE, { path: '/' })
    if (token !== undefined) await accounts.signOut(token)
    return c.redirect(localPath((await fields(c))['to']), 303)
  })
}

function addWriting(app: Hono, parts: AppParts): void {
  const { forum } = parts
  app.post('/threads', async (c) => {
    const { title = '', body = '', key } = await fields(c)
    const id = await forum.startThread(signedIn(c, parts), title, body, checkedKey(key))
    return wantsJson(c) ? c.json({ path: `/threads/${id}` }) : c.redirect(`/threads/${id}`, 303)
  })
  app.post('/threads/:id{[0-9]+}/posts', async (c) => {
    const { body = '', key } = await fields(c)
    const threadId = c.req.param('id')
    const id = await forum.reply(signedIn(c, parts), Number(threadId), body, checkedKey(key))
    const path = `/threads/${threadId}#post-${id}`
    return wantsJson(c) ? c.json({ post: id }) : c.redirect(path, 303)
  })
}

function userOf(c: Context, { accounts }: AppParts): User | null {
  return accounts.userOf(getCookie(c, COOKIE))
}

function signedIn(c: Context, parts: AppParts): User {
  const user = userOf(c, parts)
  if (user === null) throw new Refused('Sign in first.')
  return user
}

function frameOf(c: Context, parts: AppParts, to?: string): Frame {
  return {
    user: userOf(c, parts),
    processName: parts.processName,
    others: parts.others,
    path: to === undefined ? c.req.path : localPath(to),
    key: randomUUID(),
  }
}

async function fields(c: Context): Promise<Record<string, string | undefined>> {
  const body = await c.req.parseBody()
  return Object.fromEntries(Object.entries(body).filter(([, value]) => typeof value === 'string')) as Record<
    string,
    string
  >
}

function checkedKey(key: string | undefined): string {
  if (key !== undefined && /^[\w-]{8,64}$/.test(key)) return key
  throw new Refused('This form is not complete. Load the page again.')
}

function wantsJson(c: Context): boolean {
  return c.req.header('accept') === 'application/json'
}

/** A path of this site, never another site's. */
function localPath(path: string | undefined): string {
  return path !== undefined && /^\/(?![/\\])/.test(path) ? path : '/'
}
