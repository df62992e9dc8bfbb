/**
 * What happens before a client may ask anything (PostgreSQL documentation, "Start-up"):
 *
 *   SSLRequest ──'S', TLS──▶ or ──'N'──▶ again; GSSENCRequest ──'N'──▶ again; CancelRequest ──▶ end
 *   StartupMessage ─▶ (NegotiateProtocolVersion) ─▶ authentication ─▶ session
 *
 * Authentication. Without a credential asked for, nothing is asked of the client. Where the member has a static token, it is the
 * password and is checked by SCRAM-SHA-256, which never shows it to the network. A JSON Web Token can't be checked by SCRAM (the member does not know it
 * beforehand), so a client that wants to send one connects as user `jwt`, or to a member without a static token, and is asked for it in clear text.
 */

import type { Credential } from '../../gateway/session.ts'
import type { Authenticator } from '../http/exchange.ts'
import { HarmonyError } from '../../base/errors.ts'
import { PgError, protocolViolation } from './error.ts'
import {
  AUTHENTICATION_CLEARTEXT,
  AUTHENTICATION_OK,
  authenticationSasl,
  authenticationSaslStep,
  negotiateProtocolVersion,
  type Encoder,
} from './wire/encoder.ts'
import { FieldReader, utf8 } from './wire/field-reader.ts'
import type { StartupMessage } from './wire/messages.ts'
import { SCRAM_MECHANISM, ScramExchange, scramVerifier, type ScramVerifier } from './wire/scram.ts'

const NEWEST_MINOR = 2
const JWT_USER = 'jwt'
const READ_ONLY_USER = 'readonly'

export interface StartupRequest {
  readonly user: string
  readonly database: string
  /** Run-time parameters, `options` included. */
  readonly settings: ReadonlyMap<string, string>
  readonly minorVersion: number
}

/** Throws PgError (FATAL). */
export function readStartup(
  message: Extract<StartupMessage, { kind: 'startup' }>,
  out: Encoder,
): StartupRequest {
  const settings = new Map<string, string>()
  const unknown: string[] = []
  for (const [name, value] of message.parameters) {
    if (name.startsWith('_pq_.')) unknown.push(name)
    else if (name === 'options') addOptions(settings, value)
    else if (name === 'replication') refuseReplication(value)
    else if (name !== 'user' && name !== 'database') settings.set(name, value)
  }
  refuseDump(settings.get('application_name') ?? '')
  const user = message.parameters.get('user') ?? ''
  if (user === '') {
    throw new PgError('28000', 'no PostgreSQL user name specified in startup packet', {}, 'FATAL')
  }
  if (message.minorVersion > NEWEST_MINOR || unknown.length > 0) {
    negotiateProtocolVersion(out, Math.min(message.minorVersion, NEWEST_MINOR), unknown)
  }
  return {
    user,
    database: message.parameters.get('database') ?? user,
    settings,
    minorVersion: Math.min(message.minorVersion, NEWEST_MINOR),
  }
}

/** These read all of PostgreSQL's catalog. Half way through they would say which column of it is not there, which helps nobody. */
const DUMP_PROGRAMS: ReadonlySet<string> = new Set(['pg_dump', 'pg_dumpall'])

function refuseDump(application: string): void {
  if (!DUMP_PROGRAMS.has(application)) return
  const hint =
    'Copy a table\'s rows with psql\'s \\copy; copy a whole database as the SQLite file that it is (see "Backup" in docs/operating/data-folder.md).'
  throw new PgError('0A000', `${application} is not supported by HarmonyDB`, { hint }, 'FATAL')
}

function refuseReplication(value: string): void {
  if (/^(?:false|off|no|0)$/i.test(value)) return
  throw new PgError('0A000', 'replication connections are not supported by HarmonyDB', {}, 'FATAL')
}

