/**
 * Who owns temporary tables, and what becomes of them when nobody does any more.
 *
 * A session of this member has registered its prefix before it makes its first table. So a table is garbage if its prefix is of this member and not registered:
 * its session has ended, perhaps with the process that served it. Tables of other members are left to those, unless the cluster has removed
 * them for good. Garbage is looked for whenever the schema has been read anyway, and after a session's end; nothing runs by the clock.
 */

import { randomBytes } from 'node:crypto'
import { NO_ARGUMENTS } from '../../../base/value.ts'
import type { Credential, Gateway, Session } from '../../../gateway/session.ts'
import { NO_FELLOWS, type Fellows } from '../fellows.ts'
import { quoteName } from '../dialect/ast.ts'
import { inOrderOfReferences } from '../dialect/references.ts'
import type { Schema, SchemaRelation } from '../dialect/schema.ts'
import { loadSchema } from '../dialect/schema-loader.ts'
import { newPrefix, TemporarySpace } from '../dialect/temporary-space.ts'

/** What is known of the cluster's members. */
export interface MemberNumbers {
  readonly own: number
  /** Told to be gone for good. A number that nobody has heard of is not. */
  isRemoved(member: number): boolean
}

/** Which of the member's processes this is. A session's is told by the first random byte of its prefix: `byte % count` is its slot. */
export type OwnProcess = Pick<Fellows, 'slot' | 'count'>

const OWN_RIGHTS: Credential = { access: 'read-write', databases: null }
const PREFIX_RANDOM_BYTES = 8

/** The temporary tables of all sessions of this process. */
export class TemporaryTables {
  readonly #gateway: Gateway
  readonly #members: MemberNumbers
  readonly #process: OwnProcess
  readonly #prefixes = new Set<string>()
  /** Sweeps under way, by database. */
  readonly #sweeps = new Map<string, Promise<void>>()
  readonly #newPrefix = (): string => {
    const prefix = newPrefix(this.#members.own, this.#newRandomPart())
    this.#prefixes.add(prefix)
    return prefix
  }

  constructor(gateway: Gateway, members: MemberNumbers, process: OwnProcess = NO_FELLOWS) {
    this.#gateway = gateway
    this.#members = members
    this.#process = process
  }

  newSpace(): TemporarySpace {
    return new TemporarySpace(this.#newPrefix)
  }

  /** Its session has ended. Resolves when they are gone. Rejects with a HarmonyError; they go later then. */
  async release(database: string, { prefix }: TemporarySpace): Promise<void> {
    if (prefix === null) return
    this.#prefixes.delete(prefix)
    // A sweep under way may have looked before.
    await this.#sweeps.get(database)?.catch(() => undefined)
    await this.#sweep(database)
  }

  /** Looks for garbage in what was read anyway. */
  notice(database: string, schema: Schema): void {
    if (schema.temporaries.some((relation) => this.#isGarbage(relation)))
      this.#sweep(database).catch(() => undefined)
  }

  /** Resolves when no sweep is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#sweeps.values())
  }

  #isGarbage({ temporary }: SchemaRelation): boolean {
    if (temporary === null || this.#prefixes.has(temporary.prefix)) return false
    if (temporary.member !== this.#members.own) return this.#members.isRemoved(temporary.member)
    const { slot, count } = this.#process
    return firstRandomByte(temporary.prefix) % count === slot
  }

  #newRandomPart(): string {
    const { slot, count } = this.#process
    const bytes = randomBytes(PREFIX_RANDOM_BYTES)
    while ((bytes[0] as number) % count !== slot) bytes.set(randomBytes(1))
    return bytes.toString('hex')
  }

  #sweep(database: string): Promise<void> {
    const running = this.#sweeps.get(database)
    if (running !== undefined) return running
    const sweep = this.#sweepOnce(database).finally(() => this.#sweeps.delete(database))
    this.#sweeps.set(database, sweep)
    return sweep
  }

  async #sweepOnce(database: string): Promise<void> {
    const session = await this.#gateway.openSession(database, OWN_RIGHTS)
    try {
      const { temporaries } = await loadSchema(session)
      await drop(
        session,
        temporaries.filter((relation) => this.#isGarbage(relation)),
      )
    } finally {
      await session.close()
    }
  }
}

function firstRandomByte(prefix: string): number {
  return Number.parseInt(/_([0-9a-f]{2})[0-9a-f]*_$/.exec(prefix)?.[1] ?? '0', 16)
}

/** The session's own, now. In its open transaction, if there is one. */
export async function dropTemporaries(session: Session, schema: Schema): Promise<void> {
  await drop(session, ownOf(schema))
}

function ownOf(schema: Schema): SchemaRelation[] {
  return [...schema.all()].filter(({ temporary }) => temporary !== null)
}

/** Views first, and tables before those that they refer to. */
async function drop(session: Session, relations: readonly SchemaRelation[]): Promise<void> {
  if (relations.length === 0) return
  const views = relations.filter(({ kind }) => kind === 'view')
  const tables = inOrderOfReferences(new Set(relations.filter(({ kind }) => kind === 'table')))
  const statements = [...views, ...tables].map((relation) => statement(dropText(relation)))
  if (session.isAutocommit) await session.executeAtomic(statements)
  else for (const each of statements) await session.execute(each)
}

function dropText({ kind, name }: SchemaRelation): string {
  return `DROP ${kind === 'view' ? 'VIEW' : 'TABLE'} IF EXISTS ${quoteName(name)}`
}

/** ON COMMIT, in the transaction that is about to commit. True if the schema is another one now. */
export async function runOnCommit(session: Session, schema: Schema): Promise<boolean> {
  const own = ownOf(schema)
  for (const { name } of own.filter(({ temporary }) => temporary?.onCommit === 'delete rows'))
    await session.execute(statement(`DELETE FROM ${quoteName(name)}`))
  const dropped = own.filter(({ temporary }) => temporary?.onCommit === 'drop')
  await drop(session, dropped)
  return dropped.length > 0
}

function statement(sql: string): { sql: string; args: typeof NO_ARGUMENTS } {
  return { sql, args: NO_ARGUMENTS }
}
