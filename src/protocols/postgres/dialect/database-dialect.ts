/**
 * The dialect of one database, shared by its connections: the schema as last read, and plans by text.
 *
 * The schema is read again when a statement of this front door has changed it, and looked at (PRAGMA schema_version) once in a while, because other
 * protocols and members change it too. A plan that is older than that by a moment can't harm: SQLite itself checks names and
 * constraints, and the columns of `*` and of INSERT are spelled out in the plan. A name that is not known may be one that somebody has just made: before
 * that is an error, the schema is looked at again.
 */

import type { RawStmt } from 'libpg-query'
import { HarmonyError } from '../../../base/errors.ts'
import { consistencyHint } from '../../../gateway/consistency.ts'
import type { Session } from '../../../gateway/session.ts'
import { PgError } from '../error.ts'
import type { ConstraintNames } from '../session/harmony-error.ts'
import { open } from './ast.ts'
import { compileStatement, type ParsedStatement } from './compiler.ts'
import { LruCache } from './lru-cache.ts'
import { Offsets, parseTree } from './parse.ts'
import type { CompiledStatement } from './plan.ts'
import { EMPTY_SCHEMA, type Schema } from './schema.ts'
import { loadSchema, schemaVersion } from './schema-loader.ts'
import { splitScript, withoutLeadingComments } from './sql-lexer.ts'
import type { TemporarySpace } from './temporary-space.ts'

const CHECK_INTERVAL_MS = 500
const SCRIPTS_MAX = 2_000
const PLANS_MAX = 5_000
/** Longer texts are not worth remembering: each is likely to come once. */
const REMEMBERED_TEXT_LENGTH_MAX = 32 * 1024

const OWN_STATEMENT = /^(?:set|show|reset|begin|start|commit|end|rollback|savepoint|release|discard)\b/i

const NO_PARSER = new PgError('42601', "syntax error in SQLite's dialect")

const EMPTY: ParsedStatement = {
  text: '',
  script: '',
  tree: null,
  syntaxError: null,
  isTransactionExit: false,
  consistency: null,
}

export class DatabaseDialect {
  #schema: Schema | null = null
  /** By `performance.now()`: a clock that is set back would keep an old schema. */
  #checkedAtMs = -Infinity
  /** Log index of the newest change that this front door has made: whoever reads older states must not bring an older schema for all. */
  #changedAt = 0n
  #changeCount = 0
  #looking: Look | null = null
  readonly #onSchema: (schema: Schema) => void
  readonly #scripts = new LruCache<readonly ParsedStatement[]>(SCRIPTS_MAX)
  readonly #plans = new LruCache<CompiledStatement>(PLANS_MAX)

  readonly emptyStatement: ParsedStatement = EMPTY

  /** `onSchema` is told of every state of the schema that is read. */
  constructor(onSchema: (schema: Schema) => void = () => undefined) {
    this.#onSchema = onSchema
  }

  readonly constraintNames: ConstraintNames = (table, columns) =>
    this.#schema?.constraintName(table, columns) ?? null

