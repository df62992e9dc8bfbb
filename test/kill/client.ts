/** Two small clients that tell exactly what they know of a transaction's outcome: the JSON API, and Hrana over HTTP. */

export type Outcome =
  | { readonly kind: 'committed' }
  /** The member said that nothing was done, or can't have seen the request. */
  | { readonly kind: 'refused'; readonly code: string }
  /** No answer, or one that says that nobody knows. */
  | { readonly kind: 'unknown' }

export type Value = number | string
export type Statement = readonly [sql: string, ...params: Value[]]

class Refusal extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(`${code}: ${message}`)
    this.code = code
  }
}

async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return response.json()
}

function errorCode(error: unknown): string {
  if (error instanceof Refusal) return error.code
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
  return cause?.code ?? 'no answer'
}

/** Only a refusal in words, or a connection that never came about, is certain. */
function outcomeOf(error: unknown): Outcome {
  const code = errorCode(error)
  const isCertain = (error instanceof Refusal && code !== 'OUTCOME_UNKNOWN') || code === 'ECONNREFUSED'
  return isCertain ? { kind: 'refused', code } : { kind: 'unknown' }
}

interface QueryResponse {
  readonly error?: { readonly code: string; readonly message: string }
  readonly results?: readonly { readonly rows: readonly (readonly Value[])[] }[]
}

async function call(
  url: string,
  statements: readonly Statement[],
  key: string | null,
): Promise<QueryResponse> {
  const body = { statements: statements.map(([sql, ...params]) => ({ sql, params })), rows: 'arrays' }
  const headers = key === null ? {} : { 'idempotency-key': key }
  const response = (await post(`${url}/v1/databases/default/query`, body, headers)) as QueryResponse
  if (response.error !== undefined) throw new Refusal(response.error.code, response.error.message)
  return response
}

/** Rows of the last statement, each sent on its own. */
export async function query(url: string, ...statements: Statement[]): Promise<readonly (readonly Value[])[]> {
  let rows: readonly (readonly Value[])[] = []
  for (const [sql, ...params] of statements) {
    const body = { sql, params, rows: 'arrays' }
    const response = (await post(`${url}/v1/databases/default/query`, body)) as QueryResponse & {
      rows?: typeof rows
    }
    if (response.error !== undefined) throw new Refusal(response.error.code, response.error.message)
    rows = response.rows ?? []
  }
  return rows
}

/** All statements in one atomic call of the JSON API. */
export async function atomicTransaction(
  url: string,
  statements: readonly Statement[],
  key: string | null,
): Promise<Outcome> {
  try {
    await call(url, statements, key)
    return { kind: 'committed' }
  } catch (error) {
    return outcomeOf(error)
  }
}

interface PipelineResponse {
  readonly baton: string | null
  readonly results: readonly {
    readonly type: 'ok' | 'error'
    readonly error?: { readonly code: string; readonly message: string }
  }[]
}

async function pipeline(
  url: string,
  baton: string | null,
  statements: readonly Statement[],
): Promise<string | null> {
  const requests = statements.map(([sql, ...params]) => ({
    type: 'execute',
    stmt: {
      sql,
      args: params.map((value) =>
        typeof value === 'string' ? { type: 'text', value } : { type: 'integer', value: `${value}` },
      ),
    },
  }))
  const response = (await post(`${url}/v2/pipeline`, { baton, requests })) as Partial<PipelineResponse>
  const failed = response.results?.find((result) => result.type === 'error')?.error
  if (failed !== undefined) throw new Refusal(failed.code, failed.message)
  if (response.results === undefined) throw new Refusal('HRANA', JSON.stringify(response))
  return response.baton ?? null
}

/** BEGIN, then statement after statement in requests of their own, then COMMIT, over Hrana. */
export async function interactiveTransaction(
  url: string,
  statements: readonly Statement[],
): Promise<Outcome> {
  let isCommitSent = false
  try {
    let baton = await pipeline(url, null, [['BEGIN IMMEDIATE']])
    for (const statement of statements) baton = await pipeline(url, baton, [statement])
    isCommitSent = true
    await pipeline(url, baton, [['COMMIT']])
    return { kind: 'committed' }
  } catch (error) {
    const outcome = outcomeOf(error)
    // Without a COMMIT there is nothing to be in doubt about.
    return isCommitSent ? outcome : { kind: 'refused', code: errorCode(error) }
  }
}
