/** The package's main export: HarmonyDB in process. `DESIGN.md` beside this file tells how it works. */

import { HarmonyError } from '../base/errors.ts'
import type { DatabaseInfo } from '../gateway/core.ts'
import { AnswerBudget } from './answers.ts'
import type { PeerOptions } from './cluster-link.ts'
import { checkPeerOptions } from './cluster-link.ts'
import { CoreLink } from './core-link.ts'
import { Database } from './database.ts'
import { FilePosition } from './file-position.ts'
import { HeldSnapshot } from './held-snapshot.ts'
import { Movement } from './movement.ts'
import { checkFolder, checkOpenOptions, checkStatementTimeout } from './open-options.ts'
import type { ServeOptions } from './serve-options.ts'
import { checkServeOptions } from './serve-options.ts'

export interface OpenOptions extends Partial<PeerOptions>, ServeOptions {
  /** What people call this member. Default: its peer address. */
  readonly name?: string
  /** Of one statement that writes, or that is run by `execute`. Default 30 s. */
  readonly statementTimeoutMs?: number
}

const FIRST_DATABASE = 'default'

/** What this thread has of one database. */
interface Attachment {
  readonly snapshot: HeldSnapshot
  readonly movement: Movement
}

/** A member inside this process. It is itself its database `default`; `database(name)` gives others. */
export class HarmonyDB extends Database implements AsyncDisposable {
  readonly #link: CoreLink
  readonly #budget: AnswerBudget
  readonly #opened: Map<string, { readonly database: Database } & Attachment>
  #closing: Promise<void> | null = null

  /** @internal */
  constructor(link: CoreLink, budget: AnswerBudget, { snapshot, movement }: Attachment) {
    super(FIRST_DATABASE, link, snapshot, movement)
    this.#link = link
    this.#budget = budget
    this.#opened = new Map([[FIRST_DATABASE, { database: this, snapshot, movement }]])
  }

  /** HOST:PORT where HTTP and WebSocket clients are served; null without the option `http`. */
  get httpAddress(): string | null {
    return this.#link.servedAt.http
  }

  /** HOST:PORT where PostgreSQL clients are served; null without the option `pg`. */
  get postgresAddress(): string | null {
    return this.#link.servedAt.postgres
  }

  /** Another database of the same member or cluster. Rejects with DATABASE_NOT_FOUND. */
  async database(name: string): Promise<Database> {
    const known = this.#opened.get(name)
    if (known !== undefined) return known.database
    const { snapshot, movement } = await attach(this.#link, name, this.#budget)
    const database = new Database(name, this.#link, snapshot, movement)
    this.#opened.set(name, { database, snapshot, movement })
    return database
  }

  databases(): Promise<readonly DatabaseInfo[]> {
    return this.#link.ask({ kind: 'list' })
  }

  /** Rejects with DATABASE_EXISTS or DATABASE_NAME_INVALID. */
  async createDatabase(name: string): Promise<Database> {
    await this.#link.ask({ kind: 'create', database: name })
    return this.database(name)
  }

  /** Deletes the database and its file. Rejects with DATABASE_NOT_FOUND. */
  async dropDatabase(name: string): Promise<void> {
    await this.#link.ask({ kind: 'drop', database: name })
    this.#detach(name)
  }

  /** Finishes what was accepted, and lets go of the data folder. Nothing keeps the process alive afterwards. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    for (const name of this.#opened.keys()) this.#detach(name)
    await this.#link.close()
  }

  #detach(name: string): void {
    const opened = this.#opened.get(name)
    this.#opened.delete(name)
    opened?.movement.close()
    opened?.snapshot.close()
  }
}

/**
 * Opens the data folder, which is made if it is missing. With `listen` and `secret` it is a member of a cluster: with an empty folder it
 * founds one with its `peers` or joins one, and this resolves when that is done; later, the folder knows. With `http` or `pg` it
 * also serves clients on the network, as `harmonydb start` does. Rejects with DATA_LOCKED
 * if another process has the folder, ADDRESS_UNAVAILABLE, MEMBERSHIP_REFUSED, ARGS_INVALID, FORMAT_TOO_NEW, DATA_CORRUPT, DISK_FULL or
 * DISK_FAILED.
 */
export async function open(folder: string, options: OpenOptions = {}): Promise<HarmonyDB> {
  checkFolder(folder)
  checkOpenOptions(options)
  const { statementTimeoutMs, name } = options
  checkStatementTimeout(statementTimeoutMs)
  const peers = peersOf(options)
  const serve = serveOf(options)
  const link = await CoreLink.start({
    folder,
    statementTimeoutMs: statementTimeoutMs ?? null,
    name: name ?? null,
    peers,
    serve,
  })
  try {
    const budget = new AnswerBudget()
    return new HarmonyDB(link, budget, await attach(link, FIRST_DATABASE, budget))
  } catch (error) {
    await link.close()
    throw error
  }
}

/** Null for a member that is alone. */
function peersOf({ listen, secret, advertise, peers, expect, join, tls }: OpenOptions): PeerOptions | null {
  const others = { advertise, peers, expect, join, tls }
  if (listen !== undefined && secret !== undefined) {
    const given = Object.entries(others).filter(([, value]) => value !== undefined)
    const options: PeerOptions = { listen, secret, ...Object.fromEntries(given) }
    checkPeerOptions(options)
    return options
  }
  const lone = Object.entries({ listen, secret, ...others }).find(([, value]) => value !== undefined)
  if (lone === undefined) return null
  throw new HarmonyError(
    'ARGS_INVALID',
    `\`${lone[0]}\` makes this member one of several: that needs \`listen\`, where the others reach it, and \`secret\`.`,
  )
}

function serveOf(options: OpenOptions): ServeOptions {
  const { http, pg, pgTls, httpAdvertise, pgAdvertise, authToken, jwtKeys, insecure, allowedOrigins } =
    options
  const all = { http, pg, pgTls, httpAdvertise, pgAdvertise, authToken, jwtKeys, insecure, allowedOrigins }
  const given: ServeOptions = Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  )
  checkServeOptions(given)
  return given
}

async function attach(link: CoreLink, database: string, budget: AnswerBudget): Promise<Attachment> {
  const { dataFile, memory } = await link.ask({ kind: 'attach', database })
  const position = new FilePosition(memory)
  return { snapshot: new HeldSnapshot(dataFile, position, budget), movement: new Movement(position) }
}
