/** Calls and answers of every type with random fields of every size. */

import type { ErrorData, SessionContext, TransactionRequest } from '../../../base/transaction.ts'
import type { SqlStatement, SqlValue, StatementResult } from '../../../base/value.ts'
import type { Random } from '../../../host/random.ts'
import type { Rejection, RoutingAnswer, RoutingCall, SubmitAnswer } from '../message.ts'

const EDGES: readonly SqlValue[] = [
  null,
  0n,
  -(2n ** 63n),
  2n ** 63n - 1n,
  2n ** 53n + 1n,
  0,
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  5e-324,
  '',
  'ä𝄞\0"',
  new Uint8Array(0),
]

function number(random: Random): number {
  return random.integer(2 ** (1 + random.integer(52)))
}

function big(random: Random): bigint {
  return random.u64() >> BigInt(random.integer(64))
}

function text(random: Random): string {
  const length = random.integer(random.integer(10) === 0 ? 5_000 : 40)
  return Array.from({ length }, () =>
    String.fromCodePoint(32 + random.integer(random.integer(5) === 0 ? 50_000 : 90)),
  ).join('')
}

function optional<T>(random: Random, make: (random: Random) => T): T | null {
  return random.integer(2) === 0 ? null : make(random)
}

function many<T>(random: Random, lengthMax: number, make: (random: Random) => T): T[] {
  return Array.from({ length: random.integer(lengthMax + 1) }, () => make(random))
}

function value(random: Random): SqlValue {
  const kind = random.integer(6)
  if (kind === 0) return EDGES[random.integer(EDGES.length)] as SqlValue
  if (kind === 1) return BigInt.asIntN(64, random.u64())
  if (kind === 2) return random.float() * 1e9
  if (kind === 3) return random.bytes(random.integer(200))
  return text(random)
}

function context(random: Random): SessionContext {
  return {
    foreignKeys: random.integer(2) === 0,
    lastInsertRowid: BigInt.asIntN(64, random.u64()),
    changes: big(random),
    totalChanges: big(random),
  }
}

function statement(random: Random): SqlStatement {
  const positional = many(random, 5, value)
  return {
    sql: text(random),
    args: { positional, named: many(random, 2, (r) => [text(r), value(r)] as const) },
  }
}

function statements(random: Random): SqlStatement[] {
  const made = many(random, 5, statement)
  // The same text again, as in a bulk insert.
  return made.flatMap((one) =>
    random.integer(3) === 0 ? [one, { ...one, args: statement(random).args }] : [one],
  )
}

export function randomRequest(random: Random): TransactionRequest {
  return {
    statements: statements(random),
    context: context(random),
    idempotencyKey: optional(random, text),
    resultSizeBytesMax: number(random),
  }
}

function column(random: Random): { name: string; declaredType: string | null } {
  return { name: text(random), declaredType: optional(random, text) }
}

function result(random: Random): StatementResult {
  const columns = many(random, 4, column)
  const rows = columns.length === 0 ? [] : many(random, 10, (r) => columns.map(() => value(r)))
  return {
    columns,
    rows,
    changes: big(random),
    lastInsertRowid: optional(random, (r) => BigInt.asIntN(64, r.u64())),
  }
}

function error(random: Random): ErrorData {
  return { code: text(random), message: text(random), offset: optional(random, number) }
}

function rejection(random: Random): Rejection {
  return { kind: 'rejected', error: error(random), leader: optional(random, number) }
}

const SUBMIT_ANSWERS: readonly ((random: Random) => SubmitAnswer)[] = [
  (r) => ({ kind: 'committed', results: many(r, 3, result), context: context(r), index: big(r) }),
  (r) => ({ kind: 'failed', error: error(r), failedStatement: number(r), results: many(r, 3, result) }),
  rejection,
  (r) => ({ kind: 'results-lost', index: big(r) }),
]

export function randomSubmitAnswer(random: Random): SubmitAnswer {
  return (SUBMIT_ANSWERS[random.integer(4)] as (random: Random) => SubmitAnswer)(random)
}

/** One maker for each type: the type checker sees that none is missing. */
const CALLS: {
  readonly [T in RoutingCall['type']]: (random: Random) => Omit<Extract<RoutingCall, { type: T }>, 'type'>
} = {
  submit: (r) => ({ group: number(r), requests: many(r, 4, randomRequest) }),
  begin: (r) => ({
    group: number(r),
    transaction: number(r),
    options: {
      context: context(r),
      snapshotIndex: optional(r, big),
      idempotencyKey: optional(r, text),
      waitTimeoutMs: number(r),
      idleTimeoutMs: number(r),
      totalTimeoutMs: number(r),
    },
  }),
  execute: (r) => ({ transaction: number(r), statement: statement(r), resultSizeBytesMax: number(r) }),
  describe: (r) => ({ transaction: number(r), sql: text(r) }),
  commit: (r) => ({ transaction: number(r) }),
  rollback: (r) => ({ transaction: number(r) }),
  part: (r) => ({
    parcel: number(r),
    sizeBytes: number(r),
    offset: number(r),
    bytes: r.bytes(r.integer(100)),
  }),
  parcel: (r) => ({ parcel: number(r) }),
  fetch: (r) => ({ parcel: number(r), offset: number(r) }),
  'find-leader': (r) => ({ group: number(r) }),
}

const ANSWERS: {
  readonly [K in RoutingAnswer['kind']]: (random: Random) => Omit<Extract<RoutingAnswer, { kind: K }>, 'kind'>
} = {
  submitted: (r) => ({ answers: many(r, 4, randomSubmitAnswer) }),
  done: () => ({}),
  result: (r) => ({ result: result(r) }),
  description: (r) => ({
    description: {
      parameters: many(r, 3, (one) => optional(one, text)),
      columns: many(r, 3, column),
      isExplain: r.integer(2) === 0,
      isReadOnly: r.integer(2) === 0,
    },
  }),
  committed: (r) => ({ index: big(r), context: context(r) }),
  'statement-failed': (r) => ({ error: error(r), ended: optional(r, error) }),
  'no-transaction': () => ({}),
  rejected: rejection,
  part: (r) => ({ bytes: r.bytes(r.integer(100)) }),
  parcel: (r) => ({ parcel: number(r), sizeBytes: number(r) }),
  leader: (r) => ({ leader: optional(r, number) }),
}

export const CALL_TYPES: readonly RoutingCall['type'][] = Object.keys(CALLS) as RoutingCall['type'][]
export const ANSWER_KINDS: readonly RoutingAnswer['kind'][] = Object.keys(ANSWERS) as RoutingAnswer['kind'][]

export function randomCall(random: Random, type: RoutingCall['type']): RoutingCall {
  return { type, ...CALLS[type](random) } as RoutingCall
}

export function randomAnswer(random: Random, kind: RoutingAnswer['kind']): RoutingAnswer {
  return { ...ANSWERS[kind](random), kind } as RoutingAnswer
}
