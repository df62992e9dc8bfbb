/** Statements that become utility plans: transactions, settings, cursors, notifications, maintenance. */

import type { DefElem, Node, TransactionStmt, VariableSetStmt } from 'libpg-query'
import { notSupported, PgError } from '../error.ts'
import type { SqlValue } from '../../../base/value.ts'
import { clauseName, integerOf, only, open, stringConstant, strings } from './ast.ts'
import { BOOL, FLOAT8, INT4_TYPE, TEXT, type PgType } from '../types/registry.ts'
import { resolved } from './literals.ts'
import type { CallArgument, CallName, UtilityPlan } from './plan.ts'
import type { Translation } from './translation.ts'
import { plain } from './typed.ts'

type Body = Readonly<Record<string, unknown>>

/** null: not a utility statement. */
export function utilityPlan(kind: string, body: Body): UtilityPlan | null {
  switch (kind) {
    case 'TransactionStmt':
      return transactionPlan(body)
    case 'VariableSetStmt':
      return setPlan(body)
    case 'VariableShowStmt':
      return String(body['name']) === 'all'
        ? { kind: 'showAll' }
        : { kind: 'show', name: String(body['name']) }
    case 'DiscardStmt':
      return { kind: 'discard', target: discardTarget(String(body['target'])) }
    case 'DeallocateStmt':
      return { kind: 'deallocate', name: (body['name'] as string | undefined) ?? null }
    case 'ExecuteStmt':
      return {
        kind: 'executePrepared',
        name: String(body['name']),
        arguments: ((body['params'] as readonly Node[] | undefined) ?? []).map(callArgument),
      }
    case 'FetchStmt':
      return fetchPlan(body)
    case 'ClosePortalStmt':
      return { kind: 'closeCursor', name: (body['portalname'] as string | undefined) ?? null }
    case 'ListenStmt':
      return { kind: 'listen', channel: String(body['conditionname']) }
    case 'UnlistenStmt':
      return { kind: 'unlisten', channel: (body['conditionname'] as string | undefined) ?? null }
    case 'NotifyStmt':
      return {
        kind: 'notify',
        channel: String(body['conditionname']),
        payload: (body['payload'] as string | undefined) ?? '',
      }
    case 'CreatedbStmt':
      return { kind: 'createDatabase', name: String(body['dbname']), isIfExists: false }
    case 'DropdbStmt':
      return { kind: 'dropDatabase', name: String(body['dbname']), isIfExists: body['missing_ok'] === true }
    default:
      return harmlessPlan(kind, body)
  }
}

/** Statements that ask for what is so already, or that tune PostgreSQL only. */
function harmlessPlan(kind: string, body: Body): UtilityPlan | null {
  switch (kind) {
    case 'VacuumStmt':
      return nothing(body['is_vacuumcmd'] === true ? 'VACUUM' : 'ANALYZE')
    case 'CheckPointStmt':
      return nothing('CHECKPOINT')
    case 'ReindexStmt':
      return nothing('REINDEX')
    // Transactions are serializable: what a lock would hold off can't be seen.
    case 'LockStmt':
      return nothing('LOCK TABLE')
    case 'CreateExtensionStmt':
      return extensionPlan(String(body['extname']))
    case 'CreateSchemaStmt':
      if (body['schemaname'] === 'public') {
        if (body['if_not_exists'] !== true) throw new PgError('42P06', 'schema "public" already exists')
        return nothing('CREATE SCHEMA', 'schema "public" already exists, skipping')
      }
      throw notSupported(`the schema "${String(body['schemaname'])}" (there is only "public")`)
    case 'CommentStmt':
      return nothing('COMMENT', 'HarmonyDB keeps no comments')
    default:
      return null
  }
}

function nothing(command: string, notice: string | null = null): UtilityPlan {
  return { kind: 'nothing', command, notice }
}

const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set(['plpgsql', 'pgcrypto', 'uuid-ossp'])

function extensionPlan(name: string): UtilityPlan {
  if (KNOWN_EXTENSIONS.has(name)) return nothing('CREATE EXTENSION')
  throw notSupported(`the extension "${name}"`)
}

