/** A thousand connections that do nothing, of each protocol. `node test/overload/main.ts` has ten thousand. */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { openIdle, PROTOCOLS } from './idle-client.ts'
import { Target } from './target.ts'

const CONNECTIONS = 1_000
/** Several times what is measured (docs/operating/overload.md): a leak of a buffer for each would be more. */
const BYTES_EACH_MAX = 64 * 1024

test('a thousand connections of each protocol that do nothing take little, and the others are served', async () => {
  // A busy machine takes minutes to open all of them.
  await using target = await Target.start('http.keepAliveTimeoutMs=1h')
  await target.query('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)')
  const beforeBytes = target.memoryBytes
  const sockets: Socket[] = []
  try {
    for (const protocol of PROTOCOLS)
      for (let at = 0; at < CONNECTIONS; at += 50) {
        const opening = Array.from({ length: 50 }, () => openIdle(protocol, target.address(protocol)))
        sockets.push(...(await Promise.all(opening)))
      }
    await target.query('INSERT INTO notes (text) VALUES (?)', ['written beside them'])
    assert.deepEqual(await target.query('SELECT text FROM notes'), [['written beside them']])
    assert.equal(sockets.filter(({ destroyed }) => destroyed).length, 0)
    const eachBytes = (target.memoryBytes - beforeBytes) / sockets.length
    assert.ok(eachBytes < BYTES_EACH_MAX, `${Math.round(eachBytes)} bytes each`)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
})
