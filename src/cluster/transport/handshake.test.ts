/** Members prove themselves to each other; everybody else learns a reason and nothing more. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SeededRandom } from '../../host/random.ts'
import type { Frame } from './frame.ts'
import { encodeFrame, FrameReader } from './frame.ts'
import {
  AcceptorHandshake,
  DialerHandshake,
  encodeRefusal,
  HandshakeRefused,
  NONCE_BYTES,
} from './handshake.ts'
import type { Identity } from './handshake.ts'

const SECRET = new Uint8Array(32).fill(5)
const random = new SeededRandom(4n)
const D: Identity = { cluster: 'c', member: 1, incarnation: 3 }
const A: Identity = { cluster: 'c', member: 2, incarnation: 9 }

const nonce = (): Uint8Array => random.bytes(NONCE_BYTES)
const dialer = (own: Identity = D, expected = 2, secret = SECRET): DialerHandshake =>
  new DialerHandshake(own, expected, secret, nonce())
const acceptor = (own: Identity = A, secret = SECRET): AcceptorHandshake =>
  new AcceptorHandshake(own, secret, nonce())

function frameOf(parts: readonly Uint8Array[]): Frame {
  let frame: Frame | null = null
  new FrameReader(10_000).push(new Uint8Array(Buffer.concat(parts)), (one) => (frame = one))
  assert.ok(frame !== null)
  return frame
}

function refusalOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof HandshakeRefused, String(error))
    return error.reason
  }
  return 'none'
}

test('both sides know each other at the end, and the secret never travels', () => {
  const left = dialer()
  const right = acceptor()
  const hello = left.begin()
  const challenge = right.take(frameOf(hello)).send
  const proof = left.take(frameOf(challenge)).send
  const { send: welcome, peer } = right.take(frameOf(proof))
  assert.deepEqual(peer, D)
  assert.deepEqual(left.take(frameOf(welcome)), { send: [], peer: A })
  const said = Buffer.concat([hello, challenge, proof, welcome].flat())
  assert.equal(said.includes(Buffer.from(SECRET.subarray(0, 4))), false)
})

test('a wrong secret is noticed by the side that was dialed', () => {
  const left = dialer(D, 2, new Uint8Array(32).fill(6))
  const right = acceptor()
  const proof = left.take(frameOf(right.take(frameOf(left.begin())).send)).send
  assert.equal(
    refusalOf(() => right.take(frameOf(proof))),
    'wrong-secret',
  )
})

test('a side that was dialed and has not the secret is noticed by the dialer', () => {
  const left = dialer()
  const right = acceptor()
  left.take(frameOf(right.take(frameOf(left.begin())).send))
  const welcome = encodeFrame('welcome', 0, [random.bytes(32)])
  assert.equal(
    refusalOf(() => left.take(frameOf(welcome))),
    'wrong-secret',
  )
  const short = dialer()
  short.take(frameOf(acceptor().take(frameOf(short.begin())).send))
  assert.equal(
    refusalOf(() => short.take(frameOf(encodeFrame('welcome', 0, [])))),
    'wrong-secret',
  )
})

test('replay: what was said on one connection proves nothing on another', () => {
  const left = dialer()
  const first = acceptor()
  const hello = left.begin()
  const proof = left.take(frameOf(first.take(frameOf(hello)).send)).send
  const second = acceptor()
  second.take(frameOf(hello))
  assert.equal(
    refusalOf(() => second.take(frameOf(proof))),
    'wrong-secret',
  )
  const welcome = first.take(frameOf(proof)).send
  const other = dialer()
  other.take(frameOf(acceptor().take(frameOf(other.begin())).send))
  assert.equal(
    refusalOf(() => other.take(frameOf(welcome))),
    'wrong-secret',
  )
})

test('reflection: a proof sent back is none', () => {
  const left = dialer()
  const right = acceptor()
  const proof = frameOf(left.take(frameOf(right.take(frameOf(left.begin())).send)).send)
  const back = encodeFrame('welcome', 0, [proof.payload])
  assert.equal(
    refusalOf(() => left.take(frameOf(back))),
    'wrong-secret',
  )
})

test('relay: a proof made for one member is none for another', () => {
  const left = dialer()
  const meant = acceptor()
  const hello = frameOf(left.begin())
  const third = acceptor({ ...A, member: 3 })
  assert.equal(
    refusalOf(() => third.take(hello)),
    'wrong-member',
  )
  const proof = frameOf(left.take(frameOf(meant.take(hello).send)).send)
  const relayed = acceptor({ ...A, incarnation: 10 })
  relayed.take(hello)
  assert.equal(
    refusalOf(() => relayed.take(proof)),
    'wrong-secret',
  )
})

test('who does not fit is told why', () => {
  const ask = (own: Identity, expected = 2): string =>
    refusalOf(() => acceptor().take(frameOf(dialer(own, expected).begin())))
  assert.equal(ask({ ...D, cluster: 'other' }), 'foreign-cluster')
  assert.equal(ask(D, 3), 'wrong-member')
  assert.equal(ask(A), 'self-connection')
  assert.equal(ask({ ...A, incarnation: 1 }), 'duplicate-member')
  assert.equal(ask({ ...D, member: 0 }), 'not-a-peer')
  const answer = (own: Identity, expected: number): string => {
    const left = dialer(D, expected)
    const right = acceptor(own)
    const challenge = right.take(frameOf(dialer(D, own.member).begin()))
    return refusalOf(() => left.take(frameOf(challenge.send)))
  }
  assert.equal(answer({ ...A, member: 3 }, 2), 'wrong-member')
})

test('versions: the newest that both speak, or a refusal before anything else is looked at', () => {
  const helloWith = (min: number, max: number, rest?: Uint8Array): Frame => {
    const payload = new Uint8Array(frameOf(dialer().begin()).payload)
    payload[4] = min
    payload[5] = max
    return { kind: 'hello', stream: 0, payload: rest ?? payload }
  }
  assert.equal(frameOf(acceptor().take(helloWith(1, 9)).send).payload[4], 1)
  assert.equal(
    refusalOf(() => acceptor().take(helloWith(2, 9))),
    'incompatible-version',
  )
  assert.equal(
    refusalOf(() => acceptor().take(helloWith(0, 0))),
    'incompatible-version',
  )
  const future = Uint8Array.from([0x48, 0x44, 0x42, 0x50, 2, 3, 77])
  assert.equal(
    refusalOf(() => acceptor().take(helloWith(2, 3, future))),
    'incompatible-version',
  )
  const left = dialer()
  const challenge = frameOf(acceptor().take(frameOf(left.begin())).send)
  const payload = new Uint8Array(challenge.payload)
  payload[4] = 2
  assert.equal(
    refusalOf(() => left.take({ ...challenge, payload })),
    'incompatible-version',
  )
})

test('talking down: a changed version range makes the proof worthless', () => {
  const left = dialer()
  const right = acceptor()
  const payload = new Uint8Array(frameOf(left.begin()).payload)
  payload[5] = 7
  const challenge = right.take({ kind: 'hello', stream: 0, payload }).send
  const proof = left.take(frameOf(challenge)).send
  assert.equal(
    refusalOf(() => right.take(frameOf(proof))),
    'wrong-secret',
  )
})

test('mutations of any frame end in a refusal or in nothing, never in a peer', () => {
  for (let round = 0; round < 5_000; round++) {
    const left = dialer()
    const right = acceptor()
    const mutatedAt = random.integer(4)
    const mutate = (parts: readonly Uint8Array[], step: number): Frame => {
      const frame = frameOf(parts)
      if (step !== mutatedAt) return frame
      const payload = new Uint8Array(frame.payload)
      const at = random.integer(payload.length)
      payload[at] = (payload[at] as number) ^ (1 + random.integer(255))
      return { ...frame, payload: random.integer(4) === 0 ? payload.subarray(0, at) : payload }
    }
    const reason = refusalOf(() => {
      const challenge = right.take(mutate(left.begin(), 0)).send
      const proof = left.take(mutate(challenge, 1)).send
      const welcome = right.take(mutate(proof, 2)).send
      left.take(mutate(welcome, 3))
    })
    assert.notEqual(reason, 'none')
  }
})

test('a refusal is told to the other side as it is, and a hostile one can not write into a log', () => {
  const refused = new HandshakeRefused('foreign-cluster', 'Not ours.')
  const take = (parts: readonly Uint8Array[]): HandshakeRefused => {
    try {
      dialer().take(frameOf(parts))
    } catch (error) {
      return error as HandshakeRefused
    }
    return assert.fail('no refusal')
  }
  const heard = take(encodeRefusal(refused))
  assert.deepEqual([heard.reason, heard.message, heard.byPeer], ['foreign-cluster', 'Not ours.', true])
  const hostile = take(encodeRefusal(new HandshakeRefused('x\ny', `\u001b[2J${'z'.repeat(9_000)}`, true)))
  assert.equal(hostile.reason, 'x?y')
  assert.equal(hostile.message.length, 512)
  assert.match(hostile.message, /^\?\[2J/)
  assert.equal(
    refusalOf(() => dialer().take({ kind: 'refusal', stream: 0, payload: Uint8Array.from([9]) })),
    'not-a-peer',
  )
})
