/** From a parsed statement to its plan. */

import type { Consistency } from '../../../gateway/session.ts'
import type {
  AlterSeqStmt,
  AlterTableStmt,
  CopyStmt,
  CreateSeqStmt,
  CreateStmt,
  CreateTableAsStmt,
  DeclareCursorStmt,
  DeleteStmt,
  DropStmt,
  ExplainStmt,
  IndexStmt,
  InsertStmt,
  Node,
  PrepareStmt,
  RenameStmt,
  SelectStmt,
  TruncateStmt,
  UpdateStmt,
  ViewStmt,
} from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { PgError } from '../error.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { INT8_TYPE, TEXT, typeByOid, UNKNOWN } from '../types/registry.ts'
import { clauseName, only, open } from './ast.ts'
import { typeOfName } from './casts.ts'
import { copyPlan } from './copy-statement.ts'
import { createTable } from './create-table.ts'
import { alterSequence } from './alter-sequence.ts'
import { alterTable } from './alter-table.ts'
import { createIndex, createTableAs, createView, type Definition } from './definition.ts'
import { drop } from './drop.ts'
import { expression } from './expression.ts'
import {
  deleteStatement,
  insertStatement,
  truncateStatement,
  updateStatement,
  type TranslatedModification,
} from './modify.ts'
import type { ColumnPlan, CompiledStatement, Plan, PlanStep, QueryPlan } from './plan.ts'
import type { Schema } from './schema.ts'
import { Scope } from './scope.ts'
import { rename } from './rename.ts'
import { selectQuery } from './select.ts'
import { createSequence } from './create-sequence.ts'
import { sequenceCall } from './sequences.ts'
import { NO_TEMPORARY_SPACE, type TemporarySpace } from './temporary-space.ts'
import { parameterOrder, withoutComments, withoutLeadingComments } from './sql-lexer.ts'
import { Translation, type OutputColumn, type TranslatedQuery, type Translator } from './translation.ts'
import { plain } from './typed.ts'
import { callPlan, utilityPlan } from './utility-statements.ts'

/** One statement of a script. */
export interface ParsedStatement {
  /** Its own text, for messages and for SQLite. */
  readonly text: string
  /** The script, which positions count in. */
  readonly script: string
  /** null: not PostgreSQL, so perhaps SQLite's; `syntaxError` is what PostgreSQL's parser said. */
  readonly tree: Node | null
  readonly syntaxError: PgError | null
  /** COMMIT, ROLLBACK and ROLLBACK TO: what a failed transaction still takes. */
  readonly isTransactionExit: boolean
  /** What a comment in front of it or behind it asks for (`gateway/consistency.ts`); null if there is none. */
  readonly consistency: Consistency | null
}

export function compileStatement(
  parsed: ParsedStatement,
  parameterTypes: readonly number[],
  schema: Schema,
  temporary: TemporarySpace = NO_TEMPORARY_SPACE,
): CompiledStatement {
  const given = parameterTypes.map(givenType)
  if (parsed.tree === null) return nativeStatement(parsed, given)
  const context = new Translation(schema, parsed.script, given, temporary)
  const translator = newTranslator(context)
  const plan = new Compiler(translator, parsed).plan(parsed.tree)
  return { plan, parameterTypes: context.parameterTypes() }
}

function newTranslator(context: Translation): Translator {
  const translator: Translator = {
    context,
    expression: (node, scope) => expression(node, scope, translator),
    query: (select, scope) => selectQuery(select, scope, translator),
    modification: (node) => modificationInWith(node, translator),
    separate: () => newTranslator(new Translation(context.schema, '', [], context.temporary)),
  }
  return translator
}

function modificationInWith(node: Node, translator: Translator): ReturnType<Translator['modification']> {
  const { kind, body } = open(node)
  const table = (body['relation'] as { relname?: string } | undefined)?.relname ?? ''
  const own = translator.context.schema.find(table)?.name ?? table
  const { sql, columns } = modificationOf(kind, body, translator) ?? { sql: [], columns: null }
  const [only1, ...more] = sql
  if (only1 === undefined || more.length > 0) throw translator.context.notSupported('this statement in WITH')
  return { sql: only1, table: own, columns }
}

