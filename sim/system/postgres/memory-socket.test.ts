import { test } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { MemorySocket } from './memory-socket.ts'

function newSocket(): { socket: MemorySocket; told: string[] } {
  const told: string[] = []
  const socket = new MemorySocket({
    bytes: (chunk) => told.push(chunk.toString()),
    ended: () => told.push('ended'),
  })
  return { socket, told }
}

test('bytes go both ways', async () => {
  const { socket, told } = newSocket()
  socket.arrive(Buffer.from('question'))
  assert.equal(String((await once(socket, 'data'))[0]), 'question')
  socket.write('answer')
  assert.equal(socket.writableLength, 0)
  assert.deepEqual(told, ['answer'])
})

test('a client that hangs up closes the connection, and what it sent later is lost', async () => {
  const { socket } = newSocket()
  socket.on('data', () => assert.fail('a closed connection has heard something'))
  socket.hangUp()
  await once(socket, 'close')
  socket.arrive(Buffer.from('too late'))
})

test('the client hears that the server sends nothing more, behind the last answer', async () => {
  const { socket, told } = newSocket()
  socket.write('last words')
  socket.end()
  await once(socket, 'finish')
  assert.deepEqual(told, ['last words', 'ended'])
})
