/** The options by which an application lets its member serve clients on the network, from the application's form into `serve`'s. */

import { HarmonyError } from '../base/errors.ts'
import type { ClusterOptions } from '../cluster/enter-cluster.ts'
import { parsePeerAddress } from '../cluster/peer-address.ts'
import { isOrigin, isUsableToken, openHost, parsePublicKey } from '../serve/access.ts'
import type { ListenAddress } from '../serve/listen-address.ts'
import { readListenAddress } from '../serve/listen-address.ts'
import type { ServeOptions as ServeParameters } from '../serve/serve.ts'
import { SERVE_DEFAULTS } from '../serve/serve.ts'
import { certificateFault, type ServerCertificate } from '../serve/server-certificate.ts'

/** Plain data: it goes to the core's thread. */
export interface ServeOptions {
  /** HOST:PORT to serve HTTP and WebSocket at: the HTTP API, libSQL clients, health and metrics. Port 0 takes a free one. Default: nowhere. */
  readonly http?: string
  /** HOST:PORT to serve PostgreSQL clients at. Port 0 takes a free one. Default: nowhere. */
  readonly pg?: string
  /** Serve PostgreSQL clients over TLS, if they ask for it: certificate and private key as PEM. Default: they are refused it. */
  readonly pgTls?: ServerCertificate
  /** HOST:PORT where clients reach `http`, as the cluster tells them. Default: where it is served. */
  readonly httpAdvertise?: string
  /** HOST:PORT where clients reach `pg`, as the cluster tells them. Default: where it is served. */
  readonly pgAdvertise?: string
  /** Network clients must bring this token, or as PostgreSQL clients this password, and may then do everything. */
  readonly authToken?: string
  /** Network clients may bring JSON Web Tokens signed with one of these Ed25519 keys: public ones, as PEM or url-safe base64 of their 32 bytes. */
  readonly jwtKeys?: readonly string[]
  /** Serve where other machines can reach it without any authentication: everyone there can read and change everything. */
  readonly insecure?: boolean
  /** Without authentication: web pages of these origins may use `http`, too; `*` for all. Default: pages of this machine. */
  readonly allowedOrigins?: readonly string[]
}

/** Throws ARGS_INVALID, for an unsafe combination too, and REQUEST_INVALID for a key that is none. */
export function checkServeOptions(options: ServeOptions): void {
  const { http, postgres, access, httpAdvertise, postgresAdvertise } = toServeParameters(options, null)
  for (const address of [httpAdvertise, postgresAdvertise]) if (address !== null) parsePeerAddress(address)
  for (const origin of options.allowedOrigins ?? [])
    if (!isOrigin(origin))
      throw invalid(
        `\`allowedOrigins\` has ${JSON.stringify(origin)}; an origin is as browsers send it, such as https://app.example:8443, or *.`,
      )
  if (options.authToken !== undefined && !isUsableToken(options.authToken))
    throw invalid('`authToken` is empty or holds spaces; it must be one word, as HTTP headers carry it.')
  const fault = options.pgTls === undefined ? null : certificateFault(options.pgTls)
  if (fault !== null) throw invalid(`\`pgTls\` can not be used: ${fault}.`)
  const host = openHost([http, postgres], access)
  if (host !== null && options.insecure !== true)
    throw invalid(
      `Other machines could reach ${host}, and there is no authentication: everyone there could read and change everything. ` +
        'Set `authToken` or `jwtKeys`, or `insecure: true` if that is what you want.',
    )
}

/** `cluster`: where the other members reach this one. Throws ARGS_INVALID. */
export function toServeParameters(options: ServeOptions, cluster: ClusterOptions | null): ServeParameters {
  const postgres = addressOf('pg', options.pg)
  return {
    http: addressOf('http', options.http),
    postgres: postgres && { ...postgres, isChosen: true },
    httpAdvertise: options.httpAdvertise ?? null,
    postgresAdvertise: options.pgAdvertise ?? null,
    cluster,
    access: { authToken: options.authToken ?? null, jwtKeys: (options.jwtKeys ?? []).map(parsePublicKey) },
    allowedOrigins: options.allowedOrigins ?? [],
    postgresCertificate: options.pgTls ?? null,
    limits: SERVE_DEFAULTS,
    gateways: null,
  }
}

function addressOf(option: string, text: string | undefined): ListenAddress | null {
  if (text === undefined) return null
  const address = readListenAddress(text)
  if (address !== null) return address
  throw invalid(
    `\`${option}\` is ${JSON.stringify(text)}; it must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080.`,
  )
}

function invalid(message: string): HarmonyError {
  return new HarmonyError('ARGS_INVALID', message)
}
