/** What differs between Hrana over WebSocket in JSON and in Protobuf, and how a client chooses. */

import * as jsonDecode from './json-decode.ts'
import * as jsonEncode from './json-encode.ts'
import * as protobufDecode from './protobuf-decode.ts'
import * as protobufEncode from './protobuf-encode.ts'
import type { ClientMessage, ServerMessage } from './types.ts'

export interface WsCodec {
  /** JSON travels in text frames, Protobuf in binary ones (HRANA_3_SPEC "Messages"). */
  readonly isBinary: boolean
  /** Throws REQUEST_INVALID where the message can't be answered by its id. */
  readonly decode: (frame: Buffer) => ClientMessage
  readonly encode: (message: ServerMessage) => string | Uint8Array
}

/** `ws` has checked already that text frames are UTF-8. */
const JSON_WS: WsCodec = {
  isBinary: false,
  decode: (frame) => jsonDecode.decodeClientMessage(frame.toString('utf8')),
  encode: jsonEncode.encodeServerMessage,
}

const PROTOBUF_WS: WsCodec = {
  isBinary: true,
  decode: protobufDecode.decodeClientMessage,
  encode: protobufEncode.encodeServerMessage,
}

const SUBPROTOCOLS: ReadonlyMap<string, WsCodec> = new Map([
  ['hrana3-protobuf', PROTOBUF_WS],
  ['hrana3', JSON_WS],
  ['hrana2', JSON_WS],
  ['hrana1', JSON_WS],
])

/** The first that the client offers and we know, because clients list what they prefer first; null if there is none. */
export function chooseSubprotocol(offered: Iterable<string>): string | null {
  for (const name of offered) if (SUBPROTOCOLS.has(name)) return name
  return null
}

/** A client that offers nothing speaks Hrana 1 (HRANA_1_SPEC). */
export function codecOf(subprotocol: string): WsCodec {
  return SUBPROTOCOLS.get(subprotocol) ?? JSON_WS
}
