/**
 * Run-time parameters: what SET, SHOW and ParameterStatus deal with. A parameter that changes what statements mean is either obeyed or
 * refused; parameters that only tune PostgreSQL are remembered and shown, because clients set them as a matter of course.
 */

import { formatConsistency, LINEARIZABLE, parseConsistency } from '../../../gateway/consistency.ts'
import type { Consistency } from '../../../gateway/session.ts'
import { notSupported, PgError } from '../error.ts'
import { timeZone, UTC, type TimeZone } from '../types/time-zone.ts'
import { checkedDuration } from './duration.ts'
import type { Savepointed } from './savepointed.ts'
import { parseBoolean } from '../types/boolean-codec.ts'

export const SERVER_VERSION = '15.14'
export const SERVER_VERSION_NUMBER = '150014'

interface Parameter {
  /** As PostgreSQL spells it. */
  readonly name: string
  readonly initial: string
  /** Told to clients whenever it changes. */
  readonly isReported?: boolean
  readonly isReadOnly?: boolean
  /** Gives the value as it is kept, or throws. */
  readonly check?: (value: string) => string
}

/** Accepts only what HarmonyDB does anyway. */
function fixed(name: string, ...accepted: readonly string[]): (value: string) => string {
  return (value) => {
    if (accepted.includes(value.toLowerCase())) return value
    throw notSupported(`${name} = '${value}'`)
  }
}

function boolean(value: string): string {
  const truth = parseBoolean(value)
  if (truth === null) throw new PgError('22023', `parameter requires a Boolean value, not "${value}"`)
  return truth ? 'on' : 'off'
}

function dateStyle(value: string): string {
  const parts = value.toLowerCase().split(/\s*,\s*/)
  const known = parts.every((part) => ['iso', 'mdy', 'us', 'noneuropean', 'default'].includes(part))
  if (!known) throw notSupported(`DateStyle = '${value}'`)
  return 'ISO, MDY'
}

const CONSISTENCY = 'harmonydb.consistency'
const LAST_INDEX = 'harmonydb.last_index'

function consistency(value: string): Consistency {
  try {
    return parseConsistency(value, CONSISTENCY)
  } catch (error) {
    const hint = error instanceof Error ? error.message : ''
    throw new PgError('22023', `invalid value for parameter "${CONSISTENCY}": "${value}"`, { hint })
  }
}

function encoding(value: string): string {
  if (!/^'?(?:utf-?8|unicode|default)'?$/i.test(value)) throw notSupported(`client_encoding = '${value}'`)
  return 'UTF8'
}

