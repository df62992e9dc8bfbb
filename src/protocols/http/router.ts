/** Finds the route for a method and a path. */

import { decodePathSegment } from './target.ts'
import type { HttpRoute } from './exchange.ts'

export type RouteMatch =
  | {
      readonly kind: 'found'
      readonly route: HttpRoute
      readonly parameters: Readonly<Record<string, string>>
      /** The route's path with `{name}` for its parameters: the name of the route in metrics. */
      readonly template: string
    }
  /** The path exists with other methods. */
  | { readonly kind: 'wrong-method'; readonly allowed: readonly string[] }
  | { readonly kind: 'not-found' }

const NO_PARAMETERS: Readonly<Record<string, string>> = {}

/** Paths without parameters that have been matched are remembered: they are the hot ones, and few. */
const REMEMBERED_MAX = 256

export class Router {
  readonly routes: readonly HttpRoute[]
  readonly #remembered = new Map<string, RouteMatch>()

  constructor(routes: readonly HttpRoute[]) {
    this.routes = routes
  }

  /** HEAD is answered as GET; `node:http` leaves the body away. Throws REQUEST_INVALID for malformed parameters. */
  match(method: string, path: string): RouteMatch {
    const key = `${method} ${path}`
    const remembered = this.#remembered.get(key)
    if (remembered !== undefined) return remembered
    const match = this.#search(method === 'HEAD' ? 'GET' : method, path)
    const isStatic = match.kind === 'found' && match.parameters === NO_PARAMETERS
    if (isStatic && this.#remembered.size < REMEMBERED_MAX) this.#remembered.set(key, match)
    return match
  }

  #search(method: string, path: string): RouteMatch {
    const allowed: string[] = []
    for (const route of this.routes) {
      const found = route.path.exec(path)
      if (found === null) continue
      if (route.method === method) {
        const parameters = found.groups === undefined ? NO_PARAMETERS : decodeAll(found.groups)
        return { kind: 'found', route, parameters, template: templateOf(route.path) }
      }
      allowed.push(route.method)
    }
    return allowed.length > 0 ? { kind: 'wrong-method', allowed } : { kind: 'not-found' }
  }
}

function decodeAll(groups: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(groups).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, decodePathSegment(value)]],
    ),
  )
}

/** `/^\/v1\/databases\/(?<name>[^/]+)$/` as `/v1/databases/{name}`. */
export function templateOf(path: RegExp): string {
  return path.source
    .replaceAll(/\(\?<(\w+)>[^)]*\)/g, '{$1}')
    .replaceAll(/^\^|\$$/g, '')
    .replaceAll('\\', '')
}
