/** The OpenAPI 3.1 document that a member serves at `/openapi.json`. A test compares it with the router. */

import { CLUSTER_PATHS, CLUSTER_SCHEMAS } from './cluster.ts'
import { HRANA_PATHS, HRANA_SCHEMAS } from './hrana.ts'
import { JSON_API_PATHS, JSON_API_SCHEMAS } from './json-api.ts'
import { ERROR_SCHEMA, jsonResponse, ref } from './parts.ts'

const DESCRIPTION =
  'One HarmonyDB member. The database is named by the path (JSON API), by `/db/NAME` before the path or the header ' +
  '`x-namespace` (Hrana), and is `default` otherwise. A GET of `/` with `Upgrade: websocket` speaks Hrana over WebSocket ' +
  '(subprotocols hrana3, hrana2, hrana1).'

const OPERATION_PATHS = {
  '/': {
    get: {
      operationId: 'page',
      summary: 'A page for people; with Upgrade: websocket, Hrana over WebSocket',
      tags: ['Operation'],
      security: [],
      responses: { 200: { description: 'The page.', content: { 'text/html': {} } } },
    },
  },
  '/health': {
    get: {
      operationId: 'health',
      summary: 'Readiness: whether the member can serve',
      tags: ['Operation'],
      security: [],
      responses: {
        200: jsonResponse('It can.', ref('Health'), { ok: { value: { status: 'ok' } } }),
        503: jsonResponse('It runs, but can not.', ref('Health'), {
          waiting: { value: { status: 'waiting', reason: 'The database default has no leader yet: …' } },
          failing: { value: { status: 'failing', reason: 'The disk is full.' } },
        }),
      },
    },
  },
  '/health/live': {
    get: {
      operationId: 'live',
      summary: 'Liveness: whether the member can go on without a restart',
      tags: ['Operation'],
      security: [],
      responses: {
        200: jsonResponse('It can, even where it waits for others.', ref('Health'), {
          ok: { value: { status: 'ok' } },
        }),
        503: jsonResponse('Only a restart can help.', ref('Health'), {
          failing: { value: { status: 'failing', reason: 'The disk is full.' } },
        }),
      },
    },
  },
  '/version': {
    get: {
      operationId: 'version',
      summary: 'What runs here',
      tags: ['Operation'],
      security: [],
      responses: {
        200: jsonResponse('The version.', ref('Version'), {
          one: { value: { name: 'harmonydb', version: '0.1.0' } },
        }),
      },
    },
  },
  '/metrics': {
    get: {
      operationId: 'metrics',
      summary: 'Metrics for Prometheus',
      tags: ['Operation'],
      responses: { 200: { description: 'The text format, version 0.0.4.', content: { 'text/plain': {} } } },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'openapi',
      summary: 'This document',
      tags: ['Operation'],
      security: [],
      responses: { 200: jsonResponse('OpenAPI 3.1.', { type: 'object' }) },
    },
  },
}

const OPERATION_SCHEMAS = {
  Error: ERROR_SCHEMA,
  Health: {
    type: 'object',
    properties: { status: { enum: ['ok', 'waiting', 'failing'] }, reason: { type: 'string' } },
    required: ['status'],
  },
  Version: {
    type: 'object',
    properties: { name: { const: 'harmonydb' }, version: { type: 'string' } },
    required: ['name', 'version'],
  },
}

export interface OpenApiDocument {
  readonly openapi: string
  readonly info: object
  readonly paths: Readonly<Record<string, object>>
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>
    readonly securitySchemes: object
  }
  readonly [field: string]: unknown
}

export function openApiDocument(version: string, needsToken: boolean): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: {
      title: 'HarmonyDB',
      version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      { url: '/', description: 'The database `default`' },
      {
        url: '/db/{database}',
        variables: { database: { default: 'default' } },
        description: 'Any other, for Hrana',
      },
    ],
    security: needsToken ? [{ token: [] }] : [],
    tags: [{ name: 'JSON API' }, { name: 'Hrana' }, { name: 'Cluster' }, { name: 'Operation' }],
    paths: { ...OPERATION_PATHS, ...JSON_API_PATHS, ...HRANA_PATHS, ...CLUSTER_PATHS },
    components: {
      schemas: { ...OPERATION_SCHEMAS, ...JSON_API_SCHEMAS, ...HRANA_SCHEMAS, ...CLUSTER_SCHEMAS },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  }
}