function modificationOf(kind: string, body: unknown, translator: Translator): TranslatedModification | null {
  switch (kind) {
    case 'InsertStmt':
      return insertStatement(body as InsertStmt, translator)
    case 'UpdateStmt':
      return updateStatement(body as UpdateStmt, translator)
    case 'DeleteStmt':
      return deleteStatement(body as DeleteStmt, translator)
    default:
      return null
  }
}

/** 0 and unknown leave the type to the statement. */
function givenType(oid: number): TypeWithModifier | null {
  if (oid === 0 || oid === UNKNOWN.oid) return null
  const type = typeByOid(oid)
  if (type === null)
    throw new PgError('42704', `a parameter type with OID ${oid} is not supported by HarmonyDB`)
  return plain(type)
}

/**
 * SQLite's forms of what begins and ends transactions, whose state is the session's to keep: it would not hear of what goes to SQLite as it is.
 * Null for anything else. Throws 42601 where only SQLite understands it.
 */
function nativeControl({ text, syntaxError }: ParsedStatement): Plan | null {
  const bare = withoutComments(text).trim()
  if (!/^(?:begin|commit|end|rollback|savepoint|release)\b/i.test(bare)) return null
  const [, mode] = /^begin\s+(deferred|immediate|exclusive)(?:\s+transaction)?$/i.exec(bare) ?? []
  if (mode !== undefined)
    return {
      kind: 'begin',
      isReadOnly: null,
      command: 'BEGIN',
      isImmediate: mode.toLowerCase() !== 'deferred',
    }
  throw syntaxError ?? new PgError('42601', 'syntax error')
}

/** SQLite's own statement: nothing is known of it but its parameters. */
function nativeStatement(
  parsed: ParsedStatement,
  given: readonly (TypeWithModifier | null)[],
): CompiledStatement {
  const control = nativeControl(parsed)
  if (control !== null) return { plan: control, parameterTypes: [] }
  const order = parameterOrder(parsed.text)
  const count = Math.max(0, given.length, ...(order ?? []))
  const text = withoutLeadingComments(parsed.text)
  const plan: QueryPlan = {
    ...NO_QUERY,
    steps: [{ sql: parsed.text, parameterCount: count, parameterOrder: order }],
    command: nativeCommand(text),
    returnsRows: nativeReturnsRows(text),
    clientParameterCount: count,
    changesSchema: /^(?:create|drop|alter)\b/i.test(text),
    isRead: /^(?:select|values|explain|pragma)\b/i.test(text),
    syntaxError: parsed.syntaxError,
  }
  const types = Array.from({ length: count }, (_, index) => given[index] ?? plain(TEXT))
  return { plan, parameterTypes: types }
}

function nativeCommand(text: string): string {
  const words = text.toUpperCase().match(/[A-Z]+/g) ?? []
  const first = words[0] ?? ''
  if (first === 'REPLACE') return 'INSERT'
  if (first === 'WITH' || first === 'PRAGMA' || first === 'EXPLAIN' || first === 'VALUES') return 'SELECT'
  return first === 'CREATE' || first === 'DROP' || first === 'ALTER'
    ? `${first} ${words[1] ?? ''}`.trim()
    : first
}

function nativeReturnsRows(text: string): boolean {
  return /^(?:select|values|with|explain|pragma)\b/i.test(text) || /\breturning\b/i.test(text)
}

const NO_QUERY: QueryPlan = {
  kind: 'query',
  steps: [],
  resultStep: 0,
  command: '',
  returnsRows: false,
  columns: null,
  sessionValues: [],
  clientParameterCount: 0,
  utcOnly: null,
  isRead: false,
  changesSchema: false,
  effects: [],
  notices: [],
  target: null,
  syntaxError: null,
}

class Compiler {
  readonly #translator: Translator
  readonly #parsed: ParsedStatement

  constructor(translator: Translator, parsed: ParsedStatement) {
    this.#translator = translator
    this.#parsed = parsed
  }

  plan(tree: Node): Plan {
    const { kind, body } = open(tree)
    return (
      this.#dataPlan(kind, body) ??
      this.#definitionPlan(kind, body) ??
      this.#wrappingPlan(kind, body) ??
      utilityPlan(kind, body) ??
      this.#refuse(kind)
    )
  }

