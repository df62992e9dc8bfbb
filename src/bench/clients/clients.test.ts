import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { createServer as createHttp2 } from 'node:http2'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { fieldsOf } from './etcd-client.ts'
import { GrpcChannel } from './grpc-channel.ts'
import { HttpConnection } from './http-connection.ts'
import { numberParameters } from './postgres-client.ts'
import { isConflict, runTransaction } from './transactions.ts'

const WORDS = { begin: { read: 'BEGIN', write: 'BEGIN' }, commit: 'COMMIT', rollback: 'ROLLBACK' }

function portOf(server: { address(): unknown }): number {
  return (server.address() as { port: number }).port
}

test('parameters are numbered for PostgreSQL', () => {
  assert.equal(
    numberParameters('SELECT ? + ?, a FROM t WHERE b = ?'),
    'SELECT $1 + $2, a FROM t WHERE b = $3',
  )
})

test('fields of a protobuf message', () => {
  const message = Buffer.from([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69, 0x12, 0x00])
  assert.deepEqual(
    fieldsOf(message).map(({ number, bytes }) => [number, bytes.toString()]),
    [
      [1, ''],
      [2, 'hi'],
      [2, ''],
    ],
  )
})

/** Node.js's own HTTP/2: it would not take frames or headers that are wrong. */
async function startGrpc(context: TestContext): Promise<GrpcChannel> {
  const server = createHttp2((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.setHeader('content-type', 'application/grpc')
      const isRight =
        request.headers['content-type'] === 'application/grpc' && request.headers['te'] === 'trailers'
      if (request.url !== '/test.Echo/Call' || !isRight) return response.end()
      response.addTrailers({ 'grpc-status': '0' })
      return response.end(Buffer.concat(chunks))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const channel = await GrpcChannel.connect({ host: '127.0.0.1', port: portOf(server) })
  context.after(() => {
    channel.close()
    server.close()
  })
  return channel
}

test('gRPC: calls at the same time over one connection, each with its own answer', async (context) => {
  const channel = await startGrpc(context)
  const texts = Array.from({ length: 50 }, (_, at) => 'x'.repeat(at * 40))
  const answers = await Promise.all(texts.map((text) => channel.call('/test.Echo/Call', Buffer.from(text))))
  assert.deepEqual(answers.map(String), texts)
})

test('gRPC: a call that has no message in its answer has failed', async (context) => {
  const channel = await startGrpc(context)
  await assert.rejects(channel.call('/test.Echo/Other', Buffer.alloc(1)), /refused \/test.Echo\/Other/)
})

test('gRPC: a request that is too large is refused, and the connection goes on', async (context) => {
  const channel = await startGrpc(context)
  await assert.rejects(channel.call('/test.Echo/Call', Buffer.alloc(16_384)), /larger than a frame/)
  const most = Buffer.alloc(16_379, 'm')
  assert.deepEqual(await channel.call('/test.Echo/Call', most), most)
})

test('HTTP: an answer in pieces is put together; a status that is not 200 is an error with its body', async (context) => {
  const answers = [
    'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nä',
    'ö',
    'HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nbad',
  ]
  const server = createServer((socket: Socket) => {
    let asked = 0
    socket.on('data', () => {
      if (asked++ > 0) return void socket.write(answers[2] ?? '')
      socket.write(answers[0] ?? '')
      setImmediate(() => socket.write(answers[1] ?? ''))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = await HttpConnection.connect(`http://127.0.0.1:${portOf(server)}`)
  context.after(() => {
    http.close()
    server.close()
  })
  assert.equal(await http.post('/', '{}'), 'äö')
  await assert.rejects(http.post('/', '{}'), /500 No bad/)
})

test('a transaction is run again after a conflict, and only then', async () => {
  const sent: string[] = []
  const executor = { execute: (sql: string) => (sent.push(sql), Promise.resolve([])) }
  let runs = 0
  let retries = 0
  const work = (): Promise<string> => {
    runs++
    return runs < 3 ? Promise.reject(new Error('40001 could not serialize')) : Promise.resolve('done')
  }
  assert.equal(await runTransaction(executor, WORDS, work, 'write', () => retries++), 'done')
  assert.equal(retries, 2)
  assert.deepEqual(sent, ['BEGIN', 'ROLLBACK', 'BEGIN', 'ROLLBACK', 'BEGIN', 'COMMIT'])
  const fail = (): Promise<never> => Promise.reject(new Error('23505 duplicate key'))
  await assert.rejects(
    runTransaction(executor, WORDS, fail, 'write', () => retries++),
    /23505/,
  )
  assert.equal(retries, 2)
  assert.ok(!isConflict(new Error('42P01 no such relation')))
})
