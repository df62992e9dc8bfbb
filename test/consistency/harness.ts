/** A cluster of three members in this process, each with all its protocols on ports of its own, between which a test cuts the network. */

import pg from 'pg'
import type { Member } from '../../src/cluster/member.ts'
import type { RoutingLimits } from '../../src/cluster/routing/limits.ts'
import { TestCluster } from '../../src/cluster/testing/cluster-fixture.ts'
import { ReaderPool } from '../../src/engine/reader/database-reader.ts'
import type { RaftTiming } from '../../src/group/raft-timing.ts'
import type { GatewayConfiguration } from '../../src/gateway/configuration.ts'
import { LocalGateway } from '../../src/gateway/local-gateway.ts'
import { createHrana } from '../../src/protocols/hrana/hrana.ts'
import { OPEN_AUTHENTICATOR } from '../../src/protocols/http/authenticator.ts'
import { jsonApiRoutes } from '../../src/protocols/http/json-api.ts'
import { DEFAULT_HTTP_LIMITS } from '../../src/protocols/http/limits.ts'
import { OriginPolicy } from '../../src/protocols/http/origin-policy.ts'
import { HttpServer } from '../../src/protocols/http/server.ts'
import { PostgresServer } from '../../src/protocols/postgres/server.ts'

const HOSTS = ['a', 'b', 'c'] as const
const LOOPBACK = '127.0.0.1'
/** What can't be had is told after this time; what can be had takes less, on a busy machine, too. */
const GIVE_UP_MS = 4_000
/** Three to six seconds: nobody takes a machine that stands still for a moment for the death of a leader. */
const PATIENT_TIMING: Partial<RaftTiming> = { electionTimeoutTicks: 60 }

/** One member with its protocols. */
export class Place implements AsyncDisposable {
  readonly host: string
  readonly member: Member
  readonly url: string
  readonly #gateway: LocalGateway
  readonly #http: HttpServer
  readonly #postgres: PostgresServer

  private constructor(
    host: string,
    member: Member,
    gateway: LocalGateway,
    http: HttpServer,
    url: string,
    postgres: PostgresServer,
  ) {
    this.host = host
    this.member = member
    this.url = url
    this.#gateway = gateway
    this.#http = http
    this.#postgres = postgres
  }

  static async open(host: string, member: Member, changed: Partial<GatewayConfiguration>): Promise<Place> {
    const configuration = {
      drainTimeoutMs: 50,
      readIndexTimeoutMs: GIVE_UP_MS,
      appliedWaitTimeoutMs: GIVE_UP_MS,
      transactionIdleTimeoutMs: 600_000,
      transactionTotalTimeoutMs: 600_000,
      ...changed,
    }
    const gateway = new LocalGateway({ directory: member, readers: new ReaderPool(), configuration })
    const context = { gateway, authenticator: OPEN_AUTHENTICATOR }
    const hrana = createHrana(context)
    const http = new HttpServer({
      routes: [...hrana.routes, ...jsonApiRoutes(gateway, member)],
      upgrade: hrana.upgrade,
      authenticator: OPEN_AUTHENTICATOR,
      origins: new OriginPolicy({ isAuthenticated: true, allowedOrigins: [] }),
      limits: { ...DEFAULT_HTTP_LIMITS, drainTimeoutMs: 50 },
      onFailure: () => undefined,
    })
    const { port } = await http.listen(LOOPBACK, 0)
    const postgres = new PostgresServer({
      ...context,
      staticToken: null,
      host: LOOPBACK,
      port: 0,
      directory: member,
    })
    await postgres.start()
    return new Place(host, member, gateway, http, `http://${LOOPBACK}:${port}`, postgres)
  }

  get postgresPort(): number {
    return this.#postgres.address.port
  }

  /** A call of the JSON API. */
  async query(
    sql: string,
    consistency?: unknown,
    key?: string,
    params: readonly unknown[] = [],
  ): Promise<QueryAnswer> {
    const body = JSON.stringify({
      sql,
      params,
      rows: 'arrays',
      ...(consistency !== undefined && { consistency }),
    })
    const response = await fetch(`${this.url}/v1/databases/default/query`, {
      method: 'POST',
      headers: key === undefined ? {} : { 'idempotency-key': key },
      body,
    })
    const answer = (await response.json()) as QueryAnswer
    return { ...answer, status: response.status }
  }

