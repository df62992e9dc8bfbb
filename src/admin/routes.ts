/**
 * Routes for people, probes and monitoring. `AdminExchange` is the little of an HTTP exchange that they need; the routes of
 * `protocols/http` fit it, which keeps the admin layer free of protocols.
 */

import type { Credential } from '../gateway/session.ts'
import type { Health } from './health.ts'
import { renderPage, PAGE_SECURITY_POLICY } from './page.ts'
import { PROMETHEUS_CONTENT_TYPE, renderMetrics, type MetricFamily } from './prometheus.ts'

export interface AdminExchange {
  readonly request: { readonly headers: { readonly host?: string | undefined } }
  readonly response: { setHeader(name: string, value: string): unknown }
  readonly query: URLSearchParams
  readonly credential: Credential
  readBody(): Promise<Uint8Array>
  sendJson(status: number, body: unknown): void
  send(status: number, contentType: string, body: string): void
}

export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: RegExp
  readonly isPublic?: boolean
  readonly handle: (exchange: AdminExchange, parameters: Readonly<Record<string, string>>) => Promise<void>
}

export interface AdminContext {
  readonly version: string
  readonly needsToken: boolean
  readonly health: () => Promise<Health>
  readonly metrics: () => Promise<readonly MetricFamily[]>
  readonly openApiDocument: object
}

/** Metrics tell names and load, so they ask for a token where there is one; the rest tells nothing. */
export function adminRoutes(context: AdminContext): readonly AdminRoute[] {
  const { version, needsToken } = context
  return [
    {
      method: 'GET',
      path: /^\/$/,
      isPublic: true,
      handle: async (exchange) => {
        const host = exchange.request.headers.host ?? 'localhost'
        exchange.response.setHeader('content-security-policy', PAGE_SECURITY_POLICY)
        exchange.send(200, 'text/html; charset=utf-8', renderPage({ version, needsToken, host }))
      },
    },
    {
      method: 'GET',
      path: /^\/health$/,
      isPublic: true,
      handle: async (exchange) => {
        const health = await context.health()
        exchange.sendJson(health.status === 'ok' ? 200 : 503, health)
      },
    },
    {
      method: 'GET',
      path: /^\/health\/live$/,
      isPublic: true,
      handle: async (exchange) => {
        const health = await context.health()
        exchange.sendJson(health.status === 'failing' ? 503 : 200, health)
      },
    },
    {
      method: 'GET',
      path: /^\/version$/,
      isPublic: true,
      handle: async (exchange) => exchange.sendJson(200, { name: 'harmonydb', version }),
    },
    {
      method: 'GET',
      path: /^\/metrics$/,
      handle: async (exchange) =>
        exchange.send(200, PROMETHEUS_CONTENT_TYPE, renderMetrics(await context.metrics())),
    },
    {
      method: 'GET',
      path: /^\/openapi\.json$/,
      isPublic: true,
      handle: async (exchange) => exchange.sendJson(200, context.openApiDocument),
    },
  ]
}
