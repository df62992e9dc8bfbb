/** `status` and `member` against real routes on a real HTTP server; behind them stands an administration that writes down what it is told. */

import { test, type TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { clusterRoutes } from '../../admin/cluster-routes.ts'
import { groupState, memberState, stateOf } from '../../admin/testing/cluster-states.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { ClusterAdministration, ClusterState } from '../../cluster/cluster-state.ts'
import { OPEN_AUTHENTICATOR, TokenAuthenticator } from '../../protocols/http/authenticator.ts'
import type { Authenticator } from '../../protocols/http/exchange.ts'
import { DEFAULT_HTTP_LIMITS } from '../../protocols/http/limits.ts'
import { OriginPolicy } from '../../protocols/http/origin-policy.ts'
import { HttpServer } from '../../protocols/http/server.ts'
import { run } from '../run.ts'

class RecordingAdministration implements ClusterAdministration {
  readonly calls: unknown[] = []
  state: ClusterState = stateOf([groupState({})], [memberState({})])

  clusterState(): ClusterState {
    return this.state
  }

  async addMember(...args: unknown[]): Promise<number> {
    this.calls.push(['add', ...args])
    return 5
  }

  async removeMember(member: number): Promise<void> {
    this.calls.push(['remove', member])
    if (member === 1) throw new HarmonyError('REQUEST_INVALID', 'Member 1 is needed for a majority.')
  }

  async promoteMember(member: number): Promise<void> {
    this.calls.push(['promote', member])
  }

  async transferLeadership(request: unknown): Promise<number> {
    this.calls.push(['transfer', request])
    return 2
  }
}

interface Finished {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface Served {
  readonly administration: RecordingAdministration
  readonly url: string
  readonly harmonydb: (...args: string[]) => Promise<Finished>
}

async function serve(t: TestContext, authenticator: Authenticator = OPEN_AUTHENTICATOR): Promise<Served> {
  const administration = new RecordingAdministration()
  const http = new HttpServer({
    routes: clusterRoutes(administration),
    upgrade: { handle: ({ socket }) => socket.destroy() },
    authenticator,
    origins: new OriginPolicy({ isAuthenticated: true, allowedOrigins: [] }),
    limits: DEFAULT_HTTP_LIMITS,
    onFailure: (what, error) => assert.fail(`${what}: ${error.message}`),
  })
  const { port } = await http.listen('127.0.0.1', 0)
  t.after(() => http.drain())
  const url = `http://127.0.0.1:${port}`
  return { administration, url, harmonydb: (...args) => captured(t, args, { HARMONYDB_URL: url }) }
}

function written(calls: readonly { readonly arguments: readonly unknown[] }[]): string {
  return calls.map((call) => String(call.arguments[0])).join('')
}

async function captured(
  t: TestContext,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Finished> {
  const out = t.mock.method(console, 'log', () => {})
  const err = t.mock.method(process.stderr, 'write', () => true)
  try {
    const code = await run(args, environment)
    return { code, out: written(out.mock.calls), err: written(err.mock.calls) }
  } finally {
    out.mock.restore()
    err.mock.restore()
  }
}

test('status: exit code 0 when all is well, 3 when something is wrong', async (t) => {
  const { administration, harmonydb } = await serve(t)
  const well = await harmonydb('status')
  assert.equal(well.code, 0, well.err)
  assert.match(well.out, /All is well/)
  administration.state = stateOf([groupState({ leader: null })], [memberState({})])
  const wrong = await harmonydb('status', '--json')
  assert.equal(wrong.code, 3)
  const json = JSON.parse(wrong.out) as { problems: string[]; groups: { database: string }[] }
  assert.deepEqual(json.problems, ['database default: it has no leader'])
  assert.equal(json.groups[0]?.database, 'default')
})

test('each member command reaches the cluster with what was typed', async (t) => {
  const { administration, harmonydb } = await serve(t)
  const codes = [
    (await harmonydb('member', 'add', '10.0.0.5:7400', '--learner')).code,
    (await harmonydb('member', 'promote', '5')).code,
    (await harmonydb('member', 'remove', '3')).code,
    (await harmonydb('member', 'transfer', '--database', 'shop', '--to', '2')).code,
    (await harmonydb('member', 'transfer', '--from', '3')).code,
  ]
  assert.deepEqual(codes, [0, 0, 0, 0, 0])
  assert.deepEqual(administration.calls, [
    ['add', '10.0.0.5:7400', 'learner'],
    ['promote', 5],
    ['remove', 3],
    ['transfer', { database: 'shop', from: null, to: 2 }],
    ['transfer', { database: null, from: 3, to: null }],
  ])
})

test('add tells how to start the new member', async (t) => {
  const { harmonydb } = await serve(t)
  const { out } = await harmonydb('member', 'add', '10.0.0.5:7400')
  assert.match(out, /Member 5 is expected as a voter/)
  assert.match(out, /--peer-listen 10\.0\.0\.5:7400 --join 10\.0\.0\.1:7400/)
})

test('list shows members; the URL may be given', async (t) => {
  const { url, harmonydb } = await serve(t)
  const { out } = await harmonydb('member', 'list', url)
  assert.match(out, /^member +name/)
  assert.match(out, /1 +member-1 +active +voter +this one/)
  assert.equal((JSON.parse((await harmonydb('member', 'list', '--json')).out) as unknown[]).length, 1)
})

test('a refusal is told in the words of the cluster, with exit code 1', async (t) => {
  const { harmonydb } = await serve(t)
  const { code, err } = await harmonydb('member', 'remove', '1')
  assert.equal(code, 1)
  assert.equal(err, 'harmonydb: Member 1 is needed for a majority. [REQUEST_INVALID]\n')
})

test('wrong command lines are refused before anything is asked', async (t) => {
  const { administration, harmonydb } = await serve(t)
  for (const [args, reason] of [
    [['member'], /Which one: member list, add/],
    [['member', 'remve', '3'], /Did you mean "member remove"/],
    [['member', 'remove'], /member remove needs NUMBER/],
    [['member', 'remove', 'x'], /is not the number of a member/],
    [['member', 'remove', '3', '--to', '1'], /--to has no meaning for member remove/],
    [['member', 'transfer'], /Say what to hand over/],
    [['status', 'a', 'b'], /Unexpected argument/],
  ] as const) {
    const { code, err } = await harmonydb(...args)
    assert.equal(code, 2, err)
    assert.match(err, reason)
  }
  assert.deepEqual(administration.calls, [])
})

test('where nobody listens, and where somebody else does', async (t) => {
  const { url, harmonydb } = await serve(t)
  const nobody = await harmonydb('status', 'http://127.0.0.1:1')
  assert.equal(nobody.code, 1)
  assert.match(nobody.err, /No member answers at http:\/\/127\.0\.0\.1:1 \(/)
  const { code, err } = await captured(t, ['member', 'list', `${url}/db/x`], {})
  assert.equal(code, 0, err)
})

test('a token is asked for, and taken from the environment', async (t) => {
  const token = new TokenAuthenticator({ staticToken: 'let-me-in', jwtKeys: [], now: Date.now })
  const { url, harmonydb } = await serve(t, token)
  assert.match((await harmonydb('status')).err, /AUTH_REQUIRED/)
  const { code } = await captured(t, ['status', url], { HARMONYDB_AUTH_TOKEN: 'let-me-in' })
  assert.equal(code, 0)
})
