/** Runs a member until it is told to stop. The only place where its parts meet. */

import { clusterMetrics } from '../admin/cluster-metrics.ts'
import { clusterRoutes } from '../admin/cluster-routes.ts'
import { HealthCheck } from '../admin/health.ts'
import { adminRoutes } from '../admin/routes.ts'
import { gatewayMetrics } from '../admin/gateway-metrics.ts'
import { httpMetrics } from '../admin/http-metrics.ts'
import { openApiDocument } from '../admin/openapi/document.ts'
import { startProcessMetrics } from '../admin/process-metrics.ts'
import { memberMetrics } from '../admin/member-metrics.ts'
import { Member } from '../cluster/member.ts'
import { ReaderPool } from '../engine/reader/database-reader.ts'
import { LocalGateway } from '../gateway/local-gateway.ts'
import { createHrana } from '../protocols/hrana/hrana.ts'
import { OPEN_AUTHENTICATOR, TokenAuthenticator } from '../protocols/http/authenticator.ts'
import type { Authenticator, HttpRoute } from '../protocols/http/exchange.ts'
import { jsonApiRoutes } from '../protocols/http/json-api.ts'
import { OriginPolicy } from '../protocols/http/origin-policy.ts'
import { HttpServer } from '../protocols/http/server.ts'
import { startBanner } from './banner.ts'
import { EXIT_FAILED, EXIT_OK } from './failure.ts'
import { isLoopback, type ListenAddress } from './listen-address.ts'
import { Log } from './log.ts'
import { reachableAddress } from './peer-options.ts'
import { openPostgresListener } from './postgres-listener.ts'
import { isAuthenticated, type StartOptions } from './start-options.ts'
import { listenForStop } from './stop-signal.ts'
import { harmonyVersion } from './version.ts'

export interface RunningMember {
  readonly http: HttpServer
  readonly address: { readonly host: string; readonly port: number }
  readonly routes: readonly HttpRoute[]
  /** Null where PostgreSQL clients are not served. */
  readonly postgres: ListenAddress | null
  /** Resolves if the member can't go on. */
  readonly failed: Promise<Error>
  /** Lets requests under way finish, and closes everything. */
  stop(): Promise<void>
}

/** `harmonydb start`: resolves with the exit code when the member has stopped. */
export async function start(options: StartOptions): Promise<number> {
  const log = new Log(options.logFormat, (line) => process.stderr.write(line))
  surviveClosedPipes()
  endOnBugs(log)
  const stopSignal = listenForStop(() => log.warn('stopped at once', { reason: 'second signal' }))
  const member = await Promise.race([openMember(options, log), stopSignal.received])
  // Nobody was answered yet, and a data folder may be left at any moment: there is nothing to wait for.
  if (typeof member === 'string') return stoppedEarly(member, log)
  announce(options, member, log)
  const reason = await Promise.race([stopSignal.received, member.failed])
  log.info('stopping', { reason: String(reason), requestsActive: member.http.stats().requestsActive })
  await member.stop()
  log.info('stopped')
  return reason instanceof Error ? EXIT_FAILED : EXIT_OK
}

/** Whoever read our output has gone (`harmonydb start | head`); that is no reason to stop serving. */
function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}

/** After an error that nobody expected, nothing in memory can be trusted. What was acknowledged is on disk. */
function endOnBugs(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.error('ended by a bug, please report it', { error: error.stack ?? String(error) })
    process.exit(EXIT_FAILED)
  })
}

function stoppedEarly(signal: string, log: Log): number {
  log.info('stopped while starting', { signal })
  return EXIT_OK
}

