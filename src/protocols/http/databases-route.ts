/** `GET|POST /v1/databases` and `DELETE /v1/databases/NAME`. */

import { HarmonyError } from '../../base/errors.ts'
import type { DatabaseDirectory, DatabaseInfo } from '../../gateway/core.ts'
import type { Credential } from '../../gateway/session.ts'
import { parseExactJson } from './exact-json.ts'
import type { HttpRoute } from './exchange.ts'
import { asObject } from './query-request.ts'

const COLLECTION = /^\/v1\/databases$/
const ONE = /^\/v1\/databases\/(?<database>[^/]+)$/

export function databaseRoutes(directory: DatabaseDirectory): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: COLLECTION,
      handle: async (exchange) => {
        const databases = (await directory.list()).filter((info) => mayOpen(exchange.credential, info.name))
        exchange.sendJson(200, { databases: databases.map(databaseJson) })
      },
    },
    {
      method: 'POST',
      path: COLLECTION,
      handle: async (exchange) => {
        const name = readName(await exchange.readBody())
        requireFullAccess(exchange.credential, `create the database ${name}`)
        await directory.create(name)
        exchange.sendJson(201, { name })
      },
    },
    {
      method: 'DELETE',
      path: ONE,
      handle: async (exchange) => {
        requireFullAccess(exchange.credential, `drop the database ${exchange.database}`)
        await directory.drop(exchange.database)
        exchange.sendJson(200, { name: exchange.database })
      },
    },
  ]
}

function databaseJson(info: DatabaseInfo): Record<string, unknown> {
  return { name: info.name, index: Number(info.appliedIndex), sizeBytes: info.sizeBytes }
}

function readName(body: Uint8Array): string {
  const { name } = asObject(parseExactJson(body), 'The request body', ['name'])
  if (typeof name === 'string') return name
  throw new HarmonyError('REQUEST_INVALID', 'name must be a string: the name of the new database.')
}

function mayOpen(credential: Credential, database: string): boolean {
  return credential.databases === null || credential.databases.includes(database)
}

/** Making and dropping databases needs a credential that is bound to none. */
function requireFullAccess(credential: Credential, action: string): void {
  if (credential.access === 'read-write' && credential.databases === null) return
  throw new HarmonyError(
    'READ_ONLY',
    `This token may not ${action}: that needs read-write access to the whole member.`,
  )
}
