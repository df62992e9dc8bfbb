/** A gateway on a real member in a temporary folder: journal, engine, readers, query workers. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SqlStatement, SqlValue } from '../../src/base/value.ts'
import { Member } from '../../src/cluster/member.ts'
import { LocalEngine } from '../../src/engine/local-engine.ts'
import { ReaderPool } from '../../src/engine/reader/database-reader.ts'
import type { ReaderOptions } from '../../src/engine/reader/reader-options.ts'
import type { GatewayConfiguration } from '../../src/gateway/configuration.ts'
import { LocalGateway } from '../../src/gateway/local-gateway.ts'
import type { BatchEvent, BatchStep, Credential, Session } from '../../src/gateway/session.ts'

export const READ_WRITE: Credential = { access: 'read-write', databases: null }
export const READ_ONLY: Credential = { access: 'read-only', databases: null }

export interface Harness extends AsyncDisposable {
  readonly member: Member
  readonly readers: ReaderPool
  readonly gateway: LocalGateway
  session(credential?: Credential): Promise<Session>
}

export interface HarnessOptions {
  readonly configuration?: Partial<GatewayConfiguration>
  readonly readers?: Partial<ReaderOptions>
}

export async function openHarness(options: HarnessOptions = {}): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-gateway-'))
  const member = await Member.open({ folder, openEngine: (engine) => LocalEngine.open(engine) })
  const readers = new ReaderPool(options.readers)
  const gateway = new LocalGateway({
    directory: member,
    readers,
    configuration: { drainTimeoutMs: 100, ...options.configuration },
  })
  return {
    member,
    readers,
    gateway,
    session: (credential = READ_WRITE) => gateway.openSession('default', credential),
    async [Symbol.asyncDispose]() {
      await gateway.close()
      await member.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export function sql(text: string, ...positional: SqlValue[]): SqlStatement {
  return { sql: text, args: { positional, named: [] } }
}

export async function rowsOf(session: Session, text: string, ...positional: SqlValue[]): Promise<unknown> {
  return (await session.execute(sql(text, ...positional))).rows
}

/** Runs statements one after another. */
export async function run(session: Session, ...texts: string[]): Promise<void> {
  for (const text of texts) await session.execute(sql(text))
}

/** All events, without what differs from run to run. */
export async function eventsOf(session: Session, steps: readonly BatchStep[]): Promise<unknown[]> {
  const events: unknown[] = []
  for await (const event of session.batch(steps)) events.push(plain(event))
  return events
}

function plain(event: BatchEvent): unknown {
  if (event.type === 'rows') return ['rows', event.rows]
  if (event.type === 'step_begin') return ['begin', event.step, event.columns.map(({ name }) => name)]
  if (event.type === 'step_end') return ['end', event.step, event.changes, event.lastInsertRowid]
  return ['error', event.step, (event.error as Error & { code: string }).code, event.error.message]
}

/** Several, because a machine that is busy may take all the time of one while it is at work. */
const TURNS_MAX = 50

/**
 * What `ask` gives in a turn of the event loop that has time left for it: what comes within a call comes in such a turn only. Null or false if none of many
 * turns was one: then it is not for want of time.
 */
export async function inTurnWithTime<T>(ask: () => T): Promise<T> {
  for (let turn = 1; ; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    const answer = ask()
    if ((answer !== null && answer !== false) || turn === TURNS_MAX) return answer
  }
}