  /** Statements of one stream over Hrana, as libSQL clients send them; what the last one gave. */
  async hrana(sql: string | readonly string[], level?: string): Promise<HranaAnswer> {
    const headers = level === undefined ? {} : { 'x-harmonydb-consistency': level }
    const statements = typeof sql === 'string' ? [sql] : sql
    const requests = [
      ...statements.map((text) => ({ type: 'execute', stmt: { sql: text } })),
      { type: 'close' },
    ]
    const body = JSON.stringify({ requests })
    const response = await fetch(`${this.url}/v2/pipeline`, { method: 'POST', headers, body })
    const { results } = (await response.json()) as { results: readonly HranaResult[] }
    const last = results.at(-2)
    return {
      value: last?.response?.result?.rows[0]?.[0]?.value ?? null,
      index: last?.response?.result?.replication_index ?? null,
      error: last?.error?.message ?? null,
    }
  }

  async postgres(options: string = ''): Promise<pg.Client> {
    const client = new pg.Client({
      host: LOOPBACK,
      port: this.postgresPort,
      user: 'tester',
      database: 'default',
      options,
    })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http.drain()
    await this.#postgres.drain(50)
    await this.#gateway.close()
  }
}

export interface QueryAnswer {
  readonly status: number
  readonly rows?: readonly (readonly unknown[])[]
  readonly meta?: { readonly index: number }
  readonly error?: { readonly code: string; readonly message: string }
}

interface HranaResult {
  readonly response?: {
    readonly result?: {
      readonly rows: readonly (readonly { readonly value: string }[])[]
      readonly replication_index: string
    }
  }
  readonly error?: { readonly message: string }
}

export interface HranaAnswer {
  readonly value: string | null
  /** The token. */
  readonly index: string | null
  readonly error: string | null
}

export class ThreeMembers implements AsyncDisposable {
  readonly cluster: TestCluster
  readonly places: readonly Place[]

  private constructor(cluster: TestCluster, places: readonly Place[]) {
    this.cluster = cluster
    this.places = places
  }

  static async open(
    routing: Partial<RoutingLimits> = {},
    gateway: Partial<GatewayConfiguration> = {},
    timing: Partial<RaftTiming> = PATIENT_TIMING,
  ): Promise<ThreeMembers> {
    const cluster = new TestCluster()
    const start = { expected: HOSTS.length }
    const members = await Promise.all(
      HOSTS.map((host) => cluster.start(host, start, HOSTS, { routing, timing })),
    )
    const places = await Promise.all(
      members.map((member, at) => Place.open(HOSTS[at] as string, member, gateway)),
    )
    const three = new ThreeMembers(cluster, places)
    const isReady = (): boolean =>
      three.hasOneLeader() && places.every(({ member }) => three.#isWhole(member))
    await cluster.until(isReady, 'three voters of each database, and a leader')
    return three
  }

  /** The member that leads the database, as soon as all agree about it, and the others. */
  async agreedRoles(): Promise<ReturnType<ThreeMembers['roles']>> {
    await this.cluster.until(() => this.hasOneLeader(), 'an agreed leader')
    return this.roles()
  }

  roles(): { readonly leader: Place; readonly followers: readonly [Place, Place] } {
    const numbers = this.places.map(({ member }) => groupOf(member)?.leader ?? null)
    const leader = this.places.find(({ member }) => numbers.every((number) => number === member.number))
    if (leader === undefined) throw new Error(`no agreed leader: ${numbers.join(', ')}`)
    const followers = this.places.filter((place) => place !== leader)
    return { leader, followers: followers as unknown as [Place, Place] }
  }

  /** Of the database: it grows with each election. */
  get term(): number {
    return Math.max(...this.places.map(({ member }) => groupOf(member)?.term ?? 0))
  }

  hasOneLeader(): boolean {
    const leaders = new Set(this.places.map(({ member }) => groupOf(member)?.leader ?? null))
    return leaders.size === 1 && !leaders.has(null)
  }

  cutOff(place: Place): void {
    for (const other of HOSTS) if (other !== place.host) this.cluster.network.separate(place.host, other)
  }

  heal(place: Place): void {
    for (const other of HOSTS) if (other !== place.host) this.cluster.network.join(place.host, other)
  }

  #isWhole(member: Member): boolean {
    const { groups } = member.clusterState()
    return groups.length >= 2 && groups.every(({ voters, leader }) => voters.length === 3 && leader !== null)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.places.map((place) => place[Symbol.asyncDispose]()))
    await this.cluster[Symbol.asyncDispose]()
  }
}

function groupOf(member: Member): ReturnType<Member['clusterState']>['groups'][number] | undefined {
  return member.clusterState().groups.find(({ database }) => database === 'default')
}
