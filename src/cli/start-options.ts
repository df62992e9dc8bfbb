/** Options of `harmonydb start`. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parsePublicKey } from '../protocols/http/jwt.ts'
import { applyLimits, type Limits } from './limits.ts'
import type { Access } from '../serve/access.ts'
import { isOrigin, isUsableToken, openHost } from '../serve/access.ts'
import type { ListenAddress } from '../serve/listen-address.ts'
import { certificateFault, type ServerCertificate } from '../serve/server-certificate.ts'
import { parseListenAddress } from './listen-address.ts'
import type { LogFormat } from './log.ts'
import { parsePeerOptions, PEER_OPTIONS, type PeerOptions } from './peer-options.ts'
import { parseOptions, type Environment, type OptionSpec, type ParsedOptions } from './options.ts'
import { UsageError } from './usage-error.ts'

export const START_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'data',
    placeholder: 'FOLDER',
    variable: 'HARMONYDB_DATA',
    default: './harmony-data',
    help: 'Folder for databases and journal. Made if it does not exist. One running member owns it.',
  },
  {
    name: 'http',
    placeholder: 'HOST:PORT',
    variable: 'HARMONYDB_HTTP',
    default: '127.0.0.1:8080',
    help:
      'Where to listen, for HTTP and WebSocket. Addresses that other machines can reach need authentication. Port 0 takes ' +
      'any free one.',
  },
  {
    name: 'pg',
    placeholder: 'HOST:PORT',
    variable: 'HARMONYDB_PG',
    default: '127.0.0.1:5433',
    help:
      'Where to listen for PostgreSQL clients; `none` for nowhere. Addresses that other machines can reach need authentication. ' +
      'The token is the password.',
  },
  {
    name: 'pg-cert',
    placeholder: 'FILE',
    variable: 'HARMONYDB_PG_CERT',
    default: null,
    help: 'Serve PostgreSQL clients over TLS, if they ask for it, with this certificate (PEM). With --pg-key.',
  },
  {
    name: 'pg-key',
    placeholder: 'FILE',
    variable: 'HARMONYDB_PG_KEY',
    default: null,
    help: 'Private key of --pg-cert (PEM).',
  },
  {
    name: 'auth-token',
    placeholder: 'TOKEN',
    variable: 'HARMONYDB_AUTH_TOKEN',
    default: null,
    help: 'Clients must bring this token, and may then do everything. Prefer the variable or the file: other users of the machine can see command lines.',
  },
  {
    name: 'auth-token-file',
    placeholder: 'FILE',
    variable: 'HARMONYDB_AUTH_TOKEN_FILE',
    default: null,
    help: 'As --auth-token, read from the first line of a file.',
  },
  {
    name: 'auth-jwt-key',
    placeholder: 'KEY',
    variable: 'HARMONYDB_AUTH_JWT_KEY',
    default: null,
    help: 'Clients may bring JSON Web Tokens signed with this Ed25519 key. The public key, as PEM or as url-safe base64 of its 32 bytes.',
  },
  {
    name: 'auth-jwt-key-file',
    placeholder: 'FILE',
    variable: 'HARMONYDB_AUTH_JWT_KEY_FILE',
    default: null,
    help: 'As --auth-jwt-key, read from a file.',
  },
  {
    name: 'insecure',
    placeholder: null,
    variable: 'HARMONYDB_INSECURE',
    default: null,
    help: 'Listen where other machines can reach it without any authentication. Everyone there can read and change everything.',
  },
  {
    name: 'allow-origin',
    placeholder: 'ORIGIN',
    isList: true,
    variable: 'HARMONYDB_ALLOW_ORIGIN',
    default: 'pages of this machine',
    help: 'Without authentication: web pages of this origin (https://app.example) may use the member, too. Repeat for several; * for all.',
  },
  {
    name: 'gateways',
    placeholder: 'COUNT',
    variable: 'HARMONYDB_GATEWAYS',
    default: '0',
    help: 'Processes that serve clients, sharing the ports: for more clients than one core or one process can have. 0: the member itself does. Linux only.',
  },
  ...PEER_OPTIONS,
  {
    name: 'limit',
    placeholder: 'NAME=VALUE',
    isList: true,
    variable: 'HARMONYDB_LIMITS',
    default: null,
    help: 'Change a limit, such as bodySizeBytesMax=64MiB. Repeat for several. The guide lists all of them with their defaults.',
  },
  {
    name: 'log-format',
    placeholder: 'FORMAT',
    variable: 'HARMONYDB_LOG_FORMAT',
    default: 'text',
    help: 'Log lines on stderr for people (text) or for collectors (json).',
  },
]

export interface StartOptions extends Access {
  readonly dataFolder: string
  readonly http: ListenAddress
  /** Null: PostgreSQL clients are not served. `isChosen` tells it from the default. */
  readonly postgres: (ListenAddress & { readonly isChosen: boolean }) | null
  /** Null: PostgreSQL clients that ask for TLS are refused it. */
  readonly postgresCertificate: ServerCertificate | null
  readonly allowedOrigins: readonly string[]
  /** Processes that serve clients; 0: the member itself. */
  readonly gateways: number
  readonly peer: PeerOptions
  readonly limits: Limits
  readonly logFormat: LogFormat
}

