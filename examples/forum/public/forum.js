/**
 * Keeps an open page alive: adds what others write, and when the page's process goes away, moves on to another one with everything
 * that was typed. Without this script the forum still works, by reloading.
 */

const { others, live, process: processName } = document.body.dataset
const origins = [location.origin, ...(others ? others.split(' ') : [])]
const state = document.querySelector('.state')
const ALIVE_TIMEOUT_MS = 1000
const ROUND_PAUSE_MS = 400

// Live events

let events = null
let isMoving = false

function connect() {
  if (!live) return
  const cursor = document.body.dataset.cursor
  const url = new URL(live, location.origin)
  if (cursor) url.searchParams.set('after', cursor)
  events = new EventSource(url)
  events.addEventListener('open', () => (state.dataset.state = 'live'))
  events.addEventListener('error', () => void moveOn())
  for (const kind of ['post', 'thread'])
    events.addEventListener(kind, ({ data, lastEventId }) => {
      document.body.dataset.cursor = lastEventId
      add(kind, data)
    })
  events.addEventListener('counters', ({ data }) => {
    for (const [name, value] of Object.entries(JSON.parse(data)))
      for (const element of document.querySelectorAll(`[data-count="${name}"]`)) element.textContent = value
  })
}

/** Threads with news come first, posts last. What is here already is replaced. */
function add(kind, markup) {
  const list = document.querySelector(`[data-list="${kind}"]`)
  const template = document.createElement('template')
  template.innerHTML = markup
  const item = template.content.firstElementChild
  document.getElementById(item.id)?.remove()
  item.classList.add('is-new')
  if (kind === 'thread') list.prepend(item)
  else list.append(item)
  showTimes()
  if (kind === 'post' && item.getBoundingClientRect().bottom > innerHeight) offerJump(item)
}

function offerJump(item) {
  document.querySelector('.jump')?.remove()
  const button = Object.assign(document.createElement('button'), {
    className: 'primary jump',
    textContent: 'New post ↓',
  })
  button.addEventListener('click', () => {
    item.scrollIntoView({ block: 'center', behavior: 'smooth' })
    button.remove()
  })
  document.body.append(button)
  // Whoever scrolls there needs it no more.
  const seen = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return
    button.remove()
    seen.disconnect()
  })
  seen.observe(item)
}

// Moving on to another process

async function isAlive(origin) {
  try {
    return (await fetch(`${origin}/alive`, { signal: AbortSignal.timeout(ALIVE_TIMEOUT_MS) })).ok
  } catch {
    return false
  }
}

/** The own process first: it may only have been slow. `unsent`: a form that was on its way. */
async function moveOn(unsent) {
  if (isMoving) return
  isMoving = true
  events?.close()
  state.dataset.state = 'lost'
  for (;;) {
    for (const origin of origins) {
      if (!(await isAlive(origin))) continue
      if (origin !== location.origin) return goTo(origin, unsent)
      isMoving = false
      connect()
      if (unsent) void send(unsent)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, ROUND_PAUSE_MS))
  }
}

function goTo(origin, unsent) {
  const forms = [...document.querySelectorAll('form[data-send]')].map((form) => ({
    name: form.dataset.send,
    fields: Object.fromEntries(new FormData(form)),
    isOpen: form.closest('details')?.open ?? true,
    isSent: form === unsent,
  }))
  const luggage = encodeURIComponent(JSON.stringify({ from: processName, forms, scrollY }))
  location.replace(`${origin}${location.pathname}${location.search}#moved=${luggage}`)
}

/** After a move: what was typed is there again, and what was on its way is sent, with the key that makes it count once. */
function unpack() {
  const [, luggage] = /^#moved=(.*)$/.exec(location.hash) ?? []
  if (luggage === undefined) return
  history.replaceState(null, '', location.pathname + location.search)
  const { from, forms, scrollY: y } = JSON.parse(decodeURIComponent(luggage))
  notify(`${from} went away. You are on ${processName} now, and nothing was lost.`)
  for (const { name, fields, isOpen, isSent } of forms) {
    const form = document.querySelector(`form[data-send="${CSS.escape(name)}"]`)
    if (form === null) continue
    for (const [field, value] of Object.entries(fields))
      if (form.elements[field]) form.elements[field].value = value
    if (form.closest('details')) form.closest('details').open = isOpen
    if (isSent) void send(form)
  }
  scrollTo(0, y)
}

function notify(text) {
  const notice = document.querySelector('.notice')
  notice.textContent = text
  notice.hidden = false
}

// Sending

async function send(form) {
  const button = form.querySelector('button')
  button.disabled = true
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      body: new URLSearchParams(new FormData(form)),
      headers: { accept: 'application/json' },
    })
    const answer = await response.json()
    if (!response.ok) return notify(answer.problem)
    form.elements.key.value = crypto.randomUUID?.() ?? String(Math.random()).slice(2).padEnd(12, '0')
    form.elements.body.value = ''
    document.querySelector('.notice').hidden = true
    if (answer.path) location.assign(answer.path)
  } catch {
    // Nobody answered. The same form with the same key is safe to send again, to whichever process is there.
    await moveOn(form)
  } finally {
    button.disabled = false
  }
}

for (const form of document.querySelectorAll('form[data-send]')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void send(form)
  })
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
  })
}

// Times

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

function showTimes() {
  for (const element of document.querySelectorAll('time')) {
    const seconds = (Date.now() - Date.parse(element.dateTime)) / 1000
    const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? []
    element.textContent = unit ? relative.format(-Math.floor(seconds / size), unit) : 'just now'
    element.title = new Date(element.dateTime).toLocaleString()
  }
}

setInterval(showTimes, 20_000)
showTimes()
unpack()
connect()
