/** Without a browser: many people post on all processes while one of them is killed. Whatever was acknowledged is there, once, on all of them. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import { RunningForum } from './testing/running-forum.ts'

const PEOPLE = 6
const POSTS_EACH = 15
const DEADLINE_MS = 240_000

let forum: RunningForum
before(async () => {
  forum = await RunningForum.start()
})
after(() => forum?.stop())

/** As a browser: signed in by a cookie, with a process that it prefers, and others for when that one is away. */
class Person {
  readonly #cookie: string
  #origin: string

  private constructor(origin: string, cookie: string) {
    this.#origin = origin
    this.#cookie = cookie
  }

  static async signUp(name: string, origin: string): Promise<Person> {
    // Where nobody knows whether the name is theirs already, people take another one.
    for (let attempt = 1; ; attempt++) {
      const fields = { name: `${name} - ${attempt}`, password: `the password of ${name}`, to: '/' }
      const response = await submit(origin, '/sign-up', fields)
      if (response.status >= 500 && attempt < 20) continue
      assert.equal(response.status, 303, await response.text())
      return new Person(origin, response.headers.get('set-cookie')?.split(';')[0] ?? '')
    }
  }

  /** Sends the form until somebody says what came of it, each time with the same key. */
  async send(path: string, fields: Record<string, string>): Promise<unknown> {
    const form = { ...fields, key: randomUUID() }
    const deadlineMs = performance.now() + DEADLINE_MS
    for (;;) {
      try {
        const response = await submit(this.#origin, path, form, this.#cookie)
        if (response.ok) return await response.json()
      } catch {
        this.#origin = forum.origins[(forum.origins.indexOf(this.#origin) + 1) % forum.origins.length] ?? ''
      }
      assert.ok(performance.now() < deadlineMs, `${path} got no answer`)
      await sleep(100)
    }
  }
}

function submit(
  origin: string,
  path: string,
  fields: Record<string, string>,
  cookie = '',
): Promise<Response> {
  return fetch(origin + path, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams(fields),
    headers: { origin, cookie, accept: 'application/json' },
    signal: AbortSignal.timeout(60_000),
  })
}

async function bodiesAt(origin: string, path: string): Promise<string[]> {
  const page = await (await fetch(origin + path)).text()
  return [...page.matchAll(/<p class="body">(.*?)<\/p>/g)].map(([, body]) => body ?? '')
}

/** What is acknowledged is everywhere soon; a process that has just started is catching up. */
async function untilAllAt(origin: string, path: string, expected: readonly string[]): Promise<string[]> {
  const deadlineMs = performance.now() + DEADLINE_MS
  for (;;) {
    const bodies = await bodiesAt(origin, path).catch((): string[] => [])
    if (expected.every((body) => bodies.includes(body)) || performance.now() > deadlineMs) return bodies
    await sleep(100)
  }
}

test('nothing that was acknowledged is lost or there twice when a process is killed', async () => {
  const people = await Promise.all(
    Array.from({ length: PEOPLE }, (_, at) => Person.signUp(`person ${at}`, forum.origins[at % 3] ?? '')),
  )
  const [starter] = people
  assert.ok(starter)
  const { path } = (await starter.send('/threads', { title: 'Many', body: 'first' })) as { path: string }
  const sent: string[] = ['first']
  const posting = people.map(async (person, who) => {
    for (let at = 0; at < POSTS_EACH; at++) {
      const body = `post ${at} of person ${who}`
      await person.send(`${path}/posts`, { body })
      sent.push(body)
    }
  })
  const victim = forum.origins[0] ?? ''
  while (sent.length < (PEOPLE * POSTS_EACH) / 3) await sleep(5)
  forum.kill(victim)
  await Promise.all(posting)
  await forum.ready(victim)
  for (const origin of forum.origins) {
    const bodies = await untilAllAt(origin, path, sent)
    assert.deepEqual(bodies.toSorted(), sent.toSorted(), origin)
  }
})
