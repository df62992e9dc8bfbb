/** What the JSON API reads of a request: body, values, consistency. */

import { parseExactJson } from '../../../src/protocols/http/exact-json.ts'
import { readQueryRequest } from '../../../src/protocols/http/query-request.ts'
import { parseConsistency } from '../../../src/gateway/consistency.ts'
import type { FuzzTarget, Outcome } from '../target.ts'
import { refusal, utf8 } from '../target.ts'

const CODES = ['REQUEST_INVALID', 'REQUEST_TOO_LARGE', 'ARGS_INVALID']

const BODIES = [
  { sql: 'SELECT ?, ?, ?', params: [1, 'two', null, 1.5, true, { base64: 'AQID' }, { real: '-Infinity' }] },
  { sql: 'SELECT :a', params: { a: 9007199254740991, ':b': 'x', $c: { integer: '9223372036854775807' } } },
  { statements: ['SELECT 1', { sql: 'SELECT ?', params: [2] }], rows: 'arrays', integers: 'string' },
  { sql: 'SELECT 1', consistency: { level: 'session', index: '123' } },
  { sql: 'SELECT 1', consistency: { level: 'stale', maxStalenessMs: 500 }, integers: 'number' },
  { sql: 'SELECT 1', consistency: 'stale 500ms' },
]
const CONSISTENCIES = [
  'linearizable',
  'session',
  'session 18446744073709551615',
  'stale',
  'stale 1.5s',
  'stale 500ms',
]

export const httpJson: FuzzTarget = {
  name: 'http-json',
  what: 'bodies of the JSON API, from a client',
  testInputs: 10_000,
  async open() {
    return {
      corpus: [
        ...BODIES.map((body) => Uint8Array.of(0, ...new TextEncoder().encode(JSON.stringify(body)))),
        ...CONSISTENCIES.map((text) => Uint8Array.of(1, ...new TextEncoder().encode(text))),
      ],
      pieces: utf8(
        'null',
        '{}',
        '[]',
        '-0',
        '1e999',
        '9'.repeat(60),
        '"__proto__":',
        '"base64":"',
        '\\ud800',
        '{"a":',
        '[[',
      ),
      feed: (input) => read((input[0] ?? 0) % 2, input.subarray(1)),
      allocationBytesMax: 8 * 1024 * 1024,
    }
  },
}

function read(kind: number, bytes: Uint8Array): Outcome {
  try {
    if (kind === 0) readQueryRequest(parseExactJson(bytes))
    else parseConsistency(new TextDecoder().decode(bytes), 'consistency')
    return 'taken'
  } catch (error) {
    return refusal(error, CODES)
  }
}
