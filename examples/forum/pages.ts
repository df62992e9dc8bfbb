/** The pages, as HTML from the server; what is sent to open pages is made of the same pieces. Every value is escaped by the `html` tag. */

import { html } from 'hono/html'
import { NAME_LENGTH_MAX, PASSWORD_LENGTH_MIN, type User } from './accounts.ts'
import {
  BODY_LENGTH_MAX,
  TITLE_LENGTH_MAX,
  type Counters,
  type Forum,
  type Post,
  type Thread,
} from './forum.ts'

export type Html = ReturnType<typeof html>

/** What every page shows around its own content. */
export interface Frame {
  readonly user: User | null
  /** Of the process that serves the page. */
  readonly processName: string
  /** Origins of the other processes. */
  readonly others: readonly string[]
  /** Path to return to after signing in or out. */
  readonly path: string
  /** A new one for every page: what is sent twice from one page counts once. */
  readonly key: string
}

interface Content {
  readonly title: string
  readonly body: Html
  /** URL of the page's live events; null for a page that has none. */
  readonly live: string | null
}

export function indexPage(frame: Frame, forum: Forum): Html {
  return forum.atOneMoment(() => {
    const threads = forum.newestThreads()
    const body = html`
      <section class="intro">
        <h1>What shall we talk about?</h1>
        ${counters(forum.counters())}
      </section>
      ${frame.user === null ? invitation(frame, 'to start a thread') : newThreadForm(frame.key)}
      <ol class="threads" data-list="thread">
        ${threads.map(threadItem)}
      </ol>
      <p class="empty">Nothing here yet. The first thread is yours.</p>
    `
    return page(frame, { title: 'Harmony Forum', body, live: `/live?after=${threads[0]?.lastPostId ?? 0}` })
  })
}

/** Null if there is no such thread. `before`: show what came before this post. */
export function threadPage(frame: Frame, forum: Forum, threadId: number, before: number | null): Html | null {
  return forum.atOneMoment(() => {
    const thread = forum.thread(threadId)
    if (thread === null) return null
    const posts = forum.postsBefore(threadId, before ?? Number.MAX_SAFE_INTEGER)
    const earlier = posts[0] === undefined ? 0 : forum.postsBefore(threadId, posts[0].id).length
    const isNewest = before === null
    const body = html`
      <nav class="crumbs"><a href="/">All threads</a></nav>
      <section class="intro">
        <h1>${thread.title}</h1>
        <p class="meta">
          Started by ${thread.author} ${time(thread.createdAt)} ·
          <b data-count="online">${forum.counters().online}</b>
          online
        </p>
      </section>
      ${earlier > 0 ? html`<p class="earlier"><a href="?before=${posts[0]?.id}">Earlier posts</a></p>` : ''}
      <ol class="posts" data-list="post">
        ${posts.map(postItem)}
      </ol>
      ${!isNewest ? html`<p class="earlier"><a href="/threads/${threadId}">Newest posts</a></p>` : ''}
      ${frame.user === null ? invitation(frame, 'to reply') : replyForm(threadId, frame.key)}
    `
    const live = isNewest ? `/live?thread=${threadId}&after=${posts.at(-1)?.id ?? 0}` : null
    return page(frame, { title: thread.title, body, live })
  })
}

export function accountPage(frame: Frame, problem: string | null, name: string): Html {
  const body = html`
    <div class="accounts">
      ${problem === null ? '' : html`<p class="problem" role="alert">${problem}</p>`}
      <form class="card" method="post" action="/sign-up">
        <h2>New here</h2>
        ${accountFields(frame.path, name, 'new-password')}
        <button class="primary">Sign up</button>
      </form>
      <form class="card" method="post" action="/sign-in">
        <h2>Welcome back</h2>
        ${accountFields(frame.path, name, 'current-password')}
        <button>Sign in</button>
      </form>
    </div>
  `
  return page(frame, { title: 'Sign in', body, live: null })
}

export function messagePage(frame: Frame, title: string, message: string): Html {
  const body = html`<section class="intro">
    <h1>${title}</h1>
    <p>${message}</p>
    <p><a href="/">All threads</a></p>
  </section>`
  return page(frame, { title, body, live: null })
}

export function threadItem(thread: Thread): Html {
  const replies = thread.postCount - 1
  return html`<li class="card thread" id="thread-${thread.id}">
    ${avatar(thread.author)}
    <div>
      <h2><a href="/threads/${thread.id}">${thread.title}</a></h2>
      <p class="meta">
        ${replies === 0 ? html`Started by ${thread.author}` : html`${thread.author} · last by ${thread.lastAuthor}`}
        ${time(thread.lastPostAt)}
      </p>
    </div>
    <span class="badge" title="${replies} ${replies === 1 ? 'reply' : 'replies'}">${replies}</span>
  </li>`
}

