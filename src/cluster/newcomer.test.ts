/** Members without a number find each other over a network in memory: one cluster comes of it, or none, never two. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../base/errors.ts'
import type { HarmonyErrorCode } from '../base/errors.ts'
import { SeededRandom } from '../host/random.ts'
import { VISIT_KINDS } from './call-kinds.ts'
import type { MemberIdentity } from './identity.ts'
import { Newcomers } from './newcomer.ts'
import { parsePeerAddress } from './peer-address.ts'
import { TRANSPORT_DEFAULTS } from './transport/limits.ts'
import { PeerTransport } from './transport/peer-transport.ts'
import type { IncomingCall } from './transport/call-server.ts'
import { newWorld, SECRET } from './transport/testing/test-members.ts'
import type { World } from './transport/testing/test-members.ts'
import { visit } from './transport/visit.ts'
import { decodeNewcomer, encodeAdmission, encodeNewcomer, encodeStanding } from './visit-codec.ts'
import type { Newcomer } from './visit-codec.ts'

interface Setup {
  readonly host: string
  readonly expected: number
  readonly peers: readonly string[]
  readonly seed?: bigint
}

const addressOf = (host: string): string => `${host}:7`

/** A process that has no number; `identity` is set when it has one. From then on it answers as a member. */
class TestNewcomer {
  readonly host: string
  identity: MemberIdentity | null = null
  problem: HarmonyError | null = null
  readonly #stop = new AbortController()
  readonly #world: World
  readonly #newcomers: Newcomers
  readonly #transport: PeerTransport
  #joined = 0

