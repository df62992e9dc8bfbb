/** The forum as its readers see it: real browsers on different processes, one of which is killed. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { findBrowser } from './testing/browser.ts'
import { RunningForum } from './testing/running-forum.ts'

const executablePath = findBrowser()
const WITH_BROWSER = {
  skip: executablePath === null && 'no Chromium on this machine: install one, or name it in FORUM_BROWSER',
}
const TIMEOUT_MS = 60_000
/** Where pictures of what the test sees go, for people; none without it. */
const SCREENSHOTS = process.env['FORUM_SCREENSHOTS']

async function newPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1000, height: 760 }, ...options })
  context.setDefaultTimeout(TIMEOUT_MS)
  return context.newPage()
}

async function screenshot(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS !== undefined) await page.screenshot({ path: `${SCREENSHOTS}/${name}.png` })
}

async function signUp(page: Page, name: string): Promise<void> {
  await page.getByRole('link', { name: 'Sign in' }).first().click()
  const form = page.locator('form[action="/sign-up"]')
  await form.getByLabel('Name').fill(name)
  await form.getByLabel('Password').fill(`the password of ${name}`)
  await form.getByRole('button').click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
}

async function startThread(page: Page, title: string, body: string): Promise<void> {
  await page.getByText('Start a thread').click()
  await page.getByLabel('Title').fill(title)
  await page.getByLabel('First post').fill(body)
  await page.getByRole('button', { name: 'Post thread' }).click()
  await page.waitForURL('**/threads/*')
}

async function reply(page: Page, body: string): Promise<void> {
  await page.getByLabel('Your reply').fill(body)
  await page.getByRole('button', { name: 'Post reply' }).click()
}

function post(page: Page, body: string): ReturnType<Page['locator']> {
  return page.locator('.post', { hasText: body })
}

async function isLive(page: Page): Promise<void> {
  await page.locator('.state[data-state="live"]').waitFor()
}

