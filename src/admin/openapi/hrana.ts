/** OpenAPI: Hrana over HTTP, for those who write a client. The specification is the reference; this is its outline. */

import { jsonBody, jsonResponse, ref, type Paths, type Schemas } from './parts.ts'

export const HRANA_SCHEMAS: Schemas = {
  HranaValue: {
    oneOf: [
      { type: 'object', properties: { type: { const: 'null' } }, required: ['type'] },
      {
        type: 'object',
        properties: { type: { const: 'integer' }, value: { type: 'string' } },
        required: ['type', 'value'],
      },
      {
        type: 'object',
        properties: { type: { const: 'float' }, value: { type: ['number', 'null'] } },
        required: ['type', 'value'],
      },
      {
        type: 'object',
        properties: { type: { const: 'text' }, value: { type: 'string' } },
        required: ['type', 'value'],
      },
      {
        type: 'object',
        properties: { type: { const: 'blob' }, base64: { type: 'string' } },
        required: ['type', 'base64'],
      },
    ],
  },
  HranaStatement: {
    type: 'object',
    properties: {
      sql: { type: ['string', 'null'] },
      sql_id: { type: ['integer', 'null'] },
      args: { type: 'array', items: ref('HranaValue') },
      named_args: {
        type: 'array',
        items: {
          type: 'object',
          properties: { name: { type: 'string' }, value: ref('HranaValue') },
          required: ['name', 'value'],
        },
      },
      want_rows: { type: ['boolean', 'null'] },
    },
  },
  HranaBatch: {
    type: 'object',
    properties: {
      steps: {
        type: 'array',
        items: {
          type: 'object',
          properties: { stmt: ref('HranaStatement'), condition: { type: ['object', 'null'] } },
          required: ['stmt'],
        },
      },
    },
    required: ['steps'],
  },
  HranaStreamRequest: {
    description:
      'execute, batch, sequence, describe, store_sql, close_sql, get_autocommit (version 3) or close.',
    type: 'object',
    properties: { type: { type: 'string' }, stmt: ref('HranaStatement'), batch: ref('HranaBatch') },
    required: ['type'],
  },
  HranaPipelineRequest: {
    type: 'object',
    properties: {
      baton: { type: ['string', 'null'], description: 'From the response before; null opens a stream.' },
      requests: { type: 'array', items: ref('HranaStreamRequest') },
    },
    required: ['requests'],
  },
  HranaPipelineResponse: {
    type: 'object',
    properties: {
      baton: {
        type: ['string', 'null'],
        description: 'For the next request; null when the stream is closed.',
      },
      base_url: { type: ['string', 'null'] },
      results: {
        type: 'array',
        items: { type: 'object', properties: { type: { enum: ['ok', 'error'] } }, required: ['type'] },
      },
    },
    required: ['baton', 'base_url', 'results'],
  },
  HranaCursorRequest: {
    type: 'object',
    properties: { baton: { type: ['string', 'null'] }, batch: ref('HranaBatch') },
    required: ['batch'],
  },
  HranaError: {
    type: 'object',
    properties: { message: { type: 'string' }, code: { type: ['string', 'null'] } },
    required: ['message'],
  },
}

const SELECT_ONE = { sql: 'SELECT ? AS one', args: [{ type: 'integer', value: '1' }] }
const PIPELINE_EXAMPLE = {
  executeAndClose: {
    value: { baton: null, requests: [{ type: 'execute', stmt: SELECT_ONE }, { type: 'close' }] },
  },
}
const BATCH_EXAMPLE = { one: { value: { batch: { steps: [{ stmt: SELECT_ONE }] } } } }
const TAGS = ['Hrana']

function errors(): object {
  return {
    400: jsonResponse('The request is wrong.', ref('HranaError')),
    401: jsonResponse('No valid token.', ref('HranaError')),
  }
}

function probe(version: string): object {
  return {
    get: {
      operationId: `hranaProbe${version}`,
      summary: `Tells that Hrana ${version} is spoken here`,
      tags: TAGS,
      security: [],
      responses: { 200: { description: 'It is.' } },
    },
  }
}

function pipeline(version: string): object {
  return {
    post: {
      operationId: `hranaPipeline${version}`,
      summary: 'Requests on one stream, in order',
      tags: TAGS,
      requestBody: jsonBody(ref('HranaPipelineRequest'), PIPELINE_EXAMPLE),
      responses: {
        200: jsonResponse('One result for each request.', ref('HranaPipelineResponse')),
        ...errors(),
      },
    },
  }
}

function protobuf(operation: string): object {
  return {
    post: {
      operationId: `hranaProtobuf${operation}`,
      summary: `${operation} in Protobuf`,
      tags: TAGS,
      requestBody: { required: true, content: { 'application/x-protobuf': {} } },
      responses: { 200: { description: 'In Protobuf.', content: { 'application/x-protobuf': {} } } },
    },
  }
}

export const HRANA_PATHS: Paths = {
  '/v2': probe('2'),
  '/v2/pipeline': pipeline('2'),
  '/v3': probe('3'),
  '/v3/pipeline': pipeline('3'),
  '/v3/cursor': {
    post: {
      operationId: 'hranaCursor',
      summary: 'A batch whose rows are streamed, one JSON value a line',
      tags: TAGS,
      requestBody: jsonBody(ref('HranaCursorRequest'), BATCH_EXAMPLE),
      responses: {
        200: { description: 'First baton and base_url, then entries.', content: { 'application/json': {} } },
        ...errors(),
      },
    },
  },
  '/v3-protobuf': probe('3Protobuf'),
  '/v3-protobuf/pipeline': protobuf('Pipeline'),
  '/v3-protobuf/cursor': protobuf('Cursor'),
  '/v1/execute': {
    post: {
      operationId: 'hranaExecute',
      summary: 'One statement (Hrana 1 over HTTP)',
      tags: TAGS,
      requestBody: jsonBody(
        { type: 'object', properties: { stmt: ref('HranaStatement') }, required: ['stmt'] },
        { one: { value: { stmt: SELECT_ONE } } },
      ),
      responses: { 200: jsonResponse('Its result.', { type: 'object' }), ...errors() },
    },
  },
  '/v1/batch': {
    post: {
      operationId: 'hranaBatch',
      summary: 'One batch (Hrana 1 over HTTP)',
      tags: TAGS,
      requestBody: jsonBody(
        { type: 'object', properties: { batch: ref('HranaBatch') }, required: ['batch'] },
        BATCH_EXAMPLE,
      ),
      responses: { 200: jsonResponse('Its results.', { type: 'object' }), ...errors() },
    },
  },
}
