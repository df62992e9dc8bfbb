/** Requests that are passed on to the process that holds their stream, when that process goes. */

import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import type { HttpExchange } from '../../protocols/http/exchange.ts'
import { Forwarder } from './forward.ts'

const BODY = Buffer.from('{"requests":["COMMIT"]}')

/** On Linux, sockets of names that are no files. */
const pathOf = (name: string): string => `\0harmonydb-forward-${process.pid}-${name}`

function forwarded(path: string): Promise<void> {
  const exchange = {
    request: { headers: {}, method: 'POST', url: '/v3/pipeline' },
    response: new EventEmitter(),
    signal: new AbortController().signal,
  } as unknown as HttpExchange
  const forwarder = new Forwarder([path])
  return forwarder.forward(exchange, 0, BODY).finally(() => forwarder.close())
}

test(
  'what a process had taken before it ended may be done',
  { skip: process.platform !== 'linux' },
  async () => {
    const path = pathOf('taken')
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (data) => data.includes('COMMIT') && socket.destroy())
    })
    await new Promise<void>((resolve) => server.listen({ path }, resolve))
    await assert.rejects(forwarded(path), { code: 'OUTCOME_UNKNOWN' })
    server.close()
  },
)

test('where nobody is, nothing was done', { skip: process.platform !== 'linux' }, async () => {
  await assert.rejects(forwarded(pathOf('nobody')), { code: 'STREAM_EXPIRED' })
})
