/** The gateway: opens sessions on databases, holds their limits, and drains when the member goes away. */

import { HarmonyError } from '../base/errors.ts'
import { ClientSession } from './client-session.ts'
import { GATEWAY_DEFAULTS, type GatewayConfiguration } from './configuration.ts'
import type { DatabaseCore, DatabaseDirectory } from './core.ts'
import { OpenDatabase } from './open-database.ts'
import type { ReaderFactory } from './reader.ts'
import type { Credential, Gateway, Session } from './session.ts'
import { StatementRunner } from './statement-runner.ts'
import { type GatewayStatistics, type SessionObserver, StatementCounts } from './statistics.ts'

export interface GatewayParts {
  readonly directory: DatabaseDirectory
  readonly readers: ReaderFactory
  readonly configuration?: Partial<GatewayConfiguration>
}

interface Entry {
  readonly database: OpenDatabase
  readonly sessions: Set<Session>
  idleTimer: NodeJS.Timeout | null
}

export class LocalGateway implements Gateway, SessionObserver {
  readonly configuration: GatewayConfiguration
  readonly #directory: DatabaseDirectory
  readonly #readers: ReaderFactory
  readonly #entries = new Map<string, Entry>()
  readonly #counts = new StatementCounts()
  #sessions = 0
  #transactions = 0
  #isClosing = false

  constructor({ directory, readers, configuration }: GatewayParts) {
    this.#directory = directory
    this.#readers = readers
    this.configuration = { ...GATEWAY_DEFAULTS, ...configuration }
  }

  async openSession(name: string, credential: Credential): Promise<Session> {
    if (credential.databases !== null && !credential.databases.includes(name))
      throw new HarmonyError('AUTH_INVALID', `The credential does not allow to open the database ${name}.`)
    this.#checkRoom()
    const core = await this.#directory.get(name)
    this.#checkRoom()
    const entry = await this.#entryOf(core)
    const session: ClientSession = new ClientSession(
      new StatementRunner(entry.database, credential, this),
      this,
      () => this.#sessionClosed(entry, session),
    )
    this.#sessions++
    entry.sessions.add(session)
    return session
  }

  statistics(): GatewayStatistics {
    return {
      ...this.#readers.statistics(),
      ...this.#counts.data(),
      sessions: this.#sessions,
      transactionsOpen: this.#transactions,
    }
  }

  /**
   * Refuses new sessions, gives open transactions up to `drainTimeoutMs`, and closes everything. Autocommit statements
   * that run are waited for as long.
   */
  async close(): Promise<void> {
    this.#isClosing = true
    const deadlineMs = performance.now() + this.configuration.drainTimeoutMs
    while (this.#transactions > 0 && performance.now() < deadlineMs) await pause(DRAIN_POLL_MS)
    const entries = [...this.#entries.values()]
    await Promise.all(entries.flatMap(({ sessions }) => [...sessions].map((each) => each.close())))
    await Promise.all(entries.map((entry) => this.#letGo(entry)))
    await this.#readers.close()
  }

  statementDone(effect: 'read' | 'write' | 'control', durationMs: number): void {
    this.#counts.record(effect, durationMs)
  }

  transactionOpened(): void {
    if (this.#transactions >= this.configuration.transactionsMax)
      throw new HarmonyError(
        'OVERLOADED',
        `${this.#transactions} transactions are open, which is the limit. Retry later, and keep transactions short.`,
      )
    this.#transactions++
  }

  transactionClosed(): void {
    this.#transactions--
  }

  #checkRoom(): void {
    if (this.#isClosing)
      throw new HarmonyError('SHUTTING_DOWN', 'The member is shutting down: open a session on another one.')
    if (this.#sessions >= this.configuration.sessionsMax)
      throw new HarmonyError(
        'OVERLOADED',
        `${this.#sessions} sessions are open, which is the limit. Close some, or retry later.`,
      )
  }

  /** A database that was dropped and created again has another core: the reader of the old file must not serve it. */
  async #entryOf(core: DatabaseCore): Promise<Entry> {
    const known = this.#entries.get(core.name)
    if (known?.database.core === core) {
      if (known.idleTimer !== null) clearTimeout(known.idleTimer)
      known.idleTimer = null
      return known
    }
    if (known !== undefined) await this.#letGo(known)
    const reader = this.#readers.open(core.dataFile)
    const entry: Entry = {
      database: new OpenDatabase(core, reader, this.configuration),
      sessions: new Set(),
      idleTimer: null,
    }
    this.#entries.set(core.name, entry)
    return entry
  }

  #sessionClosed(entry: Entry, session: Session): void {
    this.#sessions--
    entry.sessions.delete(session)
    if (entry.sessions.size > 0 || entry.idleTimer !== null) return
    entry.idleTimer = setTimeout(() => void this.#letGo(entry), this.configuration.databaseIdleTimeMs)
    entry.idleTimer.unref()
  }

  async #letGo(entry: Entry): Promise<void> {
    if (entry.idleTimer !== null) clearTimeout(entry.idleTimer)
    const { name } = entry.database.core
    if (this.#entries.get(name) === entry) this.#entries.delete(name)
    await entry.database.reader.close()
  }
}

const DRAIN_POLL_MS = 20

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}