  /** A statement of this front door has changed the schema, or may have; its session has seen `index`. */
  schemaChanged(index: bigint): void {
    if (index > this.#changedAt) this.#changedAt = index
    this.#changeCount++
    this.#schema = null
    this.#plans.clear()
  }

  /** Grows whenever the schema is found to be another one. */
  get generation(): number {
    return this.#changeCount
  }

  /** Throws PgError only where neither PostgreSQL nor SQLite could mean anything by the text. */
  parse(sql: string): readonly ParsedStatement[] {
    const known = this.#scripts.get(sql)
    if (known !== undefined) return known
    const parsed = parseScript(sql)
    if (sql.length <= REMEMBERED_TEXT_LENGTH_MAX) this.#scripts.set(sql, parsed)
    return parsed
  }

  /** The same for a session that speaks SQLite's dialect: only what is the front door's own business is PostgreSQL's. */
  parseNative(sql: string): readonly ParsedStatement[] {
    return splitScript(sql).map(({ text }) => {
      if (!OWN_STATEMENT.test(withoutLeadingComments(text))) return native(text, NO_PARSER)
      return this.parse(text)[0] ?? EMPTY
    })
  }

  /** A script with a statement that nobody understands does nothing at all: throws the syntax error of the first such one. */
  async checkSyntax(statements: readonly ParsedStatement[], session: Session): Promise<void> {
    for (const { tree, text, syntaxError } of statements) {
      if (tree !== null || syntaxError === null) continue
      await session.describe(text).catch((error: unknown) => {
        // Anything else may come right when the statements before it have run.
        if (error instanceof HarmonyError && error.code === 'SQL_PARSE_ERROR') throw syntaxError
      })
    }
  }

  /** What `compile` gives, where that is known or takes no look at the schema; null otherwise. Throws PgError. */
  compileNow(
    parsed: ParsedStatement,
    parameterTypes: readonly number[],
    { session, isPrivate, temporary }: Asking,
  ): CompiledStatement | null {
    if (parsed === EMPTY) return { plan: { kind: 'empty' }, parameterTypes: [] }
    if (!needsSchema(parsed)) return compileStatement(parsed, parameterTypes, EMPTY_SCHEMA)
    const isCurrent = this.#schema !== null && (!session.isAutocommit || this.isFresh)
    if (isPrivate || !isCurrent || !mayBeRemembered(parsed)) return null
    return this.#plans.get(planKey(parsed, parameterTypes, temporary)) ?? null
  }

  async compile(
    parsed: ParsedStatement,
    parameterTypes: readonly number[],
    asking: Asking,
  ): Promise<CompiledStatement> {
    const now = this.compileNow(parsed, parameterTypes, asking)
    if (now !== null) return now
    const before = this.#schema
    // What another session began to read before may be older than what this one knows of.
    const mayBeOld = before !== null || this.#looking !== null
    try {
      return await this.#compileAsKnown(parsed, parameterTypes, asking)
    } catch (error) {
      const newer =
        isAboutNames(error) && !asking.isPrivate && mayBeOld ? await this.#otherThan(before, asking) : null
      if (newer === null) throw error
      return compileStatement(parsed, parameterTypes, newer.seenBy(asking.temporary.prefix), asking.temporary)
    }
  }

  async #compileAsKnown(
    parsed: ParsedStatement,
    parameterTypes: readonly number[],
    { session, isPrivate, temporary }: Asking,
  ): Promise<CompiledStatement> {
    if (isPrivate) {
      const own = await this.schemaOf({ session, isPrivate, temporary })
      return compileStatement(parsed, parameterTypes, own, temporary)
    }
    const current = await this.#current(session)
    const schema = current.seenBy(temporary.prefix)
    const isRemembered = mayBeRemembered(parsed) && current === this.#schema
    const known = isRemembered ? this.#plans.get(planKey(parsed, parameterTypes, temporary)) : undefined
    if (known !== undefined) return known
    const compiled = compileStatement(parsed, parameterTypes, schema, temporary)
    // The key is made anew: the statement may have opened the session's temporary space, and is then nobody else's.
    if (isRemembered) this.#plans.set(planKey(parsed, parameterTypes, temporary), compiled)
    return compiled
  }

  /** As the session sees it now. */
  async schemaOf({ session, isPrivate, temporary }: Asking): Promise<Schema> {
    const schema = isPrivate ? await loadSchema(session) : await this.#current(session)
    return schema.seenBy(temporary.prefix)
  }

  /** Whether `refresh` has nothing to do. */
  get isFresh(): boolean {
    return this.#schema !== null && performance.now() - this.#checkedAtMs < CHECK_INTERVAL_MS
  }

  /** Before BEGIN, so that the transaction itself need not look. */
  async refresh(session: Session): Promise<void> {
    if (session.isAutocommit) await this.#current(session)
  }

