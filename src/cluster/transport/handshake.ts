/**
 * How two members make sure of each other before anything else is said. DESIGN.md shows the four frames and says what each
 * is good for. Pure: what it needs of chance is given, what comes out is frames.
 *
 * ```
 * hello:     magic 4 | versionMin u8 | versionMax u8 | cluster | dialer | acceptor | incarnation | nonce 32
 * challenge: magic 4 | version u8 | cluster | acceptor | incarnation | nonce 32
 * proof, welcome: HMAC-SHA256 32
 * refusal:   reason | text
 * ```
 *
 * Member ids and incarnations are varints; cluster, reason and text are strings. Magic, versions, and the refusal stay
 * where they are in every version, so that members of any two versions can tell each other that they do not fit.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { assert } from '../../base/assert.ts'
import { ByteReader, ByteWriter, bytesEqual, DecodeError } from '../../base/bytes.ts'
import type { Frame } from './frame.ts'
import { encodeFrame } from './frame.ts'

export interface Identity {
  readonly cluster: string
  /** The member's number, 1 or more; 0 for who is no member yet. */
  readonly member: number
  /** Grows with each start of the member. */
  readonly incarnation: number
}

/**
 * Someone without a number, who has the cluster secret and may only ask (`transport/visit.ts`). It names no cluster, expects no
 * certain member, and both are told who answers: by the identity in the challenge, which the proof covers.
 */
export const VISITOR: Identity = { cluster: '', member: 0, incarnation: 0 }

/** Stable: operators and tests rely on them. */
export type RefusalReason =
  | 'not-a-peer' // the other side speaks something else, or sent what is no handshake
  | 'incompatible-version'
  | 'foreign-cluster'
  | 'not-a-member' // a member dialed who belongs to no cluster yet
  | 'wrong-member' // another member answers at this address
  | 'self-connection' // a member dialed itself
  | 'duplicate-member' // another process has the same member id
  | 'stale-incarnation' // an older start of a member that has started again
  | 'wrong-secret'
  | 'too-slow' // the handshake took longer than allowed
  | 'overloaded' // too many connections that have not said who they are
  | 'closed' // the connection ended in the middle of the handshake

/** The handshake ended without a peer. `byPeer`: the other side said so, and nothing proves that it was a member. */
export class HandshakeRefused extends Error {
  override readonly name = 'HandshakeRefused'
  readonly reason: string
  readonly byPeer: boolean

  constructor(reason: RefusalReason, text: string)
  constructor(reason: string, text: string, byPeer: true)
  constructor(reason: string, text: string, byPeer = false) {
    super(text)
    this.reason = reason
    this.byPeer = byPeer
  }
}

export const HANDSHAKE_VERSION_MIN = 1
export const HANDSHAKE_VERSION_MAX = 1
export const HANDSHAKE_FRAME_BYTES_MAX = 4096
export const NONCE_BYTES = 32
export const SECRET_BYTES_MIN = 16

const MAGIC = Uint8Array.from([0x48, 0x44, 0x42, 0x50]) // HDBP
const CLUSTER_CHARS_MAX = 256
const PROOF_BYTES = 32
const REASON_CHARS_MAX = 64
const TEXT_CHARS_MAX = 512

export interface HandshakeStep {
  readonly send: Uint8Array[]
  /** Who the peer is, when the handshake is over. */
  readonly peer: Identity | null
}

type Side = 'dialer' | 'acceptor'

/** The side that made the connection and expects a certain member at its other end. */
export class DialerHandshake {
  readonly #own: Identity
  readonly #expected: number
  readonly #secret: Uint8Array
  readonly #hello: Uint8Array
  #challenge: { readonly payload: Uint8Array; readonly peer: Identity } | null = null

  constructor(own: Identity, expected: number, secret: Uint8Array, nonce: Uint8Array) {
    assert(nonce.length === NONCE_BYTES, 'nonce of a wrong size')
    this.#own = own
    this.#expected = expected
    this.#secret = secret
    this.#hello = new ByteWriter()
      .raw(MAGIC)
      .u8(HANDSHAKE_VERSION_MIN)
      .u8(HANDSHAKE_VERSION_MAX)
      .string(own.cluster)
      .varint(own.member)
      .varint(expected)
      .varint(own.incarnation)
      .raw(nonce)
      .toBytes()
  }