// Transactions.

function transactionPlan(body: TransactionStmt): UtilityPlan {
  const isChained = body.chain === true
  switch (String(body.kind)) {
    case 'TRANS_STMT_BEGIN':
      return { kind: 'begin', isReadOnly: readOnlyOption(body.options ?? []), command: 'BEGIN' }
    case 'TRANS_STMT_START':
      return { kind: 'begin', isReadOnly: readOnlyOption(body.options ?? []), command: 'START TRANSACTION' }
    case 'TRANS_STMT_COMMIT':
      return { kind: 'commit', isChained }
    case 'TRANS_STMT_ROLLBACK':
      return { kind: 'rollback', isChained }
    case 'TRANS_STMT_PREPARE':
      return { kind: 'prepareTransaction' }
    case 'TRANS_STMT_SAVEPOINT':
      return { kind: 'savepoint', name: body.savepoint_name ?? '' }
    case 'TRANS_STMT_RELEASE':
      return { kind: 'release', name: body.savepoint_name ?? '' }
    case 'TRANS_STMT_ROLLBACK_TO':
      return { kind: 'rollbackTo', name: body.savepoint_name ?? '' }
    default:
      throw notSupported('a two-phase commit')
  }
}

/** Isolation levels are all served as serializable, which is at least what was asked for. */
function readOnlyOption(options: readonly Node[]): boolean | null {
  let isReadOnly: boolean | null = null
  for (const node of options) {
    const option = open(node).body as DefElem
    if (option.defname === 'transaction_read_only') isReadOnly = integerOf(option.arg) === 1
    else if (option.defname !== 'transaction_isolation' && option.defname !== 'transaction_deferrable') {
      throw notSupported(`the transaction option ${option.defname}`)
    }
  }
  return isReadOnly
}

// Settings.

function setPlan(body: VariableSetStmt): UtilityPlan {
  const name = body.name ?? ''
  switch (String(body.kind)) {
    case 'VAR_SET_VALUE':
      return { kind: 'set', name, value: settingValue(body.args ?? []), isLocal: body.is_local === true }
    case 'VAR_SET_DEFAULT':
    case 'VAR_RESET':
      // Nothing else can have been set.
      if (name === 'session_authorization') return nothing(body.kind === 'VAR_RESET' ? 'RESET' : 'SET')
      return { kind: 'set', name, value: null, isLocal: body.is_local === true }
    case 'VAR_RESET_ALL':
      return { kind: 'resetAll' }
    case 'VAR_SET_MULTI':
      if (name === 'TRANSACTION SNAPSHOT') throw notSupported('SET TRANSACTION SNAPSHOT')
      return {
        kind: 'setTransaction',
        isReadOnly: readOnlyOption(body.args ?? []),
        isSession: name === 'SESSION CHARACTERISTICS',
      }
    default:
      throw notSupported('SET … FROM CURRENT')
  }
}

function settingValue(nodes: readonly Node[]): string {
  return nodes.map(settingItem).join(', ')
}

function settingItem(node: Node): string {
  const { kind, body } = open(node)
  // SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE, as some drivers write it.
  if (kind === 'TypeCast') return settingItem(body['arg'] as Node)
  const text = stringConstant(node)
  if (text !== null) return text
  const integer = integerOf(node)
  if (integer !== null) return String(integer)
  if (kind === 'A_Const' && 'fval' in body) return (body['fval'] as { fval: string }).fval
  if (kind === 'A_Const' && 'boolval' in body)
    return (body['boolval'] as { boolval?: boolean }).boolval === true ? 'on' : 'off'
  throw notSupported(`the value of SET (${clauseName(kind)})`)
}

function discardTarget(target: string): 'all' | 'plans' | 'sequences' | 'temp' {
  switch (target) {
    case 'DISCARD_PLANS':
      return 'plans'
    case 'DISCARD_SEQUENCES':
      return 'sequences'
    case 'DISCARD_TEMP':
      return 'temp'
    default:
      return 'all'
  }
}

// Cursors.

/** FETCH_ALL of the parser is the largest number. */
const FETCH_ALL_MIN = 2 ** 31 - 1

