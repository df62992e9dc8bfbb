/**
 * The authorizer of the writer's connection: collects what a statement does while SQLite compiles it, and refuses
 * what DESIGN section 6 says, with the way out in the message.
 *
 * SQLite asks it while it compiles; a statement compiled under the same schema is not judged again. While a
 * statement runs, the authorizer lets everything pass: what is compiled then is SQLite's own (the shadow tables of
 * full-text indexes, the changeset's queries), on behalf of a statement that was judged.
 */

import { constants } from 'node:sqlite'
import type { DatabaseSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import { POSTGRES_FUNCTIONS } from './functions-postgres.ts'
import {
  DETERMINISTIC_FUNCTIONS,
  MEMBER_TABLES,
  REFUSED_FUNCTIONS,
  REPLICATED_MODULES,
  SHARED_PRAGMA_TABLES,
} from './function-lists.ts'
import { pragmaAdvice, pragmaRule } from './pragmas.ts'
import { findDefinitionRefusal } from './definition-text.ts'
import { classify, foldName, leadingKeywords } from './sql-text.ts'

export const RESERVED_PREFIX = '_harmony_'

/** What is known of a compiled statement. */
export interface StatementFacts {
  /** It can change the file or the state of the transaction: it belongs into the log. */
  readonly isWrite: boolean
  /** INSERT, UPDATE or DELETE, so that `changes()` tells of it. */
  readonly isRowWrite: boolean
  readonly isSchemaChange: boolean
  readonly isAnalyze: boolean
  /** Its compilation has an effect of its own, so it is compiled anew each time. */
  readonly isPragma: boolean
  /** `PRAGMA defer_foreign_keys`. */
  readonly defersForeignKeys: boolean
  /** ROLLBACK TO a savepoint. */
  readonly isRollbackTo: boolean
  readonly isExplain: boolean
  /** Tables whose rows it can change, those of its triggers and foreign key actions included, in lower case. */
  readonly tables: ReadonlySet<string>
  /** Tables that it reads from, in lower case. */
  readonly readTables: ReadonlySet<string>
  /** In lower case. */
  readonly functions: ReadonlySet<string>
}

interface Findings {
  isWrite: boolean
  isRowWrite: boolean
  isSchemaChange: boolean
  isAnalyze: boolean
  isPragma: boolean
  defersForeignKeys: boolean
  isRollbackTo: boolean
  isExplain: boolean
  readonly tables: Set<string>
  readonly readTables: Set<string>
  readonly functions: Set<string>
  refusal: HarmonyError | null
}

function newFindings(): Findings {
  return {
    isWrite: false,
    isRowWrite: false,
    isSchemaChange: false,
    isAnalyze: false,
    isPragma: false,
    defersForeignKeys: false,
    isRollbackTo: false,
    isExplain: false,
    tables: new Set(),
    readTables: new Set(),
    functions: new Set(),
    refusal: null,
  }
}

function refused(message: string): HarmonyError {
  return new HarmonyError('STATEMENT_REFUSED', message)
}

export function isReservedName(name: string): boolean {
  return foldName(name).startsWith(RESERVED_PREFIX)
}

function reservedName(name: string): HarmonyError {
  return new HarmonyError(
    'RESERVED_NAME',
    `${name} is reserved: names that begin with ${RESERVED_PREFIX} belong to HarmonyDB and can only be read`,
  )
}

const SCHEMA_TABLES: ReadonlySet<string> = new Set([
  'sqlite_master',
  'sqlite_schema',
  'sqlite_temp_master',
  'sqlite_temp_schema',
])

type Rule = (findings: Findings, first: string, second: string) => HarmonyError | null | 'ignore'

function writeRows(findings: Findings, table: string): HarmonyError | null {
  const name = foldName(table)
  if (isReservedName(name)) return reservedName(table)
  findings.isWrite = true
  if (SCHEMA_TABLES.has(name)) return null
  findings.isRowWrite = true
  findings.tables.add(name)
  return null
}

function changeSchema(findings: Findings, name: string, table: string): HarmonyError | null {
  if (isReservedName(name)) return reservedName(name)
  if (isReservedName(table)) return reservedName(table)
  findings.isWrite = true
  findings.isSchemaChange = true
  return null
}

function refuseTemporary(_findings: Findings, name: string): HarmonyError {
  return refused(
    `Temporary tables, views and triggers do not replicate: ${name}. Use an ordinary table, or WITH … AS MATERIALIZED`,
  )
}

function createVirtualTable(findings: Findings, name: string, module: string): HarmonyError | null {
  if (!REPLICATED_MODULES.has(foldName(module))) {
    return refused(
      `Virtual tables of the module ${module} do not replicate; these do: ${[...REPLICATED_MODULES].join(', ')}`,
    )
  }
  // Its shadow tables are named after it: `_harmony` would make `_harmony_data`.
  return changeSchema(findings, `${name}_`, '')
}

function judgePragma(findings: Findings, name: string, argument: string): HarmonyError | null | 'ignore' {
  findings.isPragma = true
  const rule = pragmaRule(name.toLowerCase(), argument === '' ? null : argument)
  if (rule === 'refused') {
    return refused(`PRAGMA ${name} is refused: ${pragmaAdvice(name.toLowerCase())}`)
  }
  if (rule === 'ignored') return 'ignore'
  const isChange = rule === 'replicated' || (name.toLowerCase() === 'defer_foreign_keys' && argument !== '')
  findings.isWrite ||= isChange
  findings.defersForeignKeys ||= isChange && rule === 'session'
  return null
}

function judgeSavepoint(findings: Findings, operation: string, name: string): HarmonyError | null {
  if (isReservedName(name)) return reservedName(name)
  findings.isRollbackTo = operation === 'ROLLBACK'
  findings.isWrite = true
  return null
}

function judgeTransaction(_findings: Findings, operation: string): HarmonyError {
  return operation === 'BEGIN'
    ? new HarmonyError('TRANSACTION_ACTIVE', 'cannot start a transaction within a transaction')
    : refused(`${operation} can not be a statement of this request: it is one transaction already`)
}

function analyze(findings: Findings): null {
  findings.isWrite = true
  findings.isAnalyze = true
  return null
}

function reindex(findings: Findings): null {
  findings.isWrite = true
  return null
}

function useFunction(findings: Findings, _first: string, name: string): null {
  findings.functions.add(foldName(name))
  return null
}

function readRows(findings: Findings, table: string): null {
  findings.readTables.add(foldName(table))
  return null
}

const alterTable: Rule = (findings, _schema, table) => changeSchema(findings, table, '')

const RULES: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [constants.SQLITE_INSERT, writeRows],
  [constants.SQLITE_UPDATE, writeRows],
  [constants.SQLITE_DELETE, writeRows],
  [constants.SQLITE_CREATE_INDEX, changeSchema],
  [constants.SQLITE_CREATE_TABLE, changeSchema],
  [constants.SQLITE_CREATE_TRIGGER, changeSchema],
  [constants.SQLITE_CREATE_VIEW, changeSchema],
  [constants.SQLITE_DROP_INDEX, changeSchema],
  [constants.SQLITE_DROP_TABLE, changeSchema],
  [constants.SQLITE_DROP_TRIGGER, changeSchema],
  [constants.SQLITE_DROP_VIEW, changeSchema],
  [constants.SQLITE_DROP_VTABLE, (findings, name) => changeSchema(findings, name, '')],
  [constants.SQLITE_CREATE_VTABLE, createVirtualTable],
  [constants.SQLITE_ALTER_TABLE, alterTable],
  [constants.SQLITE_CREATE_TEMP_INDEX, refuseTemporary],
  [constants.SQLITE_CREATE_TEMP_TABLE, refuseTemporary],
  [constants.SQLITE_CREATE_TEMP_TRIGGER, refuseTemporary],
  [constants.SQLITE_CREATE_TEMP_VIEW, refuseTemporary],
  [constants.SQLITE_DROP_TEMP_INDEX, refuseTemporary],
  [constants.SQLITE_DROP_TEMP_TABLE, refuseTemporary],
  [constants.SQLITE_DROP_TEMP_TRIGGER, refuseTemporary],
  [constants.SQLITE_DROP_TEMP_VIEW, refuseTemporary],
  [
    constants.SQLITE_ATTACH,
    (): HarmonyError => refused('ATTACH is refused: one database can not reach into another'),
  ],
  [
    constants.SQLITE_DETACH,
    (): HarmonyError => refused('DETACH is refused: one database can not reach into another'),
  ],
  [constants.SQLITE_PRAGMA, judgePragma],
  [constants.SQLITE_TRANSACTION, judgeTransaction],
  [constants.SQLITE_SAVEPOINT, judgeSavepoint],
  [constants.SQLITE_REINDEX, reindex],
  [constants.SQLITE_ANALYZE, analyze],
  [constants.SQLITE_FUNCTION, useFunction],
  [constants.SQLITE_READ, readRows],
])