/** `-c name=value` and `--name=value`; a backslash before a blank keeps it. */
function addOptions(settings: Map<string, string>, options: string): void {
  const words = options.match(/(?:\\.|[^\s\\])+/gs)?.map((word) => word.replaceAll(/\\(.)/gs, '$1')) ?? []
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string
    const text = word === '-c' ? (words[++index] ?? '') : word.replace(/^(?:-c|--)/, '')
    const equals = text.indexOf('=')
    if (!/^(?:-c|--)/.test(word) || equals < 0) {
      throw new PgError('42601', `invalid command-line argument for server process: ${word}`, {}, 'FATAL')
    }
    settings.set(text.slice(0, equals).replaceAll('-', '_'), text.slice(equals + 1))
  }
}

export interface AuthenticationOptions {
  readonly authenticator: Authenticator
  /** The static token, if the member has one: what SCRAM checks. */
  readonly staticToken: string | null
}

/** One member's passwords: the verifier is made once. */
export class Authentication {
  readonly #options: AuthenticationOptions
  #verifier: ScramVerifier | null = null

  constructor(options: AuthenticationOptions) {
    this.#options = options
  }

  /** Null when nothing is asked of the client. */
  exchange(request: StartupRequest, out: Encoder): AuthenticationExchange | Credential {
    const open = this.#openCredential(request.database)
    if (open !== null) {
      out.bytes(AUTHENTICATION_OK)
      return limited(open, request.user)
    }
    const { staticToken } = this.#options
    if (staticToken === null || request.user === JWT_USER) {
      out.bytes(AUTHENTICATION_CLEARTEXT)
      return new PasswordExchange((token) => this.#check(token, request))
    }
    this.#verifier ??= scramVerifier(staticToken)
    authenticationSasl(out, [SCRAM_MECHANISM])
    return new SaslExchange(new ScramExchange(this.#verifier), () => this.#check(staticToken, request))
  }

  #openCredential(database: string): Credential | null {
    try {
      return this.#options.authenticator.authenticate(null, database)
    } catch (error) {
      if (error instanceof HarmonyError && error.code.startsWith('AUTH_')) return null
      throw error
    }
  }

  #check(token: string, request: StartupRequest): Credential {
    try {
      return limited(this.#options.authenticator.authenticate(token, request.database), request.user)
    } catch (error) {
      if (!(error instanceof HarmonyError)) throw error
      const message = `password authentication failed for user "${request.user}"`
      throw new PgError('28P01', message, { detail: error.message }, 'FATAL')
    }
  }
}

/** Whoever connects as `readonly` asks for less than the token allows. */
function limited(credential: Credential, user: string): Credential {
  return user === READ_ONLY_USER ? { ...credential, access: 'read-only' } : credential
}

/** Waits for the client's `authentication` messages. */
export interface AuthenticationExchange {
  /** The credential when it is done, null while more is to come. Throws PgError (FATAL). */
  next(payload: Buffer, out: Encoder): Credential | null
}

class PasswordExchange implements AuthenticationExchange {
  readonly #check: (token: string) => Credential

  constructor(check: (token: string) => Credential) {
    this.#check = check
  }

  next(payload: Buffer, out: Encoder): Credential {
    const fields = new FieldReader(payload, 0, payload.length)
    const token = fields.string()
    fields.expectEnd()
    const credential = this.#check(token)
    out.bytes(AUTHENTICATION_OK)
    return credential
  }
}

class SaslExchange implements AuthenticationExchange {
  readonly #scram: ScramExchange
  readonly #credential: () => Credential
  #isStarted = false

  constructor(scram: ScramExchange, credential: () => Credential) {
    this.#scram = scram
    this.#credential = credential
  }

  next(payload: Buffer, out: Encoder): Credential | null {
    if (this.#isStarted) {
      authenticationSaslStep(out, 12, this.#scram.final(utf8(payload)))
      const credential = this.#credential()
      out.bytes(AUTHENTICATION_OK)
      return credential
    }
    this.#isStarted = true
    const fields = new FieldReader(payload, 0, payload.length)
    const mechanism = fields.string()
    if (mechanism !== SCRAM_MECHANISM) {
      throw protocolViolation('client selected an invalid SASL authentication mechanism')
    }
    const sizeBytes = fields.i32()
    const first = utf8(fields.bytes(sizeBytes))
    fields.expectEnd()
    authenticationSaslStep(out, 11, this.#scram.first(first))
    return null
  }
}
