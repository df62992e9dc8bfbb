/**
 * A client's session in the PostgreSQL protocol: one statement after another, as some driver or another would send it. Which way each takes is
 * drawn: simple query or extended, in one step or in two, with statements that stay prepared, with BEGIN in front of the first statement of a
 * block. Inside of a block the client may think, take a statement back and do it again, make a mistake, or go away.
 */

import type { SqlStatement } from '../../../src/base/value.ts'
import type { ExecuteOptions, ExecuteResult } from '../../../src/gateway/session.ts'
import { describe, flush, startup, sync } from '../../../test/postgres/raw-client.ts'
import type { BackendMessage } from '../../../test/postgres/raw-client.ts'
import { Violation } from '../../checkers/checker.ts'
import type { Random } from '../../random.ts'
import type { Machine } from '../machine.ts'
import type { World } from '../world.ts'
import { errorOf, parseOf, PostgresError, rowOf, runOf, scriptOf, statementOf, tagOf } from './messages.ts'
import type { CommandAnswer, Reply, Statement } from './messages.ts'
import { ConnectionLost, Wire } from './wire.ts'

export interface PostgresParts {
  readonly world: World
  readonly random: Random
  readonly machine: Machine
  readonly database: string
}

const BEGIN_LATER_CHANCE = 0.4
const SCRIPT_CHANCE = 0.3
const PREPARED_CHANCE = 0.5
const TWO_STEPS_CHANCE = 0.2
/** Before COMMIT, and between two statements of a block. */
const THINK_BEFORE_COMMIT_CHANCE = 0.03
const THINK_US_MEAN = 150_000
/** What comes before a statement of a block. */
const MOODS = { think: 0.02, again: 0.03, slip: 0.02, mistake: 0.015, leave: 0.01 } as const
type Mood = keyof typeof MOODS
/** That a group of statements has one that fails. */
const BROKEN_GROUP_CHANCE = 0.15

/** The first one fails when it is parsed, the other one when it runs. */
const MISTAKES: readonly Statement[] = [
  { sql: 'SELECT 1 FROM nowhere', values: [] },
  { sql: 'SELECT 1 / $1::integer', values: [0n] },
]

function plain(sql: string): Statement {
  return { sql, values: [] }
}

export class PostgresSession {
  readonly #wire: Wire
  readonly #random: Random
  readonly #world: World
  readonly #member: number
  /** As the server says: I, T or E. */
  #status = 'I'
  /** BEGIN that goes with the next statement. */
  #begin: Statement | null = null
  /** Names of statements that stay prepared, by text. */
  readonly #prepared = new Map<string, string>()
  #names = 0
  #hasEffect = false
  /** That was asked for last, transaction control left aside. */
  #last: Statement = plain('SELECT 1')

  private constructor({ world, random, machine }: PostgresParts, wire: Wire) {
    this.#world = world
    this.#member = machine.number
    this.#random = random
    this.#wire = wire
  }

  /** Must be called as the machine's process. */
  static async open(parts: PostgresParts): Promise<PostgresSession> {
    const { world, random, machine, database } = parts
    const session = new PostgresSession(parts, new Wire(world, random, machine))
    const { error } = await session.#request(startup({ user: 'simulator', database }))
    if (error !== null) throw error
    return session
  }

  /** Its connection serves another request. */
  get isReady(): boolean {
    return !this.#wire.isEnded && this.#status === 'I' && this.#begin === null
  }

  /** Something may have been done since `startWork`, so that doing all of it again could do it twice. */
  get hasEffect(): boolean {
    return this.#hasEffect
  }

  startWork(): void {
    this.#hasEffect = false
  }

  hangUp(): void {
    this.#wire.hangUp()
  }