  #refuse(kind: string): never {
    throw this.#translator.context.notSupported(
      clauseName(kind) === kind ? kind.replace(/Stmt$/, '') : clauseName(kind),
    )
  }

  #dataPlan(kind: string, body: unknown): Plan | null {
    switch (kind) {
      case 'SelectStmt':
        return this.#select(body as SelectStmt)
      case 'InsertStmt':
        return this.#modification('INSERT', insertStatement(body as InsertStmt, this.#translator))
      case 'UpdateStmt':
        return this.#modification('UPDATE', updateStatement(body as UpdateStmt, this.#translator))
      case 'DeleteStmt':
        return this.#modification('DELETE', deleteStatement(body as DeleteStmt, this.#translator))
      case 'TruncateStmt':
        return this.#modification('TRUNCATE TABLE', truncateStatement(body as TruncateStmt, this.#translator))
      default:
        return null
    }
  }

  #definitionPlan(kind: string, body: unknown): Plan | null {
    const translator = this.#translator
    switch (kind) {
      case 'CreateStmt':
        return this.#createTable(body as CreateStmt)
      case 'CreateTableAsStmt':
        return this.#definition('CREATE TABLE AS', createTableAs(body as CreateTableAsStmt, translator))
      case 'ViewStmt':
        return this.#definition('CREATE VIEW', createView(body as ViewStmt, translator))
      case 'IndexStmt':
        return this.#definition('CREATE INDEX', createIndex(body as IndexStmt, translator))
      case 'AlterTableStmt':
        return this.#definition('ALTER TABLE', alterTable(body as AlterTableStmt, translator))
      case 'CreateSeqStmt':
        return this.#definition('CREATE SEQUENCE', createSequence(body as CreateSeqStmt, translator))
      case 'AlterSeqStmt':
        return this.#definition('ALTER SEQUENCE', alterSequence(body as AlterSeqStmt, translator))
      case 'RenameStmt':
        return this.#definition('ALTER TABLE', rename(body as RenameStmt, translator))
      case 'DropStmt':
        return this.#definition(dropCommand(body as DropStmt), drop(body as DropStmt, translator))
      default:
        return null
    }
  }

  #createTable(body: CreateStmt): Plan {
    const { sql, notices } = createTable(body, this.#translator)
    return this.#definition('CREATE TABLE', { sql: [sql], notices })
  }

  #wrappingPlan(kind: string, body: unknown): Plan | null {
    switch (kind) {
      case 'CopyStmt':
        return copyPlan(body as CopyStmt, this.#translator, (query) => this.#query(query))
      case 'DeclareCursorStmt':
        return this.#declareCursor(body as DeclareCursorStmt)
      case 'PrepareStmt':
        return this.#prepare(body as PrepareStmt)
      case 'ExplainStmt':
        return this.#explain(body as ExplainStmt)
      default:
        return null
    }
  }

  #select(body: SelectStmt): Plan {
    if (body.intoClause !== undefined) {
      const { intoClause, ...query } = body
      const as = { query: { SelectStmt: query }, into: intoClause } as CreateTableAsStmt
      return this.#definition('SELECT INTO', createTableAs(as, this.#translator))
    }
    return (
      this.#sequence(body as Readonly<Record<string, unknown>>) ??
      callPlan(body as Readonly<Record<string, unknown>>, this.#translator.context) ??
      this.#query(this.#translator.query(body, new Scope(null)))
    )
  }

  #sequence(body: Readonly<Record<string, unknown>>): Plan | null {
    const call = sequenceCall(body, this.#translator)
    if (call === null) return null
    return this.#finish(call.sql, {
      command: 'SELECT',
      returnsRows: true,
      resultStep: call.sql.length - 1,
      columns: [{ name: call.name, type: plain(INT8_TYPE), tableOid: 0, columnNumber: 0, isComputed: false }],
    })
  }

  #query(query: TranslatedQuery): QueryPlan {
    const effects = query.columns.map(({ effect }) => effect ?? null)
    const count = effects.filter((effect) => effect !== null).length
    if (count !== this.#translator.context.effectCount)
      throw this.#translator.context.notSupported('a function with an effect inside of an expression')
    return this.#finish([query.sql], {
      effects: count === 0 ? [] : effects,
      command: 'SELECT',
      returnsRows: true,
      columns: query.columns.map(columnPlan),
      isRead: true,
    })
  }

  #modification(command: string, { sql, columns, target }: TranslatedModification): QueryPlan {
    if (this.#translator.context.effectCount > 0)
      throw this.#translator.context.notSupported(
        'a function with an effect in a statement that modifies data',
      )
    const before = this.#translator.context.stepsBefore
    return this.#finish([...before, ...sql], {
      command,
      target: before.length > 0 ? null : target,
      resultStep: before.length,
      returnsRows: columns !== null,
      columns: columns?.map(columnPlan) ?? null,
    })
  }

  #definition(command: string, { sql, notices }: Definition): Plan {
    if (sql.length === 0) return { kind: 'nothing', command, notice: notices[0] ?? null }
    if (this.#translator.context.effectCount > 0)
      throw this.#translator.context.notSupported('a function with an effect in a definition')
    return this.#finish(sql, { command, changesSchema: true, notices, resultStep: sql.length - 1 })
  }

  #finish(texts: readonly string[], facts: Partial<QueryPlan>): QueryPlan {
    const { context } = this.#translator
    const { dataSteps } = context
    if (dataSteps.length > 0 && context.stepsBefore.length > 0)
      throw context.notSupported('nextval beside WITH that modifies data')
    const all = [...dataSteps, ...texts]
    const steps: PlanStep[] = all.map((text) => ({ ...context.finished(text), parameterOrder: null }))
    const plan: QueryPlan = {
      ...NO_QUERY,
      steps,
      sessionValues: context.sessionValues,
      clientParameterCount: context.clientParameterCount,
      utcOnly: context.utcOnly,
      ...facts,
    }
    if (dataSteps.length === 0) return plan
    const columns = plan.columns?.map((column) => ({ ...column, isComputed: true })) ?? null
    return { ...plan, isRead: false, target: null, resultStep: all.length - 1, columns }
  }

  #declareCursor(body: DeclareCursorStmt): Plan {
    const { kind, body: query } = open(must(body.query))
    if (kind !== 'SelectStmt')
      throw this.#translator.context.notSupported('a cursor of a statement that modifies data')
    const WITH_HOLD = 0x20
    return {
      kind: 'declareCursor',
      name: body.portalname ?? '',
      query: this.#withoutEffects(this.#query(this.#translator.query(query, new Scope(null)))),
      isHold: ((body.options ?? 0) & WITH_HOLD) !== 0,
    }
  }

  #withoutEffects(plan: QueryPlan): QueryPlan {
    if (plan.effects.length === 0) return plan
    throw this.#translator.context.notSupported('a cursor of a function with an effect')
  }

  /** The text behind AS is compiled when PREPARE runs. */
  #prepare(body: PrepareStmt): Plan {
    const match = /\bas\b([\s\S]*)$/i.exec(this.#parsed.text)
    const types = (body.argtypes ?? []).map((node) => {
      const type = typeOfName(open(node).body)
      if (type === null) throw new PgError('42704', 'unknown type in PREPARE')
      return type.type.oid
    })
    return { kind: 'prepare', name: body.name ?? '', sql: match?.[1] ?? '', parameterTypes: types }
  }

  #explain(body: ExplainStmt): Plan {
    only('ExplainStmt', body, 'query', 'options')
    const options = (body.options ?? []).map((node) => String(open(node).body['defname']))
    const refused = options.find((name) => name === 'analyze' || name === 'format')
    if (refused !== undefined)
      throw this.#translator.context.notSupported(`EXPLAIN (${refused.toUpperCase()})`)
    const plan = this.#dataPlan(...pair(must(body.query)))
    if (plan === null || plan.kind !== 'query')
      throw this.#translator.context.notSupported('EXPLAIN of this statement')
    const step = must(plan.steps[0])
    return {
      ...plan,
      steps: [{ ...step, sql: `EXPLAIN QUERY PLAN ${step.sql}` }],
      command: 'EXPLAIN',
      returnsRows: true,
      columns: null,
      effects: [],
      isRead: true,
    }
  }
}

function pair(node: Node): [string, unknown] {
  const { kind, body } = open(node)
  return [kind, body]
}

function dropCommand(body: DropStmt): string {
  return `DROP ${(body.removeType ?? '').replace('OBJECT_', '')}`
}

function columnPlan(column: OutputColumn): ColumnPlan {
  return {
    name: column.name,
    type: column.type,
    tableOid: column.origin?.tableOid ?? 0,
    columnNumber: column.origin?.columnNumber ?? 0,
    isComputed: column.isComputed === true,
  }
}