/** `CREATE TABLE temp.x` is told as an ordinary table in the schema `temp`. */
const SCHEMA_ACTIONS: ReadonlySet<number> = new Set([
  constants.SQLITE_CREATE_INDEX,
  constants.SQLITE_CREATE_TABLE,
  constants.SQLITE_CREATE_TRIGGER,
  constants.SQLITE_CREATE_VIEW,
  constants.SQLITE_CREATE_VTABLE,
])

function ruleOf(action: number, schema: string | null): Rule | undefined {
  return schema === 'temp' && SCHEMA_ACTIONS.has(action) ? refuseTemporary : RULES.get(action)
}

/** VACUUM is the one statement that SQLite does not show to the authorizer while it compiles it. */
function refuseVacuum(sql: string): void {
  if (leadingKeywords(sql, 1)[0] !== 'VACUUM') return
  throw refused(
    'VACUUM is refused as a statement: it is an admin operation, which each member does for itself',
  )
}

/** `sqlite_stat1` steers the planner only when it is loaded, which members do at different times. */
function refuseStatistics(findings: Findings): HarmonyError | null {
  if (findings.isAnalyze || findings.isSchemaChange) return null
  const table = [...findings.tables].find((name) => name.startsWith('sqlite_stat'))
  return table === undefined ? null : refused(`${table} can not be written directly: run ANALYZE`)
}