  async execute(asked: SqlStatement, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    const statement = statementOf(asked, options)
    const [word] = /^\w+/.exec(statement.sql) ?? []
    if (word === 'BEGIN') return this.#beginBlock(statement)
    if (word === 'COMMIT') return this.#commit()
    this.#last = statement
    if (!this.#isInBlock) {
      this.#hasEffect = true
      return resultOf(await this.#only(statement))
    }
    for (const mood of Object.keys(MOODS) as Mood[])
      if (this.#random.chance(MOODS[mood])) await this.#have(mood, statement)
    return resultOf(await this.#only(statement))
  }

  /** All or nothing, between two Syncs or in one simple query. */
  async executeAtomic(asked: readonly SqlStatement[]): Promise<readonly ExecuteResult[]> {
    const statements = asked.map((one) => statementOf(one))
    const isBroken = this.#random.chance(BROKEN_GROUP_CHANCE)
    const mistake = this.#random.pick(MISTAKES)
    if (isBroken) statements.splice(this.#random.integer(0, statements.length), 0, mistake)
    const isBlock = this.#random.chance(0.3)
    const group = isBlock ? [plain('BEGIN'), ...statements, plain('COMMIT')] : statements
    this.#hasEffect = !isBroken
    const commands = await this.#run(group)
    if (isBroken) throw new Violation('PostgreSQL', `no error was told for ${mistake.sql}`)
    return commands.slice(isBlock ? 1 : 0, isBlock ? -1 : undefined).map(resultOf)
  }

  /** After an error, and where the client has changed its mind: nothing of the block may be left. */
  async giveUp(): Promise<void> {
    this.#begin = null
    if (this.#status === 'I' || this.#wire.isEnded) return
    if (this.#status === 'E' && this.#random.chance(0.5)) await this.#askInFailedBlock()
    const word = this.#status === 'E' && this.#random.chance(0.5) ? 'COMMIT' : 'ROLLBACK'
    const { tag } = await this.#only(plain(word))
    if (tag !== 'ROLLBACK') throw new Violation('PostgreSQL', `${word} of a failed block was answered ${tag}`)
  }

  get #isInBlock(): boolean {
    return this.#status !== 'I' || this.#begin !== null
  }

  async #beginBlock(statement: Statement): Promise<ExecuteResult> {
    if (this.#random.chance(BEGIN_LATER_CHANCE)) this.#begin = statement
    else await this.#only(statement)
    return NOTHING
  }

  async #commit(): Promise<ExecuteResult> {
    if (this.#random.chance(THINK_BEFORE_COMMIT_CHANCE)) await this.#think()
    this.#hasEffect = true
    const { tag } = await this.#only(plain('COMMIT'))
    if (tag !== 'COMMIT') throw new PostgresError('40000', `COMMIT was answered ${tag}`)
    return NOTHING
  }

  async #have(mood: Mood, statement: Statement): Promise<void> {
    switch (mood) {
      case 'think':
        return this.#think()
      case 'leave':
        this.hangUp()
        throw new ConnectionLost('the client went away')
      case 'mistake':
        await this.#only(this.#random.pick(MISTAKES))
        break
      case 'again':
        return this.#undone(statement)
      case 'slip':
        return this.#undone(this.#random.pick(MISTAKES))
    }
  }

  /** Does it, and takes it back. */
  async #undone(statement: Statement): Promise<void> {
    await this.#only(plain('SAVEPOINT before'))
    try {
      await this.#only(statement)
    } catch (error) {
      if (!(error instanceof PostgresError) || this.#wire.isEnded) throw error
    }
    await this.#only(plain('ROLLBACK TO SAVEPOINT before'))
    if (this.#random.chance(0.5)) await this.#only(plain('RELEASE SAVEPOINT before'))
  }

  /** As a client that does not look at errors before the end. */
  async #askInFailedBlock(): Promise<void> {
    try {
      await this.#only(this.#last)
    } catch (error) {
      if (error instanceof PostgresError) return
      throw error
    }
    throw new Violation('PostgreSQL', 'a statement was carried out in a block that had failed')
  }

  #think(): Promise<void> {
    return this.#world.sleep(this.#random.exponential(THINK_US_MEAN))
  }

  async #only(statement: Statement): Promise<CommandAnswer> {
    const begin = this.#begin
    this.#begin = null
    const commands = await this.#run(begin === null ? [statement] : [begin, statement])
    const last = commands.at(-1)
    if (last === undefined) throw new Violation('PostgreSQL', `no answer to ${statement.sql}`)
    return last
  }

  /** One answer each. Rejects with the first error. */
  async #run(statements: readonly Statement[]): Promise<readonly CommandAnswer[]> {
    const told = (): string => statements.map(({ sql }) => sql).join('; ')
    this.#world.note('send', this.#member, 0, 0, told)
    const { commands, error } = this.#random.chance(SCRIPT_CHANCE)
      ? await this.#request(scriptOf(statements))
      : await this.#runExtended(statements)
    if (error !== null) throw error
    if (commands.length !== statements.length)
      throw new Violation('PostgreSQL', `${commands.length} answers to ${statements.length} statements`)
    return commands
  }

  async #runExtended(statements: readonly Statement[]): Promise<Reply> {
    const [only] = statements
    const isOne = only !== undefined && statements.length === 1
    if (isOne && this.#random.chance(TWO_STEPS_CHANCE)) return this.#runInTwoSteps(only)
    const prepared: string[] = []
    const parts = statements.flatMap((statement) => {
      const name = this.#random.chance(PREPARED_CHANCE) ? this.#nameOf(statement) : ''
      const isKnown = name !== '' && name === this.#prepared.get(statement.sql)
      if (name !== '' && !isKnown) {
        this.#prepared.set(statement.sql, name)
        prepared.push(statement.sql)
      }
      const run = runOf(name, statement)
      return isKnown ? [run] : [parseOf(name, statement, this.#random.chance(0.5)), run]
    })
    const reply = await this.#request(Buffer.concat([...parts, sync]))
    // Which of them are prepared is not known: the names are not used again.
    if (reply.error !== null) for (const sql of prepared) this.#prepared.delete(sql)
    return reply
  }

  /** The client wants to know what comes before it asks for it. */
  async #runInTwoSteps(statement: Statement): Promise<Reply> {
    const isSynced = this.#random.chance(0.5)
    const question = [parseOf('', statement, this.#random.chance(0.5)), describe('S', '')]
    if (isSynced) {
      const reply = await this.#request(Buffer.concat([...question, sync]))
      return reply.error === null ? this.#request(Buffer.concat([runOf('', statement), sync])) : reply
    }
    this.#wire.send(Buffer.concat([...question, flush]))
    const told = await this.#nextOf('TnE')
    const rest = told.type === 'E' ? [sync] : [runOf('', statement), sync]
    const reply = await this.#request(Buffer.concat(rest))
    return told.type === 'E' ? { ...reply, error: errorOf(told) } : reply
  }

  #nameOf({ sql }: Statement): string {
    return this.#prepared.get(sql) ?? `statement_${++this.#names}`
  }

  async #nextOf(types: string): Promise<BackendMessage> {
    for (;;) {
      const message = await this.#wire.next()
      if (types.includes(message.type)) return message
    }
  }

  async #request(bytes: Buffer): Promise<Reply> {
    const commands: CommandAnswer[] = []
    let rows: (string | null)[][] = []
    let error: PostgresError | null = null
    this.#wire.send(bytes)
    for (;;) {
      const message = await this.#wire.next().catch((lost: unknown) => {
        // What the server had to say before it ended the connection is more than that it did.
        throw error ?? lost
      })
      if (message.type === 'D') rows.push(rowOf(message))
      if (message.type === 'E') error = errorOf(message)
      if (message.type === 'C') {
        commands.push({ rows, tag: tagOf(message) })
        rows = []
      }
      if (message.type !== 'Z') continue
      this.#status = message.body.toString()
      return { commands, error, status: this.#status }
    }
  }
}

const NOTHING: ExecuteResult = {
  columns: [],
  rows: [],
  changes: 0n,
  lastInsertRowid: null,
  index: 0n,
  durationMs: 0,
}

function resultOf({ rows }: CommandAnswer): ExecuteResult {
  return { ...NOTHING, rows }
}
