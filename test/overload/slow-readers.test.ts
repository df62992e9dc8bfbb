/**
 * Clients that ask for much and read nothing: each is held back, and disconnected after its time; others notice nothing. (How much memory they take together:
 * `node test/overload/main.ts --only slow`.)
 */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { until } from '../cluster/cluster.ts'
import { ended, PROTOCOLS, type Protocol } from './idle-client.ts'
import { askAndStop, PADS } from './large-result.ts'
import { Target } from './target.ts'

const CLIENTS = 6

for (const protocol of PROTOCOLS)
  test(`${protocol}: six clients ask for 16 MB each and read nothing: others are served, and then they are disconnected`, async (t) => {
    await using target = await Target.start(
      'http.stallTimeoutMs=3s',
      'postgres.stallTimeoutMs=3s',
      'hrana.pingIntervalMs=1500ms',
    )
    for (const sql of PADS) await target.query(sql)
    const sockets: Socket[] = []
    t.after(() => sockets.forEach((socket) => socket.destroy()))
    for (let at = 0; at < CLIENTS; at++) {
      sockets.push(await askAndStop(target, protocol))
      assert.deepEqual(await target.query('SELECT count(*) FROM pads'), [[8000]])
    }
    // Nobody reads, so nobody hears of the end before reading on: the member knows.
    await until('all of them are disconnected', () => areGone(target, protocol).catch(() => false))
    await Promise.all(sockets.map((socket) => ended(socket.resume())))
  })

/** Those of `fetch`, with which the tests ask, stay open. */
const OWN_CONNECTIONS = 5

async function areGone(target: Target, protocol: Protocol): Promise<boolean> {
  if (protocol === 'http') return (await target.metric('harmonydb_http_connections')) <= OWN_CONNECTIONS
  return (await target.metric('harmonydb_sessions')) === 0
}