describe('a forum of three processes', WITH_BROWSER, () => {
  let forum: RunningForum
  let browser: Browser

  before(async () => {
    forum = await RunningForum.start()
    browser = await chromium.launch({
      ...(executablePath !== null && { executablePath }),
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    })
  })

  after(async () => {
    await browser?.close()
    await forum?.stop()
  })

  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
    await Promise.all(forum.origins.map((origin) => forum.ready(origin)))
  })

  test('what people write is text, never markup; what is wrong is told', async () => {
    const [first = ''] = forum.origins
    const page = await newPage(browser)
    await page.goto(first)
    await signUp(page, 'Mallory')
    const markup = '<img src=x onerror="document.title=1"><b>bold</b> & "quoted"'
    await startThread(page, markup, markup)
    await isLive(page)
    await reply(page, `Live: ${markup}`)
    await post(page, `Live: ${markup}`).waitFor()
    assert.equal(await page.locator('.post img, .post .body b').count(), 0)
    await reply(page, '   ')
    await page.getByText('The post is empty.').waitFor()
    const { status } = (await page.evaluate(
      "fetch('/threads/1/posts', { method: 'POST', body: new URLSearchParams({ body: 'x', key: 'no' }) }).then(({ status }) => ({ status }))",
    )) as { status: number }
    assert.equal(status, 422)
    const foreign = await fetch(`${first}/threads/1/posts`, {
      method: 'POST',
      headers: { origin: 'http://elsewhere.example', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'body=x',
    })
    assert.equal(foreign.status, 403)
  })

  test('the pages fit a phone, in light and in dark', async () => {
    const [first = ''] = forum.origins
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await newPage(browser, { colorScheme, viewport: { width: 375, height: 720 } })
      await page.goto(first)
      await screenshot(page, `phone-empty-${colorScheme}`)
      await page.getByRole('link', { name: 'Sign in' }).first().click()
      await screenshot(page, `phone-account-${colorScheme}`)
      await page.goto(first)
      await signUp(page, `A very long name in ${colorScheme}`.slice(0, 24))
      await startThread(
        page,
        `${'Unbreakable'.repeat(8)} and some more words, up to the end`,
        `A long first post. ${'It goes on. '.repeat(20)}\n\n${'x'.repeat(200)}`,
      )
      await reply(page, 'A short answer.')
      await post(page, 'A short answer.').waitFor()
      for (const path of [new URL(page.url()).pathname, '/', '/account']) {
        await page.goto(first + path)
        await screenshot(page, `phone-${path.replaceAll('/', '-')}-${colorScheme}`)
        const width = await page.evaluate('document.documentElement.scrollWidth')
        assert.ok(Number(width) <= 375, `${path} is ${width} pixels wide`)
      }
    }
  })

  test('a post that is on its way when its process dies arrives, and arrives once', async () => {
    const [first = '', second = ''] = forum.origins
    const [ada, bob] = [await newPage(browser), await newPage(browser)]
    await ada.goto(first)
    await signUp(ada, 'Ada')
    await startThread(ada, 'Exactly once', 'Before.')
    await bob.goto(second + new URL(ada.url()).pathname)
    await isLive(bob)
    // The process does it, and dies before the browser hears of it.
    await ada.route(
      '**/posts',
      async (route) => {
        await route.fetch()
        forum.kill(first)
        await route.abort('connectionreset')
      },
      { times: 1 },
    )
    await reply(ada, 'Did you get this?')
    await ada.waitForURL((url) => url.origin !== first)
    await post(ada, 'Did you get this?').waitFor()
    await isLive(ada)
    await ada.locator('button:enabled', { hasText: 'Post reply' }).waitFor()
    await reply(ada, 'And this?')
    await post(bob, 'And this?').waitFor()
    assert.deepEqual(await bob.locator('.post .body').allTextContents(), [
      'Before.',
      'Did you get this?',
      'And this?',
    ])
  })

  test('two browsers on two processes see each other at once; one process is killed; nothing is lost', async () => {
    const [first = '', second = ''] = forum.origins
    const [ada, bob] = [await newPage(browser), await newPage(browser)]

    // Bob watches the list of threads on the second process; Ada starts one on the first.
    await bob.goto(second)
    await signUp(bob, 'Bob')
    await isLive(bob)
    await ada.goto(first)
    await signUp(ada, 'Ada Lovelace')
    await startThread(ada, 'Does it survive?', 'I will find out.')
    await bob.getByRole('link', { name: 'Does it survive?' }).click()

    // Each post is on the other's screen without a reload.
    await isLive(ada)
    await isLive(bob)
    await reply(bob, 'I am on the other process.')
    await post(ada, 'I am on the other process.').waitFor()
    await reply(ada, 'And I can read you.')
    await post(bob, 'And I can read you.').waitFor()
    await screenshot(bob, 'thread')

    // Ada's process dies while she is typing.
    await ada.getByLabel('Your reply').fill('This was half written')
    forum.kill(first)
    await ada.waitForURL((url) => url.origin !== first)
    await ada.getByText('nothing was lost').waitFor()
    await screenshot(ada, 'moved')
    assert.equal(await ada.getByLabel('Your reply').inputValue(), 'This was half written')
    assert.ok(
      await ada.getByText('Ada Lovelace', { exact: true }).first().isVisible(),
      'she is still signed in',
    )
    await isLive(ada)
    await ada.getByRole('button', { name: 'Post reply' }).click()
    await post(bob, 'This was half written').waitFor()
    assert.equal(await post(ada, 'This was half written').count(), 1)

    // The process that died is started again, and has everything that was written meanwhile.
    await forum.ready(first)
    const path = new URL(bob.url()).pathname
    await bob.goto(first + path)
    assert.deepEqual(await bob.locator('.post .body').allTextContents(), [
      'I will find out.',
      'I am on the other process.',
      'And I can read you.',
      'This was half written',
    ])
  })
})