/** Opens the data folder and listens. Rejects if either fails; then nothing is left open. */
export async function openMember(options: StartOptions, log: Log): Promise<RunningMember> {
  const { promise: failed, resolve: fail } = Promise.withResolvers<Error>()
  const opened: (() => Promise<void>)[] = []
  const closeAll = async (): Promise<void> => {
    for (const close of opened.toReversed()) await close()
  }
  try {
    const member = await Member.open({
      folder: options.dataFolder,
      name: options.peer.name,
      cluster: options.peer.cluster && { ...options.peer.cluster, limits: options.limits.transport },
      log: (level, event, fields) => log[level](event, fields),
      limits: options.limits.group,
      routing: options.limits.routing,
      statementTimeoutMs: options.limits.gateway.statementTimeoutMs,
      drainTimeoutMs: options.limits.gateway.drainTimeoutMs,
      onEngineEnd: (error) =>
        log.warn('an engine ended; its databases are opened again', { reason: error.message }),
    })
    opened.push(() => member.close())
    // What is on the disk now is known only after a new start.
    const stopFor = (error: Error): void => {
      log.error('the member can not go on', { error: error.message })
      fail(error)
    }
    void member.failed.then(stopFor)
    if (member.tornTail !== null)
      log.info('journal cut behind the last complete write', { ...member.tornTail })
    const gateway = new LocalGateway({
      directory: member,
      readers: new ReaderPool(options.limits.reader),
      configuration: options.limits.gateway,
    })
    opened.push(() => gateway.close())
    const { http, routes } = buildHttp(options, member, gateway, log)
    const { address, port } = await http.listen(options.http.host, options.http.port)
    opened.push(() => http.drain())
    const postgres = await openPostgresListener({
      options,
      gateway,
      directory: member,
      authenticator: authenticatorOf(options),
      log,
    })
    if (postgres !== null) opened.push(() => postgres.drain())
    member.setClientAddresses(clientAddresses(options, { host: address, port }, postgres?.address ?? null))
    return {
      http,
      routes,
      postgres: postgres?.address ?? null,
      failed,
      address: { host: address, port },
      stop: () => stopInTime(closeAll, member, options.limits.gateway.drainTimeoutMs),
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** As the cluster tells them to others. */
function clientAddresses(
  { peer }: StartOptions,
  http: ListenAddress,
  postgres: ListenAddress | null,
): { readonly http: string | null; readonly postgres: string | null } {
  return {
    http: reachableAddress(peer.httpAdvertise, http, peer.cluster),
    postgres: reachableAddress(peer.postgresAdvertise, postgres, peer.cluster),
  }
}

/** A write without end would keep its client, its session and its database from closing: at the end of their time it is stopped. */
async function stopInTime(
  closeAll: () => Promise<void>,
  member: Member,
  drainTimeoutMs: number,
): Promise<void> {
  const timer = setTimeout(() => void member.stopEngines(), drainTimeoutMs)
  await closeAll()
  clearTimeout(timer)
}

function buildHttp(
  options: StartOptions,
  member: Member,
  gateway: LocalGateway,
  log: Log,
): { http: HttpServer; routes: readonly HttpRoute[] } {
  const version = harmonyVersion()
  const needsToken = isAuthenticated(options)
  const authenticator = authenticatorOf(options)
  const hrana = createHrana({ gateway, authenticator }, options.limits.hrana)
  const readProcess = startProcessMetrics(version)
  const health = new HealthCheck({
    failure: () => member.failure,
    state: () => member.clusterState(),
    now: () => performance.now(),
  })
  const routes: readonly HttpRoute[] = [
    ...hrana.routes,
    ...jsonApiRoutes(gateway, member),
    ...clusterRoutes(member),
    ...adminRoutes({
      version,
      needsToken,
      health: async () => health.check(),
      metrics: async () => [
        ...readProcess(),
        ...httpMetrics(http.stats()),
        ...gatewayMetrics(gateway.statistics()),
        ...memberMetrics(member.stats()),
        ...clusterMetrics(member.clusterState()),
      ],
      openApiDocument: openApiDocument(version, needsToken),
    }),
  ]
  const http = new HttpServer({
    routes,
    upgrade: hrana.upgrade,
    authenticator,
    origins: new OriginPolicy({ isAuthenticated: needsToken, allowedOrigins: options.allowedOrigins }),
    limits: options.limits.http,
    onFailure: (what, error) => log.error(what, { error: error.message }),
  })
  return { http, routes }
}

function authenticatorOf(options: StartOptions): Authenticator {
  if (!isAuthenticated(options)) return OPEN_AUTHENTICATOR
  return new TokenAuthenticator({ staticToken: options.authToken, jwtKeys: options.jwtKeys, now: Date.now })
}

function announce(options: StartOptions, member: RunningMember, log: Log): void {
  const { host, port } = member.address
  const startedInMs = performance.now()
  const needsToken = isAuthenticated(options)
  const isOpen = !needsToken && !isLoopback(host)
  if (isOpen)
    log.warn('no authentication: everyone who can reach this address can read and change everything', {
      host,
    })
  if (options.logFormat === 'json' || !process.stdout.isTTY)
    log.info('started', {
      http: `${host}:${port}`,
      ...(member.postgres === null ? {} : { pg: `${member.postgres.host}:${member.postgres.port}` }),
      data: options.dataFolder,
      startedInMs: Math.round(startedInMs),
    })
  if (options.logFormat === 'json') return
  process.stdout.write(
    startBanner({
      version: harmonyVersion(),
      address: member.address,
      postgres: member.postgres,
      dataFolder: options.dataFolder,
      needsToken,
      isOpen,
      startedInMs,
    }),
  )
}
