/** Bodies and messages of Hrana as they are decoded, before anything is done. The server around them is `http.ts`. */

import * as json from '../../../src/protocols/hrana/json-decode.ts'
import * as protobuf from '../../../src/protocols/hrana/protobuf-decode.ts'
import { JSON_PIECES } from '../../../src/protocols/hrana/testing/damage.ts'
import { encode } from '../../../src/protocols/hrana/testing/protobuf-schema.ts'
import { BATCH, PB_BATCH, PB_STATEMENT, STATEMENT } from '../../../src/protocols/hrana/testing/samples.ts'
import type { FuzzTarget, OpenTarget, Outcome } from '../target.ts'
import { refusal, utf8 } from '../target.ts'

const CODES = ['REQUEST_INVALID', 'REQUEST_TOO_LARGE', 'ARGS_INVALID', 'ARGS_BOTH_POSITIONAL_AND_NAMED']
const REQUESTS_MAX = 100

const REQUESTS = [
  { type: 'execute', stmt: STATEMENT },
  { type: 'batch', batch: BATCH },
  { type: 'sequence', sql: 'SELECT 1; SELECT 2' },
  { type: 'describe', sql_id: 1 },
  { type: 'store_sql', sql_id: 1, sql: 'SELECT 1' },
  { type: 'close_sql', sql_id: 1 },
  { type: 'get_autocommit' },
  { type: 'close' },
]
const OF_STREAMS = [
  { type: 'open_stream', stream_id: 1 },
  { type: 'close_stream', stream_id: 1 },
  { type: 'open_cursor', stream_id: 1, cursor_id: 2, batch: BATCH },
  { type: 'fetch_cursor', cursor_id: 2, max_count: 10 },
  { type: 'close_cursor', cursor_id: 2 },
]

type Decode = (bytes: Buffer) => unknown

function target(
  decoders: readonly Decode[],
  samples: readonly (readonly Uint8Array[])[],
  pieces: readonly string[],
): OpenTarget {
  return {
    corpus: samples.flatMap((some, number) => some.map((bytes) => Uint8Array.of(number, ...bytes))),
    pieces: utf8(...pieces),
    feed: (input) => {
      const decode = decoders[(input[0] ?? 0) % decoders.length] as Decode
      return read(() => decode(Buffer.from(input.slice(1).buffer)))
    },
    allocationBytesMax: 8 * 1024 * 1024,
  }
}

function read(decode: () => unknown): Outcome {
  try {
    decode()
    return 'taken'
  } catch (error) {
    return refusal(error, CODES)
  }
}

const text = (value: unknown): Uint8Array[] => utf8(JSON.stringify(value))

export const hranaJson: FuzzTarget = {
  name: 'hrana-json',
  what: 'Hrana in JSON, over HTTP and WebSocket, from a client',
  testInputs: 10_000,
  async open() {
    const messages = [
      { type: 'hello', jwt: 'T' },
      ...[...REQUESTS, ...OF_STREAMS].map((request) => ({
        type: 'request',
        request_id: 1,
        request: { stream_id: 1, ...request },
      })),
    ]
    return target(
      [
        (bytes) => json.decodePipeline(bytes, REQUESTS_MAX),
        (bytes) => json.decodeClientMessage(bytes.toString('utf8')),
        (bytes) => json.decodeCursor(bytes),
        (bytes) => json.decodeV1Execute(bytes),
        (bytes) => json.decodeV1Batch(bytes),
      ],
      [
        REQUESTS.flatMap((request) => text({ baton: 'B', requests: [request] })),
        messages.flatMap(text),
        text({ baton: null, batch: BATCH }),
        text({ stmt: STATEMENT }),
        text({ batch: BATCH }),
      ],
      [...JSON_PIECES, '[[[[[[', '1'.repeat(400)],
    )
  },
}

const PB_REQUESTS = [
  { execute: { stmt: PB_STATEMENT } },
  { batch: { batch: PB_BATCH } },
  { storeSql: { sqlId: 1, sql: 'SELECT 1' } },
  { getAutocommit: {} },
  { close: {} },
]
const PB_MESSAGES = [
  { hello: { jwt: 'T' } },
  { request: { requestId: 1, openStream: { streamId: 1 } } },
  { request: { requestId: 2, execute: { streamId: 1, stmt: PB_STATEMENT } } },
  { request: { requestId: 3, openCursor: { streamId: 1, cursorId: 2, batch: PB_BATCH } } },
  { request: { requestId: 4, fetchCursor: { cursorId: 2, maxCount: 10 } } },
]

export const hranaProtobuf: FuzzTarget = {
  name: 'hrana-protobuf',
  what: 'Hrana in Protobuf, over HTTP and WebSocket, from a client',
  testInputs: 15_000,
  async open() {
    return target(
      [
        (bytes) => protobuf.decodePipeline(bytes, REQUESTS_MAX),
        (bytes) => protobuf.decodeClientMessage(bytes),
        (bytes) => protobuf.decodeCursor(bytes),
      ],
      [
        PB_REQUESTS.map((request) => encode('PipelineReqBody', { baton: 'B', requests: [request] })),
        PB_MESSAGES.map((message) => encode('ClientMsg', message)),
        [encode('CursorReqBody', { baton: 'B', batch: PB_BATCH })],
      ],
      ['\x1a\x02\x1a\x00', '\x0a', '\x12', '\x08'],
    )
  },
}