function refuseFunctions(findings: Findings): HarmonyError | null {
  for (const name of findings.functions) {
    if (DETERMINISTIC_FUNCTIONS.has(name) || POSTGRES_FUNCTIONS.has(name)) continue
    const why = REFUSED_FUNCTIONS.get(name) ?? 'it is not known to give the same on every replica'
    return new HarmonyError('NONDETERMINISTIC_FUNCTION', `${name}() can not be used in a write: ${why}`)
  }
  return null
}

/** `INSERT … SELECT` from what tells of the member and not of the data. */
function refuseMemberTables(findings: Findings, sql: string): HarmonyError | null {
  // ALTER TABLE … ADD COLUMN has SQLite itself look whether the rows satisfy CHECKs and STRICT types. No client's SELECT has room in it.
  const ownTable = leadingKeywords(sql, 1)[0] === 'ALTER' ? 'pragma_quick_check' : null
  for (const table of findings.readTables) {
    if (!isMemberTable(table) || table === ownTable) continue
    return new HarmonyError(
      'NONDETERMINISTIC_FUNCTION',
      `${table} can not be read in a write: members may differ in it; read it first and pass the value as a parameter`,
    )
  }
  return null
}

function isMemberTable(table: string): boolean {
  if (table.startsWith(RESERVED_PREFIX) || MEMBER_TABLES.has(table)) return true
  return table.startsWith('pragma_') && !SHARED_PRAGMA_TABLES.has(table)
}

/** What can be said only when all of the statement has been seen. */
function judgeWhole(findings: Findings, sql: string): HarmonyError | null {
  if (!findings.isWrite) return null
  return (
    refuseStatistics(findings) ??
    refuseFunctions(findings) ??
    refuseMemberTables(findings, sql) ??
    (findings.isSchemaChange ? findDefinitionRefusal(sql) : null)
  )
}

export interface Judged<T> {
  readonly compiled: T
  readonly facts: StatementFacts
}

export class WritePolicy {
  #findings: Findings | null = null

  /** Puts itself in front of everything that `database` compiles. */
  install(database: DatabaseSync): void {
    database.setAuthorizer((action, first, second, schema) => this.#authorize(action, first, second, schema))
  }

  /** Compiles a client's statement under the policy. Throws what refuses it, or what `compile` throws. */
  judge<T>(sql: string, compile: () => T): Judged<T> {
    refuseVacuum(sql)
    const findings = newFindings()
    this.#findings = findings
    let compiled: T
    try {
      compiled = compile()
    } catch (error) {
      throw findings.refusal ?? error
    } finally {
      this.#findings = null
    }
    findings.isExplain = classify(sql).kind === 'explain'
    if (findings.isExplain) findings.isWrite = findings.isRowWrite = findings.isSchemaChange = false
    const refusal = judgeWhole(findings, sql)
    if (refusal !== null) throw refusal
    return { compiled, facts: findings }
  }

  #authorize(action: number, first: string | null, second: string | null, schema: string | null): number {
    const findings = this.#findings
    const rule = findings === null ? undefined : ruleOf(action, schema)
    if (findings === null || rule === undefined) return constants.SQLITE_OK
    const verdict = rule(findings, first ?? '', second ?? '')
    if (verdict === null) return constants.SQLITE_OK
    if (verdict === 'ignore') return constants.SQLITE_IGNORE
    findings.refusal ??= verdict
    return constants.SQLITE_DENY
  }
}
