/** A PostgreSQL client that listens and does not read: what it is told waits within bounds, and is all there, in order, when it reads again. */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import pg from 'pg'
import { until } from '../cluster/cluster.ts'
import { Target } from './target.ts'

/** 6 MB in all, more than the sockets' buffers take from a client that does not read. */
const NOTIFICATIONS = 800
const PAYLOAD = 'x'.repeat(7_900)
const AT_ONCE = 100

function streamOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}

test('a listener that stops reading for a while misses nothing', async (t) => {
  await using target = await Target.start('postgres.stallTimeoutMs=10min')
  const options = { ...target.address('postgres'), user: 'test', database: 'default' }
  const [listener, sender] = [new pg.Client(options), new pg.Client(options)]
  t.after(() => Promise.all([listener.end(), sender.end()]))
  await Promise.all([listener.connect(), sender.connect()])
  const heard: number[] = []
  listener.on('notification', ({ payload }) => heard.push(Number.parseInt(payload ?? '', 10)))
  await listener.query('LISTEN news')
  streamOf(listener).pause()
  for (let from = 0; from < NOTIFICATIONS; from += AT_ONCE) {
    const notify = Array.from({ length: AT_ONCE }, (_, at) => `NOTIFY news, '${from + at} ${PAYLOAD}'`)
    await sender.query(notify.join('; '))
  }
  assert.ok(heard.length < NOTIFICATIONS)
  streamOf(listener).resume()
  await until('everything is heard', async () => heard.length === NOTIFICATIONS)
  assert.deepEqual(
    heard,
    Array.from({ length: NOTIFICATIONS }, (_, at) => at),
  )
  assert.deepEqual((await listener.query('SELECT 1 AS one')).rows, [{ one: 1 }])
})
