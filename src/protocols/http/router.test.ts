import { test } from 'node:test'
import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { HttpRoute } from './exchange.ts'
import { OriginPolicy } from './origin-policy.ts'
import { Router, templateOf } from './router.ts'
import { targetOf, type Target } from './target.ts'

function request(url: string, headers: Record<string, string> = {}): IncomingMessage {
  const message = new IncomingMessage(new Socket())
  message.url = url
  Object.assign(message.headers, headers)
  return message
}

function target(url: string, headers: Record<string, string> = {}): [string, string] {
  const { path, database }: Target = targetOf(request(url, headers))
  return [path, database]
}

const route = (method: HttpRoute['method'], path: RegExp): HttpRoute => ({
  method,
  path,
  handle: async () => {},
})

test('the database is chosen by path, by header, or is default', () => {
  assert.deepEqual(target('/v2/pipeline'), ['/v2/pipeline', 'default'])
  assert.deepEqual(target('/v2/pipeline', { 'x-namespace': 'shop' }), ['/v2/pipeline', 'shop'])
  assert.deepEqual(target('/db/shop/v2/pipeline'), ['/v2/pipeline', 'shop'])
  assert.deepEqual(target('/db/shop/v2/pipeline', { 'x-namespace': 'other' }), ['/v2/pipeline', 'shop'])
  assert.deepEqual(target('/db/shop'), ['/', 'shop'])
  assert.deepEqual(target('/db/shop/'), ['/', 'shop'])
  assert.deepEqual(target('/db/a%20b/x?y=1'), ['/x', 'a b'])
})

test('the absolute form that proxies send means the same', () => {
  assert.deepEqual(target('http://example.com:80/db/shop/v3?x=1'), ['/v3', 'shop'])
})

test('the query string is no part of the path', () => {
  assert.equal(targetOf(request('/metrics?a=1&b=%20')).query.get('b'), ' ')
})

test('malformed escapes are refused', () => {
  assert.throws(() => target('/db/%zz/x'), { code: 'REQUEST_INVALID' })
})

test('a route is found by method and path, with its parameters decoded', () => {
  const query = route('POST', /^\/v1\/databases\/(?<database>[^/]+)\/query$/)
  const router = new Router([query, route('GET', /^\/health$/)])
  const found = router.match('POST', '/v1/databases/my%20shop/query')
  assert.ok(found.kind === 'found')
  assert.equal(found.route, query)
  assert.deepEqual({ ...found.parameters }, { database: 'my shop' })
  assert.equal(found.template, '/v1/databases/{database}/query')
  assert.equal(router.match('GET', '/nothing').kind, 'not-found')
  assert.deepEqual(router.match('POST', '/health'), { kind: 'wrong-method', allowed: ['GET'] })
})

test('HEAD is answered as GET, and matching twice gives the same', () => {
  const router = new Router([route('GET', /^\/health$/)])
  const first = router.match('HEAD', '/health')
  assert.equal(first.kind, 'found')
  assert.equal(router.match('HEAD', '/health'), first)
})

test('a template names the route in metrics', () => {
  assert.equal(templateOf(/^\/v3-protobuf\/cursor$/), '/v3-protobuf/cursor')
})

test('without authentication only pages of this machine may ask', () => {
  const policy = new OriginPolicy({ isAuthenticated: false, allowedOrigins: ['https://app.example'] })
  for (const origin of [
    'http://localhost:5173',
    'http://127.0.0.1',
    'http://[::1]:80',
    'http://app.localhost:1',
  ]) {
    assert.ok(policy.allows(origin), origin)
  }
  assert.ok(policy.allows('https://app.example'))
  for (const origin of [
    'https://evil.example',
    'http://localhost.evil.example',
    'null',
    'http://app.example',
    '',
  ]) {
    assert.ok(!policy.allows(origin), origin)
  }
})

test('with authentication, or when told so, every page may ask', () => {
  assert.ok(new OriginPolicy({ isAuthenticated: true, allowedOrigins: [] }).allows('https://any.example'))
  assert.ok(new OriginPolicy({ isAuthenticated: false, allowedOrigins: ['*'] }).allows('null'))
})