  begin(): Uint8Array[] {
    return encodeFrame('hello', 0, [this.#hello])
  }

  /** Throws `HandshakeRefused`. */
  take(frame: Frame): HandshakeStep {
    throwIfRefusal(frame)
    return asPeer(() =>
      this.#challenge === null
        ? this.#takeChallenge(payloadOf(frame, 'challenge'))
        : this.#takeWelcome(payloadOf(frame, 'welcome'), this.#challenge),
    )
  }

  #takeChallenge(bytes: Uint8Array): HandshakeStep {
    const payload = new Uint8Array(bytes)
    const reader = new ByteReader(payload)
    expectMagic(reader)
    const version = reader.u8()
    if (version < HANDSHAKE_VERSION_MIN || version > HANDSHAKE_VERSION_MAX) throw wrongVersion(`${version}`)
    const peer = { cluster: clusterOf(reader), member: reader.varint(), incarnation: reader.varint() }
    reader.raw(NONCE_BYTES)
    reader.expectEnd()
    if (this.#own.member !== 0) {
      checkCluster(this.#own, peer)
      if (peer.member !== this.#expected) throw wrongMember(this.#expected, peer.member)
    }
    this.#challenge = { payload, peer }
    const proof = this.#proof('dialer', payload)
    return { send: encodeFrame('proof', 0, [proof]), peer: null }
  }

  #takeWelcome(proof: Uint8Array, { payload, peer }: { payload: Uint8Array; peer: Identity }): HandshakeStep {
    checkProof(proof, this.#proof('acceptor', payload))
    return { send: [], peer }
  }

  #proof(side: Side, challenge: Uint8Array): Uint8Array {
    return proofOf(this.#secret, side, this.#hello, challenge)
  }
}

/** The side that was dialed. */
export class AcceptorHandshake {
  readonly #own: Identity
  readonly #secret: Uint8Array
  readonly #nonce: Uint8Array
  #asked: { readonly hello: Uint8Array; readonly challenge: Uint8Array; readonly peer: Identity } | null =
    null

  constructor(own: Identity, secret: Uint8Array, nonce: Uint8Array) {
    assert(nonce.length === NONCE_BYTES, 'nonce of a wrong size')
    this.#own = own
    this.#secret = secret
    this.#nonce = nonce
  }

  /** Throws `HandshakeRefused`. */
  take(frame: Frame): HandshakeStep {
    throwIfRefusal(frame)
    return asPeer(() =>
      this.#asked === null
        ? this.#takeHello(payloadOf(frame, 'hello'))
        : this.#takeProof(payloadOf(frame, 'proof'), this.#asked),
    )
  }

  #takeHello(bytes: Uint8Array): HandshakeStep {
    const hello = new Uint8Array(bytes)
    const reader = new ByteReader(hello)
    expectMagic(reader)
    const version = chooseVersion(reader.u8(), reader.u8())
    const [cluster, member, expected] = [clusterOf(reader), reader.varint(), reader.varint()]
    const peer = { cluster, member, incarnation: reader.varint() }
    reader.raw(NONCE_BYTES)
    reader.expectEnd()
    this.#check(peer, expected)
    const challenge = this.#challenge(version)
    this.#asked = { hello, challenge, peer }
    return { send: encodeFrame('challenge', 0, [challenge]), peer: null }
  }

  #check(peer: Identity, expected: number): void {
    const own = this.#own
    if (peer.member === 0) {
      if (peer.cluster === '' && expected === 0) return
      throw new HandshakeRefused('not-a-peer', 'Member ids begin at 1.')
    }
    if (own.member === 0) throw notAMember(expected)
    checkCluster(own, peer)
    if (peer.member === own.member) throw sameMember(own, peer)
    if (expected !== own.member) throw wrongMember(expected, own.member)
  }

  #challenge(version: number): Uint8Array {
    const { cluster, member, incarnation } = this.#own
    const writer = new ByteWriter().raw(MAGIC).u8(version).string(cluster)
    return writer.varint(member).varint(incarnation).raw(this.#nonce).toBytes()
  }

  #takeProof(
    proof: Uint8Array,
    asked: { hello: Uint8Array; challenge: Uint8Array; peer: Identity },
  ): HandshakeStep {
    const { hello, challenge, peer } = asked
    checkProof(proof, proofOf(this.#secret, 'dialer', hello, challenge))
    const welcome = proofOf(this.#secret, 'acceptor', hello, challenge)
    return { send: encodeFrame('welcome', 0, [welcome]), peer }
  }
}

/** For the other side, which shows it to its operator. */
export function encodeRefusal({ reason, message }: HandshakeRefused): Uint8Array[] {
  const payload = new ByteWriter().string(reason).string(message.slice(0, TEXT_CHARS_MAX)).toBytes()
  return encodeFrame('refusal', 0, [payload])
}

function throwIfRefusal(frame: Frame): void {
  if (frame.kind !== 'refusal') return
  throw asPeer(() => {
    const reader = new ByteReader(frame.payload)
    const reason = printable(reader.string(), REASON_CHARS_MAX)
    return new HandshakeRefused(reason, printable(reader.string(), TEXT_CHARS_MAX), true)
  })
}

/** What a stranger sent, fit for a log. */
function printable(text: string, charsMax: number): string {
  return text.slice(0, charsMax).replaceAll(/[^\x20-\x7e]/g, '?')
}

function asPeer<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new HandshakeRefused('not-a-peer', `The handshake can't be read: ${error.message}.`)
  }
}

function payloadOf(frame: Frame, kind: Frame['kind']): Uint8Array {
  if (frame.kind !== kind) throw new DecodeError(`frame ${frame.kind} instead of ${kind}`, 0)
  return frame.payload
}

function expectMagic(reader: ByteReader): void {
  if (!bytesEqual(reader.raw(MAGIC.length), MAGIC)) throw new DecodeError('magic number is wrong', 0)
}

function clusterOf(reader: ByteReader): string {
  const cluster = reader.string()
  if (cluster.length > CLUSTER_CHARS_MAX) throw new DecodeError('cluster id is too long', reader.offset)
  return cluster
}

/** The newest version that both speak. */
function chooseVersion(min: number, max: number): number {
  const version = Math.min(max, HANDSHAKE_VERSION_MAX)
  if (version < Math.max(min, HANDSHAKE_VERSION_MIN)) throw wrongVersion(`${min} to ${max}`)
  return version
}

function wrongVersion(versions: string): HandshakeRefused {
  const own = `${HANDSHAKE_VERSION_MIN} to ${HANDSHAKE_VERSION_MAX}`
  return new HandshakeRefused(
    'incompatible-version',
    `One side speaks version ${versions} of the peer protocol, the other ${own}: upgrade the older member.`,
  )
}

function checkCluster(own: Identity, peer: Identity): void {
  if (peer.cluster === own.cluster) return
  throw new HandshakeRefused(
    'foreign-cluster',
    'The two members belong to different clusters: check the list of peers and the data folder.',
  )
}

function wrongMember(expected: number, actual: number): HandshakeRefused {
  return new HandshakeRefused(
    'wrong-member',
    `Member ${expected} was dialed and member ${actual} answers: check the address of member ${expected}.`,
  )
}

function notAMember(expected: number): HandshakeRefused {
  return new HandshakeRefused(
    'not-a-member',
    `Member ${expected} was dialed, and who answers belongs to no cluster yet: check the address of member ${expected}.`,
  )
}

function sameMember(own: Identity, peer: Identity): HandshakeRefused {
  return peer.incarnation === own.incarnation
    ? new HandshakeRefused('self-connection', `Member ${own.member} dialed itself: check the list of peers.`)
    : new HandshakeRefused(
        'duplicate-member',
        `Two processes run as member ${own.member}: stop the one that uses a copy of the data folder.`,
      )
}

function proofOf(
  secret: Uint8Array,
  side: Side,
  hello: Uint8Array,
  challenge: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const transcript = new ByteWriter().string(`harmonydb peer ${side}`).bytes(hello).bytes(challenge).view()
  return new Uint8Array(createHmac('sha256', secret).update(transcript).digest())
}

function checkProof(given: Uint8Array, expected: Uint8Array): void {
  if (given.length === PROOF_BYTES && timingSafeEqual(given, expected)) return
  throw new HandshakeRefused(
    'wrong-secret',
    'The two members have different cluster secrets: give all members the same.',
  )
}
