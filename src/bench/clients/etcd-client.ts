/**
 * etcd's v3 API over gRPC (its documentation, "API reference"; the numbers are the fields of rpc.proto and kv.proto). Ten clients share a connection, as in
 * etcd's own benchmark (1,000 clients on 100 connections), which is what serves it best. Reads are linearizable, its default.
 */

import type { Connection, KeyValueConnection, SocketAddress } from '../target.ts'
import type { Connector } from './connect.ts'
import { GrpcChannel } from './grpc-channel.ts'

const CLIENTS_PER_CHANNEL = 10
const RANGE = '/etcdserverpb.KV/Range'
const PUT = '/etcdserverpb.KV/Put'
const VARINT = 0
const LENGTH_DELIMITED = 2
const KVS_OF_RANGE_RESPONSE = 2
const VALUE_OF_KEY_VALUE = 5
/** As range_end with it: all keys from the first one on. */
const NO_END = '\0'

export class EtcdChannels implements Connector {
  readonly #addresses: readonly SocketAddress[]
  readonly #channels: Promise<GrpcChannel>[] = []

  constructor(addresses: readonly SocketAddress[]) {
    this.#addresses = addresses
  }

  async connect(ordinal: number): Promise<Connection> {
    const index = Math.floor(ordinal / CLIENTS_PER_CHANNEL)
    const address = this.#addresses[index % this.#addresses.length] as SocketAddress
    return clientOf(await (this.#channels[index] ??= GrpcChannel.connect(address)))
  }

  async close(): Promise<void> {
    for (const channel of await Promise.all(this.#channels)) channel.close()
  }
}

function clientOf(channel: GrpcChannel): KeyValueConnection {
  return {
    kind: 'key-value',
    get: async (key) => {
      const answer = await channel.call(RANGE, encodeText(1, key))
      const found = fieldsOf(answer).find(({ number }) => number === KVS_OF_RANGE_RESPONSE)
      const value = found && fieldsOf(found.bytes).find(({ number }) => number === VALUE_OF_KEY_VALUE)
      return value?.bytes.toString('utf8') ?? null
    },
    put: async (key, value) => {
      await channel.call(PUT, Buffer.concat([encodeText(1, key), encodeText(2, value)]))
    },
    scan: async (key, limit) => {
      const from = Buffer.concat([encodeText(1, key), encodeText(2, NO_END), encodeInteger(3, limit)])
      const answer = await channel.call(RANGE, from)
      return fieldsOf(answer).filter(({ number }) => number === KVS_OF_RANGE_RESPONSE).length
    },
    close: () => Promise.resolve(),
  }
}

function encodeText(field: number, value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([field * 8 + LENGTH_DELIMITED, ...varint(bytes.length)]), bytes])
}

function encodeInteger(field: number, value: number): Buffer {
  return Buffer.from([field * 8 + VARINT, ...varint(value)])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest]
}

interface Field {
  readonly number: number
  /** Empty for numbers, of which none is needed. */
  readonly bytes: Buffer
}

/** The fields of a protobuf message, of its two wire types that etcd uses here. */
export function fieldsOf(message: Buffer): readonly Field[] {
  const fields: Field[] = []
  let at = 0
  const readVarint = (): number => {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = message[at++] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
  }
  while (at < message.length) {
    const tag = readVarint()
    const length = readVarint()
    const isBytes = (tag & 7) === LENGTH_DELIMITED
    const end = isBytes ? at + length : at
    fields.push({ number: tag >>> 3, bytes: message.subarray(at, end) })
    at = end
  }
  return fields
}
