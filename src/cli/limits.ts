/**
 * Every limit of a member with its default: the one list that `--limit` changes and the guide documents. Each belongs to a
 * part (`http.bodySizeBytesMax`); the part may be left away where the name alone is unique.
 */

import { DEFAULT_LIMITS as ENGINE_DEFAULTS } from '../engine/connection.ts'
import { READER_DEFAULTS, type ReaderOptions } from '../engine/reader/reader-options.ts'
import { ROUTING_DEFAULTS, type RoutingLimits } from '../cluster/routing/limits.ts'
import { GATEWAY_DEFAULTS, type GatewayConfiguration } from '../gateway/configuration.ts'
import { GROUP_DEFAULTS, type GroupLimits } from '../group/limits.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../protocols/http/limits.ts'
import { HRANA_DEFAULTS, type HranaOptions } from '../protocols/hrana/options.ts'
import { POSTGRES_DEFAULTS, type PostgresLimits } from '../protocols/postgres/limits.ts'
import { TRANSPORT_DEFAULTS, type TransportLimits } from '../cluster/transport/limits.ts'
import { suggest } from './suggest.ts'
import { UsageError } from './usage-error.ts'

export interface Limits {
  readonly http: HttpLimits
  readonly hrana: HranaOptions
  readonly postgres: PostgresLimits
  readonly gateway: GatewayConfiguration
  readonly reader: ReaderOptions
  readonly group: GroupLimits
  readonly routing: RoutingLimits
  readonly transport: TransportLimits
}

export const DEFAULT_LIMITS: Limits = {
  http: DEFAULT_HTTP_LIMITS,
  hrana: HRANA_DEFAULTS,
  postgres: POSTGRES_DEFAULTS,
  gateway: GATEWAY_DEFAULTS,
  reader: READER_DEFAULTS,
  group: GROUP_DEFAULTS,
  routing: ROUTING_DEFAULTS,
  transport: TRANSPORT_DEFAULTS,
}

const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }
const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 }

/** Limits that can't be changed: all replicas, and every replay of the journal, must come to the same result. */
const FIXED_LIMITS = { engine: ENGINE_DEFAULTS }

export interface LimitDefault {
  /** `http.bodySizeBytesMax` */
  readonly name: string
  readonly value: number
}

/** Those that `--limit` changes. */
export function limitDefaults(): readonly LimitDefault[] {
  return namedLimits(DEFAULT_LIMITS)
}

export function fixedLimits(): readonly LimitDefault[] {
  return namedLimits(FIXED_LIMITS)
}

function namedLimits(parts: object): readonly LimitDefault[] {
  return Object.entries(parts).flatMap(([part, limits]: [string, object]) =>
    Object.entries(limits).flatMap(([name, value]) =>
      typeof value === 'number' ? [{ name: `${part}.${name}`, value }] : [],
    ),
  )
}

/** The defaults, changed by settings such as `http.bodySizeBytesMax=64MiB` or `stallTimeoutMs=5s`. Throws UsageError. */
export function applyLimits(settings: readonly string[]): Limits {
  const changed = new Map(settings.map(parseSetting))
  const parts = Object.entries(DEFAULT_LIMITS).map(([part, limits]: [string, object]) => [
    part,
    Object.fromEntries(
      Object.entries(limits).map(([name, value]) => [name, changed.get(`${part}.${name}`) ?? value]),
    ),
  ])
  return Object.fromEntries(parts) as Limits
}

function parseSetting(setting: string): readonly [name: string, value: number] {
  const [, given = '', number = '', unit = ''] = /^([\w.]+)=(\d+)(\w*)$/.exec(setting) ?? []
  if (given === '') {
    throw new UsageError(
      `--limit is ${JSON.stringify(setting)}; it must be NAME=VALUE, such as bodySizeBytesMax=64MiB.`,
    )
  }
  const name = fullName(given)
  return [name, Number(number) * unitFactor(name, unit)]
}

function fullName(given: string): string {
  const known = limitDefaults().map(({ name }) => name)
  const found = known.filter((name) => name === given || name.endsWith(`.${given}`))
  if (found.length === 1) return found[0] ?? given
  if (found.length > 1) throw new UsageError(`Which limit: ${found.join(' or ')}?`)
  const meant = suggest(given, [...known, ...known.map((name) => name.replace(/^\w+\./, ''))])
  throw new UsageError(
    `There is no limit ${given}.${meant === null ? ' The guide lists them all.' : ` Did you mean ${meant}?`}`,
  )
}

function unitsOf(name: string): Readonly<Record<string, number>> {
  if (name.includes('Bytes')) return SIZE_UNITS
  return /Ms(Max)?$/.test(name) ? TIME_UNITS : {}
}

/** As the documentation shows it: `32 MiB`, `10 s`, `10,000`. In the largest unit that divides it. */
export function formatLimit({ name, value }: LimitDefault): string {
  const fitting = Object.entries(unitsOf(name)).filter(([, factor]) => value !== 0 && value % factor === 0)
  const [unit, factor] = fitting.at(-1) ?? ['', 1]
  return `${(value / factor).toLocaleString('en')} ${unit}`.trim()
}

function unitFactor(name: string, unit: string): number {
  if (unit === '') return 1
  const units = unitsOf(name)
  const factor = units[unit]
  if (factor !== undefined) return factor
  const may = Object.keys(units).join(', ')
  throw new UsageError(
    `The limit ${name} can't be in ${JSON.stringify(unit)}: ${may === '' ? 'it is a plain number' : `use ${may}`}.`,
  )
}