function fetchPlan(body: Body): UtilityPlan {
  only('FetchStmt', body, 'direction', 'howMany', 'portalname', 'ismove', 'direction_keyword')
  const howMany = Number(body['howMany'] ?? 0)
  const isAll = howMany >= FETCH_ALL_MIN
  const direction = (body['direction'] as string | undefined) ?? 'FETCH_FORWARD'
  const cursor = { kind: 'fetch', name: String(body['portalname']), isMove: body['ismove'] === true } as const
  if (direction === 'FETCH_ABSOLUTE') return { ...cursor, count: howMany, from: 'start' }
  if (direction === 'FETCH_RELATIVE') return { ...cursor, count: howMany, from: 'here' }
  const isBackward = direction === 'FETCH_BACKWARD'
  const count = isAll ? (isBackward ? -FETCH_ALL_MIN : null) : isBackward ? -howMany : howMany
  return { ...cursor, count, from: null }
}

// Calls with an effect on the server.

/** Name → types of the arguments. */
export const CALLS: ReadonlyMap<string, readonly PgType[]> = new Map([
  ['pg_notify', [TEXT, TEXT]],
  ['pg_sleep', [FLOAT8]],
  ['set_config', [TEXT, TEXT, BOOL]],
  ['pg_cancel_backend', [INT4_TYPE]],
  ['pg_terminate_backend', [INT4_TYPE]],
])

/** `SELECT pg_notify('c', 'x')` and nothing else in the statement. */
export function callPlan(body: Body, context: Translation): UtilityPlan | null {
  const targets = body['targetList'] as readonly Node[] | undefined
  if (targets?.length !== 1 || body['fromClause'] !== undefined || body['whereClause'] !== undefined)
    return null
  const target = open(targets[0] as Node).body as { val?: Node; name?: string }
  if (target.val === undefined) return null
  const { kind, body: call } = open(target.val)
  if (kind !== 'FuncCall') return null
  const name = strings(call['funcname'] as readonly Node[]).at(-1) ?? ''
  const types = CALLS.get(name)
  if (types === undefined) return null
  const nodes = (call['args'] as readonly Node[] | undefined) ?? []
  // What is computed is done as beside other items (session/effects.ts).
  if (!nodes.every(isPlainArgument)) return null
  const args = nodes.map(callArgument)
  for (const [index, argument] of args.entries()) {
    if (argument.kind === 'parameter')
      resolved(context.parameter(argument.number), plain(types[index] ?? TEXT))
  }
  return { kind: 'call', function: name as CallName, arguments: args, columnName: target.name ?? name }
}

function isPlainArgument(node: Node): boolean {
  const { kind, body } = open(node)
  if (kind === 'TypeCast') return isPlainArgument(body['arg'] as Node)
  // A sign and a number.
  const isSigned = kind === 'A_Expr' && body['lexpr'] === undefined
  return kind === 'ParamRef' || kind === 'A_Const' || isSigned
}

export function callArgument(node: Node): CallArgument {
  const { kind, body } = open(node)
  if (kind === 'ParamRef') return { kind: 'parameter', number: Number(body['number'] ?? 0) }
  if (kind === 'TypeCast') return callArgument(body['arg'] as Node)
  return { kind: 'constant', value: constantValue(node) }
}

function constantValue(node: Node): SqlValue {
  const { kind, body } = open(node)
  if (kind === 'A_Expr' && body['kind'] === 'AEXPR_OP' && body['lexpr'] === undefined) {
    const inner = constantValue(body['rexpr'] as Node)
    if (typeof inner === 'bigint' || typeof inner === 'number') return -inner
  }
  if (kind !== 'A_Const') throw notSupported('an argument that is not a constant or a parameter')
  if (body['isnull'] === true) return null
  const text = stringConstant(node)
  if (text !== null) return text
  const integer = integerOf(node)
  if (integer !== null) return BigInt(integer)
  if ('boolval' in body) return (body['boolval'] as { boolval?: boolean }).boolval === true ? 1n : 0n
  return Number((body['fval'] as { fval: string }).fval)
}
