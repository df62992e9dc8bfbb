/** The body of `POST /v1/databases/NAME/query`, read and checked field by field. */

import { HarmonyError } from '../../base/errors.ts'
import type { SqlArguments, SqlStatement } from '../../base/value.ts'
import { NO_ARGUMENTS } from '../../base/value.ts'
import { parseConsistency } from '../../gateway/consistency.ts'
import type { Consistency } from '../../gateway/session.ts'
import type { ExactJson } from './exact-json.ts'
import { decodeValue, type IntegerFormat, type RowFormat } from './json-values.ts'

export interface QueryRequest {
  readonly statements: readonly SqlStatement[]
  /** Whether the client sent `statements` (one atomic call) and not `sql`. The response has the same shape. */
  readonly isAtomicCall: boolean
  readonly consistency: Consistency | null
  readonly rows: RowFormat
  readonly integers: IntegerFormat
}

type JsonObject = Readonly<Record<string, ExactJson>>

const REQUEST_FIELDS = ['sql', 'params', 'statements', 'consistency', 'rows', 'integers']
const STATEMENT_FIELDS = ['sql', 'params']
const CONSISTENCY_FIELDS = ['level', 'index', 'maxStalenessMs']

/** Throws REQUEST_INVALID or ARGS_INVALID; the message names the field. */
export function readQueryRequest(json: ExactJson): QueryRequest {
  const body = asObject(json, 'The request body', REQUEST_FIELDS)
  const isAtomicCall = body['statements'] !== undefined
  if (isAtomicCall && (body['sql'] !== undefined || body['params'] !== undefined)) {
    throw invalid(
      'statements and sql exclude each other: send one statement in sql, or several in statements.',
    )
  }
  return {
    statements: isAtomicCall ? readStatements(body['statements'] as ExactJson) : [readStatement(body, '')],
    isAtomicCall,
    consistency: readConsistency(body['consistency']),
    rows: readChoice(body['rows'], 'rows', ['objects', 'arrays']),
    integers: readChoice(body['integers'], 'integers', ['auto', 'string', 'number']),
  }
}

function readStatements(json: ExactJson): SqlStatement[] {
  if (!Array.isArray(json)) throw invalid('statements must be an array.')
  if (json.length === 0) throw invalid('statements is empty; it must hold at least one statement.')
  return (json as ExactJson[]).map((one, at) => {
    const field = `statements[${at}]`
    if (typeof one === 'string') return { sql: one, args: NO_ARGUMENTS }
    return readStatement(asObject(one, field, STATEMENT_FIELDS), `${field}.`)
  })
}

function readStatement(json: JsonObject, prefix: string): SqlStatement {
  const { sql, params } = json
  if (sql === undefined) throw invalid(`${prefix}sql is missing.`)
  if (typeof sql !== 'string') throw invalid(`${prefix}sql must be a string.`)
  return { sql, args: readParams(params ?? null, `${prefix}params`) }
}

function readParams(json: ExactJson, field: string): SqlArguments {
  if (json === null) return NO_ARGUMENTS
  if (Array.isArray(json)) {
    const positional = (json as ExactJson[]).map((value, at) => decodeValue(value, `${field}[${at}]`))
    return { positional, named: [] }
  }
  if (typeof json !== 'object') {
    throw new HarmonyError('ARGS_INVALID', `${field} must be an array (for ?) or an object (for :name).`)
  }
  const named = Object.entries(json as JsonObject).map(
    ([name, value]) => [name.replace(/^[:@$]/, ''), decodeValue(value, `${field}.${name}`)] as const,
  )
  return { positional: [], named }
}

/** A text says the same in short: `"stale 500ms"` is `{"level": "stale", "maxStalenessMs": 500}`. */
function readConsistency(json: ExactJson | undefined): Consistency | null {
  if (json === undefined || json === null) return null
  if (typeof json === 'string') return parseConsistency(json, 'consistency')
  const body = asObject(json, 'consistency', CONSISTENCY_FIELDS)
  const { level, index, maxStalenessMs } = body as { [name: string]: ExactJson | undefined }
  if (index !== undefined && level !== 'session') {
    throw invalid('consistency.index belongs to the level "session".')
  }
  if (maxStalenessMs !== undefined && level !== 'stale') {
    throw invalid('consistency.maxStalenessMs belongs to the level "stale".')
  }
  if (level === 'linearizable') return { level }
  if (level === 'session') return index === undefined ? { level } : { level, index: readIndex(index) }
  if (level === 'stale') {
    return maxStalenessMs === undefined ? { level } : { level, maxStalenessMs: readDuration(maxStalenessMs) }
  }
  throw invalid('consistency.level must be "linearizable", "session" or "stale".')
}

function readIndex(json: ExactJson): bigint {
  const index = typeof json === 'string' && /^\d{1,20}$/.test(json) ? BigInt(json) : json
  if (typeof index === 'bigint' && index >= 0n && index < 2n ** 64n) return index
  throw invalid('consistency.index must be the meta.index of an earlier response.')
}

function readDuration(json: ExactJson): number {
  const durationMs = typeof json === 'bigint' ? Number(json) : json
  if (typeof durationMs === 'number' && durationMs >= 0 && Number.isFinite(durationMs)) return durationMs
  throw invalid('consistency.maxStalenessMs must be a number of milliseconds that is not negative.')
}

function readChoice<T extends string>(
  json: ExactJson | undefined,
  field: string,
  choices: readonly [T, ...T[]],
): T {
  if (json === undefined) return choices[0]
  const chosen = choices.find((choice) => choice === json)
  if (chosen !== undefined) return chosen
  throw invalid(`${field} must be one of ${choices.map((choice) => `"${choice}"`).join(', ')}.`)
}

/** `json` as an object with no other fields than `known`: a misspelled field must not be passed over in silence. */
export function asObject(json: ExactJson, what: string, known: readonly string[]): JsonObject {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw invalid(`${what} must be a JSON object with ${known.join(', ')}.`)
  }
  const unknown = Object.keys(json).find((name) => !known.includes(name))
  if (unknown === undefined) return json as JsonObject
  throw invalid(
    `${what} has no field ${JSON.stringify(unknown.slice(0, 100))}; it may have ${known.join(', ')}.`,
  )
}

function invalid(message: string): HarmonyError {
  return new HarmonyError('REQUEST_INVALID', message)
}