/** Throws UsageError, for an unsafe combination too. */
export function parseStartOptions(args: readonly string[], environment: Environment): StartOptions {
  const options = parseOptions(START_OPTIONS, args, environment, 0)
  const parsed: StartOptions = {
    dataFolder: resolve(options.text('data') ?? './harmony-data'),
    http: parseListenAddress(options.text('http') ?? '127.0.0.1:8080'),
    postgres: readPostgresAddress(options.text('pg')),
    postgresCertificate: readCertificate(options),
    authToken: readAuthToken(options),
    jwtKeys: readJwtKeys(options),
    allowedOrigins: options.list('allow-origin').map(checkedOrigin),
    gateways: readGateways(options.text('gateways')),
    peer: parsePeerOptions(options),
    limits: applyLimits(options.list('limit')),
    logFormat: readLogFormat(options.text('log-format')),
  }
  if (!options.flag('insecure')) refuseOpenAddress(parsed)
  return parsed
}

function readPostgresAddress(text: string | null): StartOptions['postgres'] {
  if (text === 'none') return null
  return { ...parseListenAddress(text ?? '127.0.0.1:5433', 'pg'), isChosen: text !== null }
}

function readCertificate(options: ParsedOptions): ServerCertificate | null {
  const [certFile, keyFile] = [options.text('pg-cert'), options.text('pg-key')]
  if (certFile === null && keyFile === null) return null
  if (certFile === null || keyFile === null)
    throw new UsageError(`--pg-${certFile === null ? 'cert' : 'key'} is missing: TLS needs both.`)
  const certificate = { cert: readFile('pg-cert', certFile), key: readFile('pg-key', keyFile) }
  const fault = certificateFault(certificate)
  if (fault === null) return certificate
  throw new UsageError(`--pg-cert ${certFile} and --pg-key ${keyFile} can not be used: ${fault}.`)
}

const GATEWAYS_MAX = 64

function readGateways(text: string | null): number {
  if (text === null) return 0
  const count = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN
  if (!(count <= GATEWAYS_MAX))
    throw new UsageError(
      `--gateways is ${JSON.stringify(text)}; it must be a number from 0 to ${GATEWAYS_MAX}.`,
    )
  if (count > 0 && process.platform !== 'linux')
    throw new UsageError('--gateways needs Linux, where processes can share a port evenly.')
  return count
}

function refuseOpenAddress(options: StartOptions): void {
  const host = openHost([options.http, options.postgres], options)
  if (host === null) return
  throw new UsageError(
    `Other machines could reach ${host}, and there is no authentication: everyone there could read and change everything. ` +
      'Set HARMONYDB_AUTH_TOKEN (or --auth-token-file, --auth-jwt-key), or say --insecure if that is what you want.',
  )
}

function readAuthToken(options: ParsedOptions): string | null {
  const file = options.text('auth-token-file')
  const token =
    file === null ? options.text('auth-token') : readFile('auth-token-file', file).split('\n')[0]?.trim()
  if (token === undefined || token === null) return null
  if (!isUsableToken(token)) {
    throw new UsageError(
      'The auth token is empty or holds spaces; it must be one word, as HTTP headers carry it.',
    )
  }
  return token
}

function readJwtKeys(options: ParsedOptions): StartOptions['jwtKeys'] {
  const file = options.text('auth-jwt-key-file')
  const texts = [options.text('auth-jwt-key'), file === null ? null : readFile('auth-jwt-key-file', file)]
  return texts.filter((text) => text !== null).map(parsePublicKey)
}

function readFile(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`--${option}: ${path} can not be read (${(error as NodeJS.ErrnoException).code}).`)
  }
}

function checkedOrigin(origin: string): string {
  if (isOrigin(origin)) return origin
  throw new UsageError(
    `--allow-origin is ${JSON.stringify(origin)}; it must be as browsers send it, such as https://app.example:8443, or *.`,
  )
}

function readLogFormat(text: string | null): LogFormat {
  if (text === null || text === 'text') return 'text'
  if (text === 'json') return 'json'
  throw new UsageError(`--log-format is ${JSON.stringify(text)}; it must be text or json.`)
}
