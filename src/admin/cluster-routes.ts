/**
 * `/v1/cluster`: the state of the cluster as this member sees it, and what operators do to it. Any member takes any of these
 * requests. Each needs access to the whole cluster, not to one database.
 */

import { HarmonyError } from '../base/errors.ts'
import type { ClusterAdministration, ClusterState, MemberRole } from '../cluster/cluster-state.ts'
import type { AdminExchange, AdminRoute } from './routes.ts'

const STATE = /^\/v1\/cluster$/
const MEMBERS = /^\/v1\/cluster\/members$/
const MEMBER = /^\/v1\/cluster\/members\/(?<member>[^/]+)$/
const PROMOTE = /^\/v1\/cluster\/members\/(?<member>[^/]+)\/promote$/
const TRANSFER = /^\/v1\/cluster\/transfer$/

/** Where the member is another process, its state has to be asked for. */
export interface Administration extends Omit<ClusterAdministration, 'clusterState'> {
  clusterState(): ClusterState | Promise<ClusterState>
}

export function clusterRoutes(administration: Administration): readonly AdminRoute[] {
  return [
    {
      method: 'GET',
      path: STATE,
      handle: async (exchange) => {
        exchange.sendJson(200, visibleState(await administration.clusterState(), exchange))
      },
    },
    {
      method: 'POST',
      path: MEMBERS,
      handle: async (exchange) => {
        requireFullAccess(exchange, 'add members')
        const body = await readFields(exchange, ['address', 'role'])
        const member = await administration.addMember(addressOf(body['address']), roleOf(body['role']))
        exchange.sendJson(201, { member })
      },
    },
    {
      method: 'DELETE',
      path: MEMBER,
      handle: async (exchange, { member = '' }) => {
        requireFullAccess(exchange, 'remove members')
        const number = memberNumber(member)
        await administration.removeMember(number)
        exchange.sendJson(200, { member: number })
      },
    },
    {
      method: 'POST',
      path: PROMOTE,
      handle: async (exchange, { member = '' }) => {
        requireFullAccess(exchange, 'promote members')
        const number = memberNumber(member)
        await administration.promoteMember(number)
        exchange.sendJson(200, { member: number })
      },
    },
    {
      method: 'POST',
      path: TRANSFER,
      handle: async (exchange) => {
        requireFullAccess(exchange, 'transfer leadership')
        const body = await readFields(exchange, ['database', 'from', 'to'])
        const transferred = await administration.transferLeadership({
          database: databaseOf(body['database']),
          from: memberOf('from', body['from']),
          to: memberOf('to', body['to']),
        })
        exchange.sendJson(200, { transferred })
      },
    },
  ]
}

/** With `?database=NAME`, only that one's group. A token that opens some databases shows those. */
function visibleState(state: ClusterState, exchange: AdminExchange): ClusterState {
  const { databases } = exchange.credential
  const only = exchange.query.get('database')
  const groups = state.groups.filter(
    ({ database }) =>
      (only === null || database === only) && (databases === null || databases.includes(database)),
  )
  return { ...state, groups }
}

function requireFullAccess({ credential }: AdminExchange, action: string): void {
  if (credential.access === 'read-write' && credential.databases === null) return
  throw new HarmonyError(
    'READ_ONLY',
    `This token may not ${action}: that needs read-write access to the whole cluster.`,
  )
}

type Fields = Readonly<Record<string, unknown>>

/** An empty body is one without fields. */
async function readFields(exchange: AdminExchange, known: readonly string[]): Promise<Fields> {
  const fields = parseObject(new TextDecoder().decode(await exchange.readBody()))
  const stranger = Object.keys(fields).find((name) => !known.includes(name))
  if (stranger === undefined) return fields
  throw invalid(`there is no field ${JSON.stringify(stranger)}; known are ${known.join(', ')}`)
}

function parseObject(text: string): Fields {
  if (text.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw invalid(`it is not JSON (${(error as Error).message})`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw invalid('it is not a JSON object')
}

function memberNumber(text: string): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : 0
  if (number > 0) return number
  throw new HarmonyError(
    'REQUEST_INVALID',
    `${JSON.stringify(text)} is not the number of a member; GET /v1/cluster lists them.`,
  )
}

function addressOf(value: unknown): string {
  if (typeof value === 'string' && /^(?:\[[^\]\s]+\]|[^\s:[\]]+):\d{1,5}$/.test(value)) return value
  throw invalid('address must be HOST:PORT, where the new member will listen for its peers')
}

function roleOf(value: unknown): MemberRole {
  if (value === undefined || value === 'voter') return 'voter'
  if (value === 'learner') return 'learner'
  throw invalid('role must be "voter" or "learner"')
}

function databaseOf(value: unknown): string | null {
  if (value === undefined || value === null || typeof value === 'string') return value ?? null
  throw invalid('database must be the name of one')
}

function memberOf(field: string, value: unknown): number | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value
  throw invalid(`${field} must be the number of a member`)
}

function invalid(what: string): HarmonyError {
  return new HarmonyError('REQUEST_INVALID', `The request body is wrong: ${what}.`)
}
