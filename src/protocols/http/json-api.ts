/** The routes of the JSON API. */

import type { DatabaseDirectory } from '../../gateway/core.ts'
import type { Gateway } from '../../gateway/session.ts'
import { databaseRoutes } from './databases-route.ts'
import type { HttpRoute } from './exchange.ts'
import { queryRoute } from './query-route.ts'

export function jsonApiRoutes(gateway: Gateway, directory: DatabaseDirectory): readonly HttpRoute[] {
  return [queryRoute(gateway), ...databaseRoutes(directory)]
}
