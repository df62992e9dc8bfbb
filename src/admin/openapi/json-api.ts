/** OpenAPI: the JSON API, `/v1/databases…`. */

import { errorResponse, jsonBody, jsonResponse, ref, type Paths, type Schemas } from './parts.ts'

export const JSON_API_SCHEMAS: Schemas = {
  Value: {
    description:
      'A SQL value. INTEGER is a number without point or exponent, or a string where JavaScript would round it (see ' +
      '`integers`); REAL a number with a point or an exponent, or a tag for the infinities; TEXT a string; BLOB base64.',
    oneOf: [
      { type: 'null' },
      { type: 'number' },
      { type: 'string' },
      ref('Base64'),
      {
        type: 'object',
        properties: { real: { enum: ['Infinity', '-Infinity'] } },
        required: ['real'],
        additionalProperties: false,
      },
    ],
  },
  Base64: {
    type: 'object',
    properties: { base64: { type: 'string', contentEncoding: 'base64' } },
    required: ['base64'],
    additionalProperties: false,
  },
  Parameter: {
    description:
      'A number without point and exponent is an INTEGER of 64 bits, exactly; any other number a REAL; true and false are 1 and 0.',
    oneOf: [
      { type: 'null' },
      { type: 'boolean' },
      { type: 'number' },
      { type: 'string' },
      ref('Base64'),
      {
        type: 'object',
        properties: { integer: { type: ['string', 'integer'] } },
        required: ['integer'],
        additionalProperties: false,
      },
      {
        type: 'object',
        properties: { real: { type: ['number', 'string'] } },
        required: ['real'],
        additionalProperties: false,
      },
    ],
  },
  Parameters: {
    description:
      'An array for `?` and `?1`, an object for `:name`, `@name` and `$name` (the prefix may be left away).',
    oneOf: [
      { type: 'null' },
      { type: 'array', items: ref('Parameter') },
      { type: 'object', additionalProperties: ref('Parameter') },
    ],
  },
  Statement: {
    oneOf: [
      { type: 'string' },
      {
        type: 'object',
        properties: { sql: { type: 'string' }, params: ref('Parameters') },
        required: ['sql'],
        additionalProperties: false,
      },
    ],
  },
  Consistency: {
    description:
      '`linearizable` (the default) sees every write acknowledged before. `session` sees at least the write or read whose ' +
      '`meta.index` is given as `index`. `stale` reads what this member has, at most `maxStalenessMs` old if that is given. In ' +
      'short: `session 42`, `stale 500ms`; the header `x-harmonydb-consistency` takes these texts, too.',
    oneOf: [
      { type: 'string', pattern: '^(linearizable|session( [0-9]+)?|stale( [0-9]+(ms|s|min)?)?)$' },
      {
        type: 'object',
        properties: {
          level: { enum: ['linearizable', 'session', 'stale'] },
          index: { type: ['integer', 'string'], description: 'The `meta.index` of an earlier response.' },
          maxStalenessMs: { type: 'number', minimum: 0 },
        },
        required: ['level'],
        additionalProperties: false,
      },
    ],
  },
  QueryRequest: {
    description: 'Either `sql` (one statement) or `statements` (all of them or none are applied).',
    type: 'object',
    properties: {
      sql: { type: 'string' },
      params: ref('Parameters'),
      statements: { type: 'array', items: ref('Statement'), minItems: 1 },
      consistency: { oneOf: [{ type: 'null' }, ref('Consistency')] },
      rows: { enum: ['objects', 'arrays'], default: 'objects' },
      integers: {
        enum: ['auto', 'string', 'number'],
        default: 'auto',
        description:
          '`auto`: strings beyond ±(2^53 − 1). `string`: always strings. `number`: always exact number literals, for clients ' +
          'whose JSON parser keeps 64-bit integers.',
      },
    },
    additionalProperties: false,
  },
  Column: {
    type: 'object',
    properties: {
      name: { type: 'string' },
      type: { type: ['string', 'null'], description: 'As declared; null for expressions.' },
    },
    required: ['name', 'type'],
  },
  Row: {
    description:
      'By column name, or by position with `rows: "arrays"`. Repeated names become `name:1`, `name:2`.',
    oneOf: [
      { type: 'object', additionalProperties: ref('Value') },
      { type: 'array', items: ref('Value') },
    ],
  },
  StatementMeta: {
    type: 'object',
    properties: {
      changes: {
        type: 'integer',
        description: 'Rows that the statement itself inserted, updated or deleted.',
      },
      lastRowId: { type: ['integer', 'string', 'null'] },
      durationMs: { type: 'number' },
      index: {
        type: 'integer',
        description: 'Log index of the write, or at which the read was made: a read-your-writes token.',
      },
    },
    required: ['changes', 'lastRowId', 'durationMs', 'index'],
  },
  StatementResult: {
    type: 'object',
    properties: {
      columns: { type: 'array', items: ref('Column') },
      rows: { type: 'array', items: ref('Row') },
      meta: ref('StatementMeta'),
    },
    required: ['columns', 'rows', 'meta'],
  },
  AtomicResult: {
    type: 'object',
    properties: {
      results: { type: 'array', items: ref('StatementResult') },
      meta: {
        type: 'object',
        properties: { durationMs: { type: 'number' }, index: { type: 'integer' } },
        required: ['durationMs', 'index'],
      },
    },
    required: ['results', 'meta'],
  },
  StreamLine: {
    description: 'First columns, then any number of pages of rows, then meta; or an error as the last line.',
    oneOf: [
      {
        type: 'object',
        properties: { columns: { type: 'array', items: ref('Column') } },
        required: ['columns'],
      },
      { type: 'object', properties: { rows: { type: 'array', items: ref('Row') } }, required: ['rows'] },
      { type: 'object', properties: { meta: ref('StatementMeta') }, required: ['meta'] },
      ref('Error'),
    ],
  },
  DatabaseInfo: {
    type: 'object',
    properties: {
      name: { type: 'string' },
      index: { type: 'integer', description: 'Log index that the database has applied.' },
      sizeBytes: { type: 'integer' },
    },
    required: ['name', 'index', 'sizeBytes'],
  },
  DatabaseName: {
    type: 'object',
    properties: { name: { type: 'string' } },
    required: ['name'],
    additionalProperties: false,
  },
}