const PARAMETERS: readonly Parameter[] = [
  { name: 'server_version', initial: SERVER_VERSION, isReported: true, isReadOnly: true },
  { name: 'server_encoding', initial: 'UTF8', isReported: true, isReadOnly: true },
  { name: 'client_encoding', initial: 'UTF8', isReported: true, check: encoding },
  { name: 'application_name', initial: '', isReported: true },
  { name: 'is_superuser', initial: 'on', isReported: true, isReadOnly: true },
  { name: 'session_authorization', initial: 'harmonydb', isReported: true, isReadOnly: true },
  { name: 'DateStyle', initial: 'ISO, MDY', isReported: true, check: dateStyle },
  { name: 'IntervalStyle', initial: 'postgres', isReported: true, check: fixed('IntervalStyle', 'postgres') },
  { name: 'TimeZone', initial: 'UTC', isReported: true, check: (value) => timeZone(value).name },
  { name: 'integer_datetimes', initial: 'on', isReported: true, isReadOnly: true },
  {
    name: 'standard_conforming_strings',
    initial: 'on',
    isReported: true,
    check: (value) => fixed('standard_conforming_strings', 'on')(boolean(value)),
  },
  { name: 'default_transaction_read_only', initial: 'off', isReported: true, check: boolean },
  { name: 'in_hot_standby', initial: 'off', isReported: true, isReadOnly: true },
  { name: 'server_version_num', initial: SERVER_VERSION_NUMBER, isReadOnly: true },
  { name: 'max_identifier_length', initial: '63', isReadOnly: true },
  { name: 'lc_collate', initial: 'C', isReadOnly: true },
  { name: 'lc_ctype', initial: 'C', isReadOnly: true },
  { name: 'block_size', initial: '8192', isReadOnly: true },
  { name: 'max_index_keys', initial: '32', isReadOnly: true },
  { name: 'transaction_isolation', initial: 'serializable', isReadOnly: true },
  { name: 'default_transaction_isolation', initial: 'serializable' },
  { name: 'transaction_read_only', initial: 'off', check: boolean },
  { name: 'default_transaction_deferrable', initial: 'off', check: boolean },
  // Everything lives in one schema, so any path that reaches it is as good as another.
  { name: 'search_path', initial: '"$user", public' },
  { name: 'bytea_output', initial: 'hex', check: fixed('bytea_output', 'hex') },
  {
    name: 'extra_float_digits',
    initial: '1',
    check: (value) => fixed('extra_float_digits', '1', '2', '3')(value),
  },
  { name: 'client_min_messages', initial: 'notice' },
  ...['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout'].map(
    (name) => ({ name, initial: '0', check: checkedDuration(name) }),
  ),
  { name: 'row_security', initial: 'on' },
  {
    name: 'session_replication_role',
    initial: 'origin',
    check: fixed('session_replication_role', 'origin', 'default'),
  },
  { name: 'check_function_bodies', initial: 'on' },
  { name: 'xmloption', initial: 'content' },
  {
    name: 'default_table_access_method',
    initial: 'heap',
    check: fixed('default_table_access_method', 'heap', ''),
  },
  { name: 'default_tablespace', initial: '', check: fixed('default_tablespace', '') },
  {
    name: 'default_with_oids',
    initial: 'off',
    check: (value) => fixed('default_with_oids', 'off')(boolean(value)),
  },
  { name: 'escape_string_warning', initial: 'on', check: boolean },
  { name: 'backslash_quote', initial: 'safe_encoding' },
  { name: 'synchronize_seqscans', initial: 'on', check: boolean },
  { name: 'synchronous_commit', initial: 'on' },
  { name: 'jit', initial: 'off' },
  { name: 'work_mem', initial: '4MB' },
  { name: 'maintenance_work_mem', initial: '64MB' },
  { name: 'ssl', initial: 'off', isReadOnly: true },
  // Statements go to SQLite as they are: for tools that speak SQLite's dialect over this protocol.
  {
    name: 'harmonydb.dialect',
    initial: 'postgres',
    check: (value) => {
      if (value === 'postgres' || value === 'sqlite') return value
      throw new PgError(
        '22023',
        `invalid value for parameter "harmonydb.dialect": "${value}" (postgres or sqlite)`,
      )
    },
  },
  // How fresh reads are: gateway/consistency.ts has the forms.
  { name: CONSISTENCY, initial: 'linearizable', check: (value) => formatConsistency(consistency(value)) },
  // The session's read-your-writes token.
  { name: LAST_INDEX, initial: '0', isReadOnly: true },
  { name: 'role', initial: 'none', check: fixed('role', 'none', 'default') },
]

const STATEMENT_TIMEOUT = 'statement_timeout'
const READ_ONLY = 'default_transaction_read_only'

const BY_NAME: ReadonlyMap<string, Parameter> = new Map(
  PARAMETERS.map((parameter) => [parameter.name.toLowerCase(), parameter]),
)

export interface SettingRow {
  readonly name: string
  readonly value: string
}

/** None of it is ever changed, so that it can be gone back to. */
interface Values {
  /** Of SET; they stay when the transaction commits. */
  readonly session: ReadonlyMap<string, string>
  /** Of SET LOCAL, in front of those; they end with the transaction. */
  readonly local: ReadonlyMap<string, string>
}

const NONE: ReadonlyMap<string, string> = new Map()
const NO_VALUES: Values = { session: NONE, local: NONE }

/** Session and transaction values; SET LOCAL, rollback and ROLLBACK TO restore what was before. */
export class Settings implements Savepointed {
  readonly #initial = new Map<string, string>()
  #values: Values = NO_VALUES
  /** From before the first change since the last transaction; null where nothing has changed. */
  #before: Values | null = null
  /** What held at each of them; null where there are none. */
  #savepoints: Values[] | null = null
  #timeZone: TimeZone = UTC
  #consistency: Consistency = LINEARIZABLE
  #restrictsWrites = false
  /** Tells `harmonydb.last_index`. */
  lastIndex: () => bigint = () => 0n
  /** Called when a parameter changes that clients are told of. */
  onReported: ((name: string, value: string) => void) | null = null

  get timeZone(): TimeZone {
    return this.#timeZone
  }

  /** Whether writes have a time limit, or must not be: for those who would look at each. */
  get restrictsWrites(): boolean {
    return this.#restrictsWrites
  }

  /** The level of reads. */
  get consistency(): Consistency {
    return this.#consistency
  }

  /** From the startup packet; what RESET goes back to. */
  setInitial(name: string, value: string): void {
    this.#initial.set(name.toLowerCase(), checked(name, value))
    this.#changed(name.toLowerCase())
  }

