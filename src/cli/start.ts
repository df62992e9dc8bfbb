/** Runs a member until it is told to stop. The only place where its parts meet. */

import { must } from '../base/assert.ts'
import type { ReaderOptions } from '../engine/reader/reader-options.ts'
import { Member } from '../cluster/member.ts'
import { ReaderPool } from '../engine/reader/database-reader.ts'
import { LocalGateway } from '../gateway/local-gateway.ts'
import type { HttpRoute } from '../protocols/http/exchange.ts'
import type { HttpServer } from '../protocols/http/server.ts'
import { isAuthenticated } from '../serve/access.ts'
import { isLoopback, type ListenAddress } from '../serve/listen-address.ts'
import type { GatewayProcessOptions, ServeLog, ServeOptions } from '../serve/serve.ts'
import { closeInTime, serve } from '../serve/serve.ts'
import { harmonyVersion } from '../serve/version.ts'
import { startBanner } from './banner.ts'
import { EXIT_FAILED, EXIT_OK } from './failure.ts'
import { Log } from './log.ts'
import type { StartOptions } from './start-options.ts'
import { listenForStop } from './stop-signal.ts'

export interface RunningMember {
  /** Null where gateway processes serve clients. */
  readonly http: HttpServer | null
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
  log.info('stopping', {
    reason: String(reason),
    requestsActive: member.http?.stats().requestsActive ?? null,
  })
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
  const writeLog: ServeLog = (level, event, fields) => log[level](event, fields)
  const member = await Member.open({
    folder: options.dataFolder,
    name: options.peer.name,
    cluster: options.peer.cluster && { ...options.peer.cluster, limits: options.limits.transport },
    log: writeLog,
    limits: options.limits.group,
    routing: options.limits.routing,
    statementTimeoutMs: options.limits.gateway.statementTimeoutMs,
    drainTimeoutMs: options.limits.gateway.drainTimeoutMs,
    onEngineEnd: (error) =>
      log.warn('an engine ended; its databases are opened again', { reason: error.message }),
  })
  // What is on the disk now is known only after a new start.
  const stopFor = (error: Error): void => {
    log.error('the member can not go on', { error: error.message })
    fail(error)
  }
  void member.failed.then(stopFor)
  if (member.tornTail !== null) log.info('journal cut behind the last complete write', { ...member.tornTail })
  const gateway = new LocalGateway({
    directory: member,
    readers: new ReaderPool(options.limits.reader),
    configuration: options.limits.gateway,
  })
  const opened = [() => member.close(), () => gateway.close()]
  const close = (): Promise<void> => closeInTime(opened, member, options.limits.gateway.drainTimeoutMs)
  try {
    const served = await serve({ member, gateway, log: writeLog }, serveOptionsOf(options))
    opened.push(() => served.drain())
    return {
      http: served.http?.server ?? null,
      routes: served.http?.routes ?? [],
      address: must(served.httpAddress),
      postgres: served.postgresAddress,
      failed,
      stop: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function serveOptionsOf(options: StartOptions): ServeOptions {
  const { http, postgres, postgresCertificate, allowedOrigins, limits } = options
  const { cluster, httpAdvertise, postgresAdvertise } = options.peer
  return {
    http,
    postgres,
    postgresCertificate,
    allowedOrigins,
    limits,
    cluster,
    httpAdvertise,
    postgresAdvertise,
    access: options,
    gateways: options.gateways === 0 ? null : gatewayProcessOptions(options),
  }
}

function gatewayProcessOptions({ gateways, limits }: StartOptions): GatewayProcessOptions {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  return {
    count: gateways,
    file: new URL(`./gateway-process${extension}`, import.meta.url),
    configuration: limits.gateway,
    readers: readersOfEach(limits.reader, gateways),
  }
}

/** Query workers are for the processors of the machine: gateways have their parts of them. Two at least: a long query keeps one. */
function readersOfEach(reader: ReaderOptions, gateways: number): ReaderOptions {
  const { workersMax, snapshotWorkersMax } = reader
  return {
    ...reader,
    workersMax: Math.max(2, Math.ceil(workersMax / gateways)),
    snapshotWorkersMax: Math.max(2, Math.ceil(snapshotWorkersMax / gateways)),
  }
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