  constructor(world: World, { host, expected, peers, seed = 1n }: Setup) {
    this.host = host
    this.#world = world
    const { clock } = world
    const network = world.network.of(host)
    const random = new SeededRandom(seed)
    const limits = TRANSPORT_DEFAULTS
    this.#newcomers = new Newcomers({
      self: {
        token: `${host}-${seed}`,
        name: host,
        addresses: { peer: addressOf(host), http: null, postgres: null },
      },
      addresses: async () => peers.map(addressOf),
      expected,
      visit: (address, request) =>
        visit({ secret: SECRET, network, clock, random, limits }, parsePeerAddress(address), request),
      clock,
      random,
      log: () => {},
      signal: this.#stop.signal,
    })
    this.#transport = new PeerTransport({
      own: { cluster: '', member: 0, incarnation: 0 },
      secret: SECRET,
      network,
      clock,
      random,
      limits,
      handlers: {
        messages: () => {},
        call: () => Promise.reject(new Error('no calls here')),
        visit: (call) => this.#answer(call),
        stream: () => Promise.reject(new Error('no streams here')),
        connected: () => {},
        unreachable: () => {},
        departed: () => {},
      },
      log: () => {},
    })
  }

  async start(): Promise<void> {
    await this.#transport.listen({ host: this.host, port: 7 })
    this.#newcomers.settle().then(
      (identity) => void (this.identity = identity),
      (error: HarmonyError) => void (this.problem = error),
    )
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#transport.close()
    this.#world.network.breakAll((stream) => stream.local === this.host)
  }

  /** What a claimant asks for. */
  async promiseTo(claimant: Newcomer): Promise<void> {
    const { signal } = this.#stop
    const payload = encodeNewcomer(claimant)
    await this.#newcomers.answer({ from: 0, kind: VISIT_KINDS.claim, payload, deadlineMs: 0, signal })
  }

  #answer(call: IncomingCall): Promise<Uint8Array> {
    const { identity } = this
    if (identity === null) return this.#newcomers.answer(call)
    const { cluster, member } = identity
    const peers = [{ member, address: addressOf(this.host) }]
    if (call.kind === VISIT_KINDS.hello) {
      const standing = {
        token: this.host,
        peerAddress: addressOf(this.host),
        cluster,
        member,
        expected: 0,
        peers,
      }
      return Promise.resolve(encodeStanding(standing))
    }
    decodeNewcomer(call.payload)
    if (call.kind !== VISIT_KINDS.join || member !== 1)
      return Promise.reject(new HarmonyError('NOT_LEADER', 'ask the founder'))
    return Promise.resolve(encodeAdmission({ cluster, member: 2 + this.#joined++, peers }))
  }
}

async function startAll(world: World, setups: readonly Setup[]): Promise<TestNewcomer[]> {
  const newcomers = setups.map((setup) => new TestNewcomer(world, setup))
  for (const newcomer of newcomers) await newcomer.start()
  return newcomers
}

const isSettled = (newcomers: readonly TestNewcomer[]): boolean =>
  newcomers.every(({ identity }) => identity !== null)

const THREE = ['a', 'b', 'c']

test('three that expect three found one cluster, and the smallest address is member 1', async () => {
  const world = newWorld()
  const setups = ['c', 'a', 'b'].map((host) => ({ host, expected: 3, peers: THREE }))
  const newcomers = await startAll(world, setups)
  await world.clock.until(() => isSettled(newcomers), 'a cluster')
  assert.equal(new Set(newcomers.map(({ identity }) => identity?.cluster)).size, 1)
  assert.equal(newcomers.find(({ host }) => host === 'a')?.identity?.member, 1)
  assert.deepEqual(
    newcomers.map(({ identity }) => identity?.member ?? 0).sort((left, right) => left - right),
    [1, 2, 3],
  )
})

test('two of three wait, for as long as it takes', async () => {
  const world = newWorld()
  const newcomers = await startAll(
    world,
    THREE.slice(0, 2).map((host) => ({ host, expected: 3, peers: THREE })),
  )
  await world.clock.run(120_000)
  assert.deepEqual(
    newcomers.map(({ identity }) => identity),
    [null, null],
  )
  newcomers.push(...(await startAll(world, [{ host: 'c', expected: 3, peers: THREE }])))
  await world.clock.until(() => isSettled(newcomers), 'a cluster')
})

test('who comes later joins what is there, whether it expected to found or only to join', async () => {
  const world = newWorld()
  const founders = await startAll(
    world,
    THREE.map((host) => ({ host, expected: 3, peers: THREE })),
  )
  await world.clock.until(() => isSettled(founders))
  const late = await startAll(world, [
    { host: 'A', expected: 0, peers: ['b', 'a'] },
    { host: '0', expected: 3, peers: THREE },
  ])
  await world.clock.until(() => isSettled(late), 'the late ones')
  assert.deepEqual(
    late.map(({ identity }) => identity?.cluster),
    Array(2).fill(founders[0]?.identity?.cluster),
  )
})

test('five with an overlap of what they see found one cluster, whatever connections break: a hundred seeds', async () => {
  const hosts = ['a', 'b', 'c', 'd', 'e']
  for (let seed = 1n; seed <= 100n; seed++) {
    const world = newWorld(seed)
    const random = new SeededRandom(seed)
    Object.assign(world.network.faults, { delayMinMs: 1, delayMaxMs: 200, breakChance: 0.03 })
    for (const left of hosts)
      for (const right of hosts) if (left < right && random.float() < 0.3) world.network.separate(left, right)
    const newcomers = await startAll(
      world,
      hosts.map((host) => ({ host, expected: 3, peers: hosts, seed: random.u64() })),
    )
    await world.clock.run(3_000)
    for (const left of hosts) for (const right of hosts) world.network.join(left, right)
    await world.clock.until(() => isSettled(newcomers), `a cluster with seed ${seed}`)
    const clusters = new Set(newcomers.map(({ identity }) => identity?.cluster))
    assert.equal(clusters.size, 1, `seed ${seed}: ${clusters.size} clusters`)
    for (const newcomer of newcomers) await newcomer.stop()
  }
})

test('a founder that is cut off before anybody has joined is waited for: the others found no second cluster', async () => {
  const hosts = ['a', 'b', 'c', 'd', 'e']
  const world = newWorld()
  const newcomers = await startAll(
    world,
    hosts.slice(0, 3).map((host) => ({ host, expected: 3, peers: hosts })),
  )
  const [founder] = newcomers
  await world.clock.until(() => founder?.identity !== null, 'the founder')
  for (const host of hosts) world.network.separate('a', host)
  assert.deepEqual(
    newcomers.slice(1).map(({ identity }) => identity),
    [null, null],
  )
  newcomers.push(
    ...(await startAll(
      world,
      hosts.slice(3).map((host) => ({ host, expected: 3, peers: hosts })),
    )),
  )
  await world.clock.run(120_000)
  assert.deepEqual(
    newcomers.slice(1).map(({ identity }) => identity),
    [null, null, null, null],
  )
  for (const host of hosts) world.network.join('a', host)
  await world.clock.until(() => isSettled(newcomers), 'one cluster of all')
  assert.equal(new Set(newcomers.map(({ identity }) => identity?.cluster)).size, 1)
})

test('a claimant that comes back without a cluster frees those that had promised it one', async () => {
  const world = newWorld()
  const peers = THREE
  // The smallest address asks for promises and gets them, and dies before it has founded anything.
  const newcomers = await startAll(
    world,
    ['b', 'c'].map((host) => ({ host, expected: 2, peers })),
  )
  const [first, second] = newcomers as [TestNewcomer, TestNewcomer]
  const claimant = {
    token: 'a-1',
    name: 'a',
    addresses: { peer: addressOf('a'), http: null, postgres: null },
  }
  await Promise.all([first, second].map((newcomer) => newcomer.promiseTo(claimant)))
  await world.clock.run(60_000)
  assert.deepEqual([first.identity, second.identity], [null, null])
  newcomers.push(...(await startAll(world, [{ host: 'a', expected: 2, peers }])))
  await world.clock.until(() => isSettled(newcomers), 'a cluster')
  assert.equal(new Set(newcomers.map(({ identity }) => identity?.cluster)).size, 1)
})

test('a refusal for good ends the wait, one for now does not', async () => {
  for (const [code, isFinal] of [
    ['MEMBERSHIP_REFUSED', true],
    ['OVERLOADED', false],
  ] as const satisfies readonly [HarmonyErrorCode, boolean][]) {
    const world = newWorld()
    let asked = 0
    const member = new PeerTransport({
      own: { cluster: 'c', member: 1, incarnation: 1 },
      secret: SECRET,
      network: world.network.of('m'),
      clock: world.clock,
      random: new SeededRandom(9n),
      limits: TRANSPORT_DEFAULTS,
      handlers: {
        messages: () => {},
        call: () => Promise.reject(new Error('no calls here')),
        stream: () => Promise.reject(new Error('no streams here')),
        connected: () => {},
        unreachable: () => {},
        departed: () => {},
        visit: async ({ kind }) => {
          const peers = [{ member: 1, address: 'm:7' }]
          const standing = { token: 'm', peerAddress: 'm:7', cluster: 'c', member: 1, expected: 0, peers }
          if (kind === VISIT_KINDS.hello) return encodeStanding(standing)
          if (asked++ < 3) throw new HarmonyError(code, 'no')
          return encodeAdmission({ cluster: 'c', member: 2, peers })
        },
      },
      log: () => {},
    })
    await member.listen({ host: 'm', port: 7 })
    const [newcomer] = await startAll(world, [{ host: 'n', expected: 0, peers: ['m'] }])
    await world.clock.until(() => newcomer?.identity !== null || newcomer?.problem !== null)
    assert.equal(newcomer?.problem?.code, isFinal ? code : undefined)
    assert.equal(newcomer?.identity?.member, isFinal ? undefined : 2)
  }
})