const DATABASE_PARAMETER = {
  name: 'database',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  example: 'default',
}

const QUERY_EXAMPLES = {
  read: { value: { sql: 'SELECT id, title FROM notes WHERE id = ?', params: [1] } },
  named: { value: { sql: 'INSERT INTO notes (title) VALUES (:title)', params: { title: 'Buy milk' } } },
  atomic: {
    value: {
      statements: [
        { sql: 'UPDATE accounts SET balance = balance - ? WHERE id = ?', params: [10, 1] },
        { sql: 'UPDATE accounts SET balance = balance + ? WHERE id = ?', params: [10, 2] },
      ],
    },
  },
  readYourWrites: {
    value: { sql: 'SELECT count(*) AS n FROM notes', consistency: { level: 'session', index: 42 } },
  },
}

const RESULT_EXAMPLES = {
  read: {
    value: {
      columns: [
        { name: 'id', type: 'INTEGER' },
        { name: 'title', type: 'TEXT' },
      ],
      rows: [{ id: 1, title: 'Buy milk' }],
      meta: { changes: 0, lastRowId: null, durationMs: 0.21, index: 42 },
    },
  },
  atomic: {
    value: {
      results: [
        { columns: [], rows: [], meta: { changes: 1, lastRowId: null, durationMs: 0.1, index: 43 } },
        { columns: [], rows: [], meta: { changes: 1, lastRowId: null, durationMs: 0.1, index: 43 } },
      ],
      meta: { durationMs: 0.2, index: 43 },
    },
  },
}

export const JSON_API_PATHS: Paths = {
  '/v1/databases': {
    get: {
      operationId: 'listDatabases',
      summary: 'The databases that the token may open',
      tags: ['JSON API'],
      responses: {
        200: jsonResponse(
          'All databases.',
          {
            type: 'object',
            properties: { databases: { type: 'array', items: ref('DatabaseInfo') } },
            required: ['databases'],
          },
          { one: { value: { databases: [{ name: 'default', index: 42, sizeBytes: 8192 }] } } },
        ),
        ...errorResponse(401),
      },
    },
    post: {
      operationId: 'createDatabase',
      summary: 'Create a database',
      tags: ['JSON API'],
      requestBody: jsonBody(ref('DatabaseName'), { one: { value: { name: 'shop' } } }),
      responses: {
        201: jsonResponse('It exists now.', ref('DatabaseName'), { one: { value: { name: 'shop' } } }),
        ...errorResponse(400, 401, 403, 409),
      },
    },
  },
  '/v1/databases/{database}': {
    parameters: [DATABASE_PARAMETER],
    delete: {
      operationId: 'dropDatabase',
      summary: 'Drop a database and delete its files',
      tags: ['JSON API'],
      responses: {
        200: jsonResponse('It is gone.', ref('DatabaseName'), { one: { value: { name: 'shop' } } }),
        ...errorResponse(401, 403, 404),
      },
    },
  },
  '/v1/databases/{database}/query': {
    parameters: [DATABASE_PARAMETER],
    post: {
      operationId: 'query',
      summary: 'Run one statement, or several as one atomic transaction',
      tags: ['JSON API'],
      parameters: [
        {
          name: 'idempotency-key',
          in: 'header',
          schema: { type: 'string', minLength: 1, maxLength: 255 },
          description:
            'At most one request with this key is applied: makes a retry after OUTCOME_UNKNOWN safe.',
        },
        {
          name: 'accept',
          in: 'header',
          schema: { type: 'string' },
          description: '`application/x-ndjson` streams the rows of one statement, line by line.',
        },
      ],
      requestBody: jsonBody(ref('QueryRequest'), QUERY_EXAMPLES),
      responses: {
        200: {
          description: 'The result: of `sql` a StatementResult, of `statements` an AtomicResult.',
          content: {
            'application/json': {
              schema: { oneOf: [ref('StatementResult'), ref('AtomicResult')] },
              examples: RESULT_EXAMPLES,
            },
            'application/x-ndjson': { schema: ref('StreamLine') },
          },
        },
        ...errorResponse(400, 401, 403, 404, 409, 413, 503, 504),
      },
    },
  },
}
