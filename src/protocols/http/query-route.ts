/** `POST /v1/databases/NAME/query`: one statement, or several as one atomic transaction. */

import { HarmonyError, toHarmonyError } from '../../base/errors.ts'
import { assert } from '../../base/assert.ts'
import type { ResultColumn } from '../../base/value.ts'
import type { ExecuteOptions, Gateway, Session } from '../../gateway/session.ts'
import { asksFor } from './accepts.ts'
import { consistencyOf } from './consistency-header.ts'
import { parseExactJson } from './exact-json.ts'
import type { HttpExchange, HttpRoute } from './exchange.ts'
import { readQueryRequest, type QueryRequest } from './query-request.ts'
import { encodeResponse, STREAM_LINE } from './query-response.ts'
import { errorBody } from './status.ts'

const NDJSON = 'application/x-ndjson'
const IDEMPOTENCY_KEY_LENGTH_MAX = 255

export function queryRoute(gateway: Gateway): HttpRoute {
  return {
    method: 'POST',
    path: /^\/v1\/databases\/(?<database>[^/]+)\/query$/,
    handle: (exchange) => handleQuery(gateway, exchange),
  }
}

async function handleQuery(gateway: Gateway, exchange: HttpExchange): Promise<void> {
  const request = readQueryRequest(parseExactJson(await exchange.readBody()))
  const options = executeOptions(request, exchange)
  const isStreamed = asksFor(exchange.request.headers.accept, NDJSON)
  if (isStreamed && request.isAtomicCall) {
    throw new HarmonyError(
      'REQUEST_INVALID',
      `Several statements can't be streamed: ask for application/json.`,
    )
  }
  const session = await gateway.openSession(exchange.database, exchange.credential)
  exchange.signal.addEventListener('abort', () => session.cancel?.())
  try {
    if (isStreamed) await streamQuery(session, exchange, request, options)
    else exchange.send(200, 'application/json', await runQuery(session, request, options))
  } finally {
    await session.close()
  }
}

function executeOptions(request: QueryRequest, exchange: HttpExchange): ExecuteOptions {
  const key = exchange.request.headers['idempotency-key']
  if (Array.isArray(key) || (key !== undefined && (key === '' || key.length > IDEMPOTENCY_KEY_LENGTH_MAX))) {
    throw new HarmonyError(
      'REQUEST_INVALID',
      `The header idempotency-key must be one text of 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} characters.`,
    )
  }
  const consistency = request.consistency ?? consistencyOf(exchange.request)
  return {
    ...(consistency === null ? {} : { consistency }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
  }
}

async function runQuery(session: Session, request: QueryRequest, options: ExecuteOptions): Promise<string> {
  if (request.isAtomicCall) {
    return encodeResponse(request, await session.executeAtomic(request.statements, options))
  }
  const [statement] = request.statements
  assert(statement !== undefined, 'a query has a statement')
  const result = await session.execute(statement, options)
  refuseOpenTransaction(session)
  return encodeResponse(request, [result])
}

/** Closing the session rolls back what `BEGIN` has opened; without this error the client would not notice. */
function refuseOpenTransaction(session: Session): void {
  if (session.isAutocommit) return
  throw new HarmonyError(
    'STATEMENT_REFUSED',
    'A transaction can not stay open between calls of the JSON API. Send its statements in one call, as ' +
      '{"statements": […]}, which is atomic; or use a libSQL client for interactive transactions.',
  )
}

/** Rows go out page by page as the client takes them: neither side ever holds the whole result. */
async function streamQuery(
  session: Session,
  exchange: HttpExchange,
  request: QueryRequest,
  options: ExecuteOptions,
): Promise<void> {
  const steps = request.statements.map((statement) => ({ statement, condition: null }))
  let columns: readonly ResultColumn[] = []
  for await (const event of session.batch(steps, options)) {
    switch (event.type) {
      case 'step_begin':
        columns = event.columns
        exchange.response.writeHead(200, { 'content-type': NDJSON })
        await exchange.write(STREAM_LINE.columns(request, columns))
        break
      case 'rows':
        await exchange.write(STREAM_LINE.rows(request, columns, event.rows))
        break
      case 'step_end':
        refuseOpenTransaction(session)
        await exchange.write(STREAM_LINE.meta(request, event))
        break
      case 'step_error':
        await answerStreamError(exchange, event.error)
        break
    }
  }
}

/** Before the first line an error is an ordinary response; after it, a line of the stream. */
async function answerStreamError(exchange: HttpExchange, error: Error): Promise<void> {
  if (!exchange.response.headersSent) throw error
  await exchange.write(`${JSON.stringify(errorBody(toHarmonyError(error)))}\n`)
}