  /** Values that the server knows: the user's name, whether it is encrypted. No check, no message. */
  setByServer(name: string, value: string): void {
    this.#initial.set(name.toLowerCase(), value)
  }

  set(name: string, value: string, isLocal: boolean): void {
    const key = changeable(name)
    const kept = checked(name, value)
    const { session, local } = this.#values
    if (isLocal) this.#change({ session, local: withValue(local, key, kept) })
    else this.#change({ session: withValue(session, key, kept), local: without(local, key) })
  }

  reset(name: string, isLocal = false): void {
    const key = changeable(name)
    const { session, local } = this.#values
    const initial = this.#initialOf(key)
    if (!isLocal) this.#change({ session: without(session, key), local: without(local, key) })
    else if (initial !== null) this.#change({ session, local: withValue(local, key, initial) })
  }

  resetAll(): void {
    this.#change(NO_VALUES)
  }

  /** Throws PgError 42704 for a name that nobody knows. */
  get(name: string): string {
    const value = this.find(name)
    if (value === null) throw new PgError('42704', `unrecognized configuration parameter "${name}"`)
    return value
  }

  find(name: string): string | null {
    const key = name.toLowerCase()
    if (key === LAST_INDEX) return String(this.lastIndex())
    return this.#valueOf(this.#values, key)
  }

  #valueOf({ local, session }: Values, key: string): string | null {
    return local.get(key) ?? session.get(key) ?? this.#initialOf(key)
  }

  #initialOf(key: string): string | null {
    return this.#initial.get(key) ?? BY_NAME.get(key)?.initial ?? null
  }

  all(): SettingRow[] {
    const { session, local } = this.#values
    const names = new Set([...BY_NAME.keys(), ...session.keys(), ...local.keys(), ...this.#initial.keys()])
    return [...names].toSorted().map((key) => ({ name: BY_NAME.get(key)?.name ?? key, value: this.get(key) }))
  }

  /** What a client is told at the start. */
  reported(): SettingRow[] {
    return PARAMETERS.filter(({ isReported }) => isReported === true).map(({ name }) => ({
      name,
      value: this.get(name),
    }))
  }

  /** What SET did in a transaction that was rolled back is undone; SET LOCAL ends with either. */
  endTransaction(isCommitted: boolean): void {
    const before = this.#before
    if (before !== null) this.#change(isCommitted ? { ...this.#values, local: NONE } : before)
    this.#before = null
    this.#savepoints = null
  }

  savepoint(): void {
    this.#savepoints ??= []
    this.#savepoints.push(this.#values)
  }

  release(at: number): void {
    this.#savepoints?.splice(at)
  }

  rollbackTo(at: number): void {
    const then = this.#savepoints?.[at]
    this.release(at + 1)
    if (then !== undefined) this.#change(then)
  }

  #change(values: Values): void {
    const before = this.#values
    if (values === before) return
    this.#before ??= before
    this.#values = values
    const keys = [before.session, before.local, values.session, values.local].flatMap((map) => [
      ...map.keys(),
    ])
    for (const key of new Set(keys)) if (this.#valueOf(before, key) !== this.find(key)) this.#changed(key)
  }

  #changed(key: string): void {
    if (key === 'timezone') this.#timeZone = timeZone(this.get(key))
    if (key === CONSISTENCY) this.#consistency = consistency(this.get(key))
    if (key === STATEMENT_TIMEOUT || key === READ_ONLY)
      this.#restrictsWrites = this.get(STATEMENT_TIMEOUT) !== '0' || this.get(READ_ONLY) === 'on'
    const parameter = BY_NAME.get(key)
    if (parameter?.isReported === true) this.onReported?.(parameter.name, this.get(key))
  }
}

/** The key of a parameter that may be changed. */
function changeable(name: string): string {
  const key = name.toLowerCase()
  if (BY_NAME.get(key)?.isReadOnly === true)
    throw new PgError('55P02', `parameter "${name}" cannot be changed`)
  return key
}

function withValue(
  values: ReadonlyMap<string, string>,
  key: string,
  value: string,
): ReadonlyMap<string, string> {
  return new Map([...values, [key, value]])
}

function without(values: ReadonlyMap<string, string>, key: string): ReadonlyMap<string, string> {
  if (!values.has(key)) return values
  return new Map([...values].filter(([each]) => each !== key))
}

function checked(name: string, value: string): string {
  const parameter = BY_NAME.get(name.toLowerCase())
  if (parameter !== undefined) return parameter.check?.(value) ?? value
  // PostgreSQL too keeps any name with a dot, for extensions and applications.
  if (name.includes('.')) return value
  throw new PgError('42704', `unrecognized configuration parameter "${name}"`)
}
