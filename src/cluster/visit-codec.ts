/**
 * What those who are no members yet ask, and what they are told. A version byte comes first, in both directions; all strings are UTF-8
 * with their length before them, an empty one standing for "none".
 *
 * ```
 * hello, claim:  version u8 | newcomer          answer of hello:  version u8 | standing
 * join:          version u8 | newcomer          answer of claim:  version u8 | granted u8 | who has the promise: string
 *                                               answer of join:   version u8 | admission
 * newcomer:  token | name | peer address | http address | postgres address
 * standing:  token | peer address | cluster | varint member | varint expected | count, { varint member | peer address }…
 * admission: cluster | varint member | count, { varint member | peer address }…
 * ```
 */

import type { ByteReader } from '../base/bytes.ts'
import { ByteWriter, DecodeError } from '../base/bytes.ts'
import { decodeVersioned } from '../base/versioned.ts'
import type { MemberAddresses } from './cluster-state.ts'
import type { PeerAddress } from './identity.ts'

const VERSION = 1
const PEERS_MAX = 1_000

/** Who wants to be a member. */
export interface Newcomer {
  /** Random, of its data folder: a repeated request of the same folder is answered with the same number. */
  readonly token: string
  readonly name: string
  readonly addresses: MemberAddresses & { readonly peer: string }
}

/** Who answers a hello. */
export interface Standing {
  readonly token: string
  readonly peerAddress: string
  /** Empty, and the number 0, while it belongs to no cluster. */
  readonly cluster: string
  readonly member: number
  /** How many it waits for, to found a cluster with; 0 if it does not. */
  readonly expected: number
  /** Of all members that it knows, itself included. */
  readonly peers: readonly PeerAddress[]
}

export interface Claim {
  readonly granted: boolean
  /** Peer address of the one that has this member's promise. */
  readonly promisedTo: string
}

export interface Admission {
  readonly cluster: string
  readonly member: number
  readonly peers: readonly PeerAddress[]
}

export function encodeNewcomer({ token, name, addresses }: Newcomer): Uint8Array {
  const writer = new ByteWriter().u8(VERSION).string(token).string(name)
  writer.string(addresses.peer).string(addresses.http ?? '')
  return writer.string(addresses.postgres ?? '').toBytes()
}

/** Throws a `DecodeError`, as all of these. */
export function decodeNewcomer(bytes: Uint8Array): Newcomer {
  return decodeVersioned(bytes, VERSION, (reader) => {
    const [token, name, peer] = [reader.string(), reader.string(), reader.string()]
    const [http, postgres] = [textOrNull(reader), textOrNull(reader)]
    if (token === '' || peer === '') throw new DecodeError('a newcomer without token or address', 0)
    return { token, name, addresses: { peer, http, postgres } }
  })
}

export function encodeStanding(standing: Standing): Uint8Array {
  const writer = new ByteWriter().u8(VERSION).string(standing.token).string(standing.peerAddress)
  writer.string(standing.cluster).varint(standing.member).varint(standing.expected)
  return withPeers(writer, standing.peers).toBytes()
}

export function decodeStanding(bytes: Uint8Array): Standing {
  return decodeVersioned(bytes, VERSION, (reader) => ({
    token: reader.string(),
    peerAddress: reader.string(),
    cluster: reader.string(),
    member: reader.varint(),
    expected: reader.varint(),
    peers: peersOf(reader),
  }))
}

export function encodeClaim({ granted, promisedTo }: Claim): Uint8Array {
  return new ByteWriter().u8(VERSION).boolean(granted).string(promisedTo).toBytes()
}

export function decodeClaim(bytes: Uint8Array): Claim {
  return decodeVersioned(bytes, VERSION, (reader) => ({
    granted: reader.boolean(),
    promisedTo: reader.string(),
  }))
}

export function encodeAdmission({ cluster, member, peers }: Admission): Uint8Array {
  return withPeers(new ByteWriter().u8(VERSION).string(cluster).varint(member), peers).toBytes()
}

export function decodeAdmission(bytes: Uint8Array): Admission {
  const admission = decodeVersioned(bytes, VERSION, (reader) => ({
    cluster: reader.string(),
    member: reader.varint(),
    peers: peersOf(reader),
  }))
  if (admission.cluster === '' || admission.member === 0) throw new DecodeError('an admission to nothing', 0)
  return admission
}

function textOrNull(reader: ByteReader): string | null {
  const text = reader.string()
  return text === '' ? null : text
}

function withPeers(writer: ByteWriter, peers: readonly PeerAddress[]): ByteWriter {
  writer.varint(peers.length)
  for (const { member, address } of peers) writer.varint(member).string(address)
  return writer
}

function peersOf(reader: ByteReader): PeerAddress[] {
  const count = reader.varint()
  if (count > PEERS_MAX) throw new DecodeError('too many peers', reader.offset)
  return Array.from({ length: count }, () => ({ member: reader.varint(), address: reader.string() }))
}