  /**
   * `isNew`: what somebody made in this moment has to be in it. Otherwise whoever comes while another session looks waits for what that one sees: ten
   * thousand clients whose first statements come at once would read the schema ten thousand times.
   */
  async #current(session: Session, isNew = false): Promise<Schema> {
    const now = performance.now()
    // A look inside of a transaction would be its first read, and the snapshot would be that old at its first write.
    const isLookAllowed = session.isAutocommit && now - this.#checkedAtMs >= CHECK_INTERVAL_MS
    if (this.#schema !== null && !isLookAllowed) return this.#schema
    const others = isNew || !session.isAutocommit ? null : this.#looking
    if (others !== null && others.changes === this.#changeCount)
      // A look can fail for reasons of its session's own; then one of those who waited looks.
      return (await others.schema.catch(() => null)) ?? this.#current(session)
    const { consistency } = session
    if (consistency.level !== 'linearizable')
      session.consistency = { level: 'session', index: this.#changedAt }
    const { promise, resolve, reject } = Promise.withResolvers<Schema>()
    const looking: Look = { schema: promise, changes: this.#changeCount }
    if (session.isAutocommit) this.#looking = looking
    promise.catch(() => undefined)
    try {
      resolve(await this.#look(session, now, looking))
    } catch (error) {
      reject(error)
    } finally {
      session.consistency = consistency
      if (this.#looking === looking) this.#looking = null
    }
    return promise
  }

  /** The schema as the session sees it, if that is not `known`. Within a transaction it is the session's alone: its state may be an older one. */
  async #otherThan(known: Schema | null, { session }: Asking): Promise<Schema | null> {
    if (session.isAutocommit) {
      this.#checkedAtMs = -Infinity
      const current = await this.#current(session, true)
      return current === known ? null : current
    }
    if (known === null) return null
    return (await schemaVersion(session)) === known.version ? null : loadSchema(session)
  }

  async #look(session: Session, now: number, looking: Look): Promise<Schema> {
    const known = this.#schema
    // Somebody may change it meanwhile; then what was known is worth nothing.
    if (known !== null && (await schemaVersion(session)) === known.version && this.#schema === known) {
      this.#checkedAtMs = now
      return known
    }
    this.#plans.clear()
    if (this.#schema !== null) this.#changeCount++
    // Until the new one is here, nobody may take the old one for it: of several who look at the same time only the last one's is kept.
    this.#schema = null
    const changes = this.#changeCount
    looking.changes = changes
    const schema = await loadSchema(session)
    this.#onSchema(schema)
    // What was read while somebody changed the schema may be the old one: it serves this statement, and is not kept.
    if (changes !== this.#changeCount) return schema
    this.#schema = schema
    this.#checkedAtMs = now
    return schema
  }
}

/** A look at the schema that is under way. */
interface Look {
  readonly schema: Promise<Schema>
  /** Changes that were known when what it reads began to be read. */
  changes: number
}

/** undefined_table, undefined_column, undefined_function, undefined_object, ambiguous or duplicate names. */
function isAboutNames(error: unknown): boolean {
  return error instanceof PgError && error.sqlState.startsWith('42') && error.sqlState !== '42601'
}

/** Who wants a plan. */
export interface Asking {
  readonly session: Session
  /** The session's open transaction has changed the schema, so that nobody else sees what it sees. */
  readonly isPrivate: boolean
  readonly temporary: TemporarySpace
}

/** A session with temporary tables has plans of its own, because the same names may mean others. */
function planKey(
  { text }: ParsedStatement,
  parameterTypes: readonly number[],
  { prefix }: TemporarySpace,
): string {
  if (prefix === null && parameterTypes.length === 0) return text
  return `${prefix ?? ''}${parameterTypes.join(',')}\0${text}`
}

/** Alone in its script and at its start, where the positions of its errors count from; what ends it does not matter. */
function mayBeRemembered({ text, script }: ParsedStatement): boolean {
  if (text.length > REMEMBERED_TEXT_LENGTH_MAX || !script.startsWith(text)) return false
  return script.length === text.length || END.test(script.slice(text.length))
}

const END = /^[\s;]{0,16}$/

/** Transaction control must not read anything: BEGIN has to come before the first read. */
function needsSchema({ tree }: ParsedStatement): boolean {
  if (tree === null) return false
  return ![
    'TransactionStmt',
    'VariableSetStmt',
    'VariableShowStmt',
    'DeallocateStmt',
    'DiscardStmt',
  ].includes(open(tree).kind)
}

function parseScript(sql: string): readonly ParsedStatement[] {
  try {
    const statements = parseTree(sql)
    const offsets = new Offsets(sql)
    let end = 0
    return statements.map((statement) => {
      const parsed = parsedStatement(statement, sql, offsets, end)
      end = (statement.stmt_location ?? 0) + (statement.stmt_len ?? 0)
      return parsed
    })
  } catch (error) {
    if (!(error instanceof PgError) || error.sqlState !== '42601' || isOpenComment(error)) throw error
    return parseMixed(sql, error)
  }
}

/** `from`: where the statement before ended, in bytes. What the parser leaves out in front of this one may hold a comment. */
function parsedStatement(
  statement: RawStmt,
  script: string,
  offsets: Offsets,
  from: number,
): ParsedStatement {
  const start = statement.stmt_location ?? 0
  const end = (statement.stmt_len ?? 0) === 0 ? undefined : offsets.index(start + (statement.stmt_len ?? 0))
  const tree = statement.stmt ?? null
  const text = start === 0 && end === undefined ? script : script.slice(offsets.index(start), end)
  const before = script.slice(offsets.index(from), offsets.index(start)).replace(/^\s*;/, '')
  const consistency = consistencyHint(before) ?? consistencyHint(text)
  const isTransactionExit = tree !== null && isExit(tree)
  return { text, script, tree, syntaxError: null, isTransactionExit, consistency }
}

function isExit(tree: ParsedStatement['tree'] & object): boolean {
  const { kind, body } = open(tree)
  return (
    kind === 'TransactionStmt' &&
    ['TRANS_STMT_COMMIT', 'TRANS_STMT_PREPARE', 'TRANS_STMT_ROLLBACK', 'TRANS_STMT_ROLLBACK_TO'].includes(
      String(body['kind']),
    )
  )
}

/** SQLite would take it to end with the text, and run what stands before it. */
function isOpenComment({ message }: PgError): boolean {
  return message.startsWith('unterminated /* comment')
}

/** Not PostgreSQL as a whole: each statement is PostgreSQL's or SQLite's by itself. */
function parseMixed(sql: string, error: PgError): readonly ParsedStatement[] {
  const parts = splitScript(sql)
  if (parts.length <= 1) return parts.map(({ text }) => native(text, error))
  return parts.map(({ text }) => {
    try {
      const [statement] = parseTree(text)
      if (statement === undefined) return EMPTY
      return parsedStatement(statement, text, new Offsets(text), 0)
    } catch (own) {
      if (!(own instanceof PgError) || own.sqlState !== '42601' || isOpenComment(own)) throw own
      return native(text, parts.length === 1 ? error : own)
    }
  })
}

function native(text: string, syntaxError: PgError): ParsedStatement {
  const consistency = consistencyHint(text)
  return { text, script: text, tree: null, syntaxError, isTransactionExit: false, consistency }
}
