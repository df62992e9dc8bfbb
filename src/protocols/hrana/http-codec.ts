/** What differs between Hrana over HTTP in JSON and in Protobuf. Everything else is http-routes.ts. */

import * as jsonDecode from './json-decode.ts'
import * as jsonEncode from './json-encode.ts'
import * as protobufDecode from './protobuf-decode.ts'
import * as protobufEncode from './protobuf-encode.ts'
import type {
  CursorEntry,
  CursorRequest,
  PipelineRequest,
  StreamContinuation,
  StreamResult,
} from './types.ts'

/** `Piece` is what the encoding is made of: text or bytes. */
export interface HttpCodec<Piece extends string | Uint8Array> {
  readonly pipelineContentType: string
  readonly cursorContentType: string
  /** Throws REQUEST_INVALID, naming the field; REQUEST_TOO_LARGE if there are more than `requestsMax` requests. */
  readonly decodePipeline: (body: Uint8Array, requestsMax: number) => PipelineRequest
  /** Throws REQUEST_INVALID, naming the field. */
  readonly decodeCursor: (body: Uint8Array) => CursorRequest
  /** Results are encoded one by one, as they come, so that rows are held once. */
  readonly encodeStreamResult: (result: StreamResult) => Piece
  readonly encodePipeline: (continuation: StreamContinuation, results: readonly Piece[]) => Piece
  readonly encodeCursorHead: (continuation: StreamContinuation) => Piece
  readonly encodeCursorEntries: (entries: readonly CursorEntry[]) => Piece
  /** Null where the end of the body says it. `replicationIndex` is the highest log index that the stream has seen. */
  readonly encodeCursorEnd: ((replicationIndex: bigint) => Piece) | null
  readonly join: (pieces: readonly Piece[]) => Piece
}

export const JSON_HTTP: HttpCodec<string> = {
  pipelineContentType: 'application/json',
  cursorContentType: 'text/plain',
  decodePipeline: jsonDecode.decodePipeline,
  decodeCursor: jsonDecode.decodeCursor,
  encodeStreamResult: jsonEncode.encodeStreamResult,
  encodePipeline: jsonEncode.encodePipeline,
  encodeCursorHead: jsonEncode.encodeCursorHead,
  encodeCursorEntries: jsonEncode.encodeCursorLines,
  encodeCursorEnd: jsonEncode.encodeCursorEnd,
  join: (pieces) => pieces.join(''),
}

export const PROTOBUF_HTTP: HttpCodec<Uint8Array> = {
  pipelineContentType: 'application/x-protobuf',
  cursorContentType: 'application/octet-stream',
  decodePipeline: protobufDecode.decodePipeline,
  decodeCursor: protobufDecode.decodeCursor,
  encodeStreamResult: protobufEncode.encodeStreamResult,
  encodePipeline: protobufEncode.encodePipeline,
  encodeCursorHead: protobufEncode.encodeCursorHead,
  encodeCursorEntries: protobufEncode.encodeCursorEntries,
  // The schema has no such entry, and @libsql/hrana-client fails on an entry that it does not know.
  encodeCursorEnd: null,
  join: (pieces) => Buffer.concat(pieces),
}
