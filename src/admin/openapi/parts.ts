/** OpenAPI: small parts that all paths use. */

/** Parts of the document by their names. */
export type Schemas = Readonly<Record<string, object>>
export type Paths = Readonly<Record<string, object>>

type Examples = Readonly<Record<string, { readonly value: unknown }>>

export function ref(schema: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${schema}` }
}

export function jsonBody(schema: object, examples: Examples): object {
  return { required: true, content: { 'application/json': { schema, examples } } }
}

export function jsonResponse(description: string, schema: object, examples: Examples = {}): object {
  return { description, content: { 'application/json': { schema, examples } } }
}

const ERROR_DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request or its SQL is wrong.',
  401: 'The token is missing or was not accepted.',
  403: 'The token may only read.',
  404: 'There is no such database or member.',
  409: 'A constraint, another transaction or the majority of the cluster is in the way.',
  413: 'The body, a statement or the transaction is over its limit.',
  503: 'Nothing was done; the same request may be sent again.',
  504: 'Stopped by a timeout, or the outcome is unknown: `error.code` tells which.',
}

/** `error.code` tells more than the status: docs/guide/errors.md lists all codes. */
export function errorResponse(...statuses: readonly number[]): Readonly<Record<number, object>> {
  return Object.fromEntries(
    statuses.map((status) => [status, jsonResponse(ERROR_DESCRIPTIONS[status] ?? '', ref('Error'))]),
  )
}

export const ERROR_SCHEMA: object = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: {
        code: { type: 'string', description: 'Stable; documented in the guide.' },
        message: { type: 'string', description: 'What happened, to what, and what to do.' },
        offset: { type: 'integer', description: 'Byte offset in the SQL text.' },
        retryable: { type: 'boolean', description: 'Nothing was done; the same request may be sent again.' },
      },
      required: ['code', 'message', 'retryable'],
      additionalProperties: false,
    },
    code: { type: 'string', description: 'As in `error`: where libSQL clients look for it.' },
    message: { type: 'string', description: 'As in `error`: where libSQL clients look for it.' },
  },
  required: ['error', 'code', 'message'],
  additionalProperties: false,
}