export function postItem(post: Post): Html {
  return html`<li class="card post" id="post-${post.id}">
    ${avatar(post.author)}
    <div>
      <p class="meta"><b>${post.author}</b> ${time(post.createdAt)}</p>
      <p class="body">${post.body}</p>
    </div>
  </li>`
}

function page(frame: Frame, { title, body, live }: Content): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="/forum.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/forum.css" />
        <script src="/forum.js" type="module"></script>
      </head>
      <body data-others="${frame.others.join(' ')}" data-live="${live}" data-process="${frame.processName}">
        ${header(frame)}
        <p class="notice" role="status" hidden></p>
        <main>${body}</main>
        ${footer(frame)}
      </body>
    </html>`
}

function header({ user, processName, path }: Frame): Html {
  const account =
    user === null
      ? html`<a class="button" href="/account?to=${encodeURIComponent(path)}">Sign in</a>`
      : html`<form method="post" action="/sign-out" class="who">
          ${avatar(user.name)}<b>${user.name}</b>
          <input type="hidden" name="to" value="${path}" />
          <button class="quiet">Sign out</button>
        </form>`
  return html`<header>
    <a class="brand" href="/"
      ><img src="/forum.svg" alt="" width="28" height="28" /><span
        ><span class="wide">Harmony </span>Forum</span
      ></a
    >
    <span class="state" data-state="off" title="The process that serves this page">${processName}</span>
    ${account}
  </header>`
}

function footer({ processName, others }: Frame): Html {
  const links = others.map((origin) => html`<a href="${origin}">${new URL(origin).host}</a>`)
  const [first, ...more] = links
  return html`<footer>
    This is ${processName}.
    ${first === undefined ? '' : html`The same forum is at ${first}${more.map((link) => html` and ${link}`)}.`}
    Stop any one of them: nothing is lost.
  </footer>`
}

function counters({ threads, posts, members, online }: Counters): Html {
  return html`<dl class="counters">
    ${Object.entries({ threads, posts, members, online }).map(
      ([name, value]) =>
        html`<div>
          <dd data-count="${name}">${value}</dd>
          <dt>${name}</dt>
        </div>`,
    )}
  </dl>`
}

function newThreadForm(key: string): Html {
  return html`<details class="card compose">
    <summary>Start a thread</summary>
    <form method="post" action="/threads" data-send="thread">
      <input type="hidden" name="key" value="${key}" />
      <label>Title <input name="title" required maxlength="${TITLE_LENGTH_MAX}" autocomplete="off" /></label>
      <label
        >First post <textarea name="body" rows="4" required maxlength="${BODY_LENGTH_MAX}"></textarea>
      </label>
      <button class="primary">Post thread</button>
    </form>
  </details>`
}

function replyForm(threadId: number, key: string): Html {
  return html`<form class="card compose" method="post" action="/threads/${threadId}/posts" data-send="reply">
    <input type="hidden" name="key" value="${key}" />
    <label
      >Your reply <textarea name="body" rows="3" required maxlength="${BODY_LENGTH_MAX}"></textarea>
    </label>
    <button class="primary">Post reply</button>
  </form>`
}

function invitation({ path }: Frame, what: string): Html {
  return html`<p class="card invitation">
    <a class="button primary" href="/account?to=${encodeURIComponent(path)}">Sign in</a>
    <span>or sign up ${what}. It takes a name and a password.</span>
  </p>`
}

function accountFields(path: string, name: string, autocomplete: string): Html {
  return html`<input type="hidden" name="to" value="${path}" />
    <label>
      Name
      <input name="name" value="${name}" required maxlength="${NAME_LENGTH_MAX}" autocomplete="username" />
    </label>
    <label>
      Password
      <input
        name="password"
        type="password"
        required
        minlength="${PASSWORD_LENGTH_MIN}"
        autocomplete="${autocomplete}"
      />
    </label>`
}

/** The script shows it as the time that has passed. */
function time(seconds: number): Html {
  const date = new Date(seconds * 1000).toISOString()
  return html`<time datetime="${date}">${date.slice(0, 16).replace('T', ' ')}</time>`
}

/** A disc with the first letter, in a colour of its own for every name. */
function avatar(name: string): Html {
  const letters = Array.from(name.toLowerCase())
  const hue = letters.reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7)
  return html`<svg class="avatar" viewBox="0 0 40 40" aria-hidden="true">
    <circle cx="20" cy="20" r="20" fill="hsl(${hue} 45% 42%)" />
    <text x="20" y="26" text-anchor="middle" fill="#fff" font-size="17" font-weight="600">
      ${letters[0]?.toUpperCase()}
    </text>
  </svg>`
}
