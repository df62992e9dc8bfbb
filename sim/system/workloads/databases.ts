/**
 * Databases that are created and dropped. Each client has names of its own, so it knows what must be there; a database that was
 * dropped and created again has nothing of the old one.
 */

import { HarmonyError } from '../../../src/base/errors.ts'
import { Violation } from '../../checkers/checker.ts'
import { numbers, run } from '../client.ts'
import type { Answer, Client, ClientParts } from '../client.ts'
import type { Machine } from '../machine.ts'
import { Workload } from './workload.ts'

/**
 * What a client knows of one of its names. A request without an answer may still be on its way and take effect at any later
 * time, so from then on nothing is known of its name any more.
 */
type Known =
  | { readonly kind: 'absent' }
  | { readonly kind: 'present'; readonly rows: number }
  | { readonly kind: 'unknown' }

const NAMES_PER_CLIENT = 6
const PAUSE_FACTOR = 10

export class Databases extends Workload {
  readonly name = 'databases'
  readonly #known = new Map<string, Known>()
  readonly #answers = new Map<string, string[]>()
  readonly #dropped = new Set<string>()

  constructor(parts: readonly ClientParts[]) {
    super(parts.map((one) => ({ ...one, thinkUs: one.thinkUs * PAUSE_FACTOR })))
  }

  protected async serve(client: Client, at: number): Promise<void> {
    await client.repeat(() => this.#operate(client, at))
  }

  /** Throws where `names` can't be the databases that there are. */
  checkNames(names: ReadonlySet<string>): void {
    for (const [name, known] of this.#known) {
      if (known.kind === 'unknown') continue
      if (names.has(name) === (known.kind === 'present')) continue
      throw new Violation(
        'databases are there',
        `the database ${name} should be ${known.kind}; its last answers: ${this.#answers.get(name)?.slice(-8).join(', ')}`,
      )
    }
  }

  #violation(text: string, name: string): Violation {
    const answers = this.#answers.get(name)?.slice(-8).join(', ')
    return new Violation('databases are there', `${text}; its last answers: ${answers}`)
  }

  async #operate(client: Client, at: number): Promise<void> {
    const name = `client-${at}-${client.random.integer(1, NAMES_PER_CLIENT)}`
    const known = this.#known.get(name) ?? { kind: 'absent' }
    if (known.kind === 'unknown') return
    if (known.kind === 'present' && client.random.chance(0.7)) await this.#write(client, name, known.rows)
    else if (known.kind === 'absent') await this.#create(client, name)
    else await this.#drop(client, name)
  }

  async #create(client: Client, name: string): Promise<void> {
    const answer = await client.askMachine((machine) => memberOf(machine).create(name))
    if (answer.kind === 'refused' && answer.code === 'DATABASE_EXISTS')
      throw this.#violation(`the database ${name} is not there and can not be created`, name)
    this.#note(name, answer, { kind: 'absent' }, { kind: 'present', rows: 0 })
  }

  async #drop(client: Client, name: string): Promise<void> {
    const before = this.#known.get(name) ?? { kind: 'absent' }
    const answer = await client.askMachine((machine) => memberOf(machine).drop(name))
    if (answer.kind === 'refused' && answer.code === 'DATABASE_NOT_FOUND')
      throw this.#violation(`the database ${name} was created and is not there`, name)
    this.#dropped.add(name)
    this.#note(name, answer, before, { kind: 'absent' })
  }

  async #write(client: Client, name: string, rows: number): Promise<void> {
    const answer = await client.askMachine(async (machine) => {
      const session = await machine.openSession(name)
      try {
        await run(session, 'CREATE TABLE IF NOT EXISTS t (a DEFAULT (random()))')
        const [before = 0] = numbers(await run(session, 'SELECT count(*) FROM t'))
        await run(session, 'INSERT INTO t DEFAULT VALUES')
        return before
      } finally {
        await session.close()
      }
    })
    this.counts[answer.kind]++
    if (answer.kind === 'ok') {
      if (answer.value !== rows)
        throw new Violation('databases are there', `${name} has ${answer.value} rows and should have ${rows}`)
      this.#known.set(name, { kind: 'present', rows: answer.value + 1 })
    } else if (answer.kind === 'refused' && answer.code === 'DATABASE_NOT_FOUND') {
      // A member that has not heard of it yet may still have an earlier database of that name, which ends now.
      if (!this.#dropped.has(name))
        throw this.#violation(`the database ${name} was created and is not there`, name)
    } else if (answer.kind === 'unknown') this.#known.set(name, { kind: 'unknown' })
  }

  #note(name: string, answer: Answer<void>, before: Known, after: Known): void {
    this.counts[answer.kind]++
    const line = `${after.kind} ${answer.kind}${answer.kind === 'refused' ? ` (${answer.code})` : ''}`
    this.#answers.set(name, [...(this.#answers.get(name) ?? []), line])
    const outcomes = { ok: after, refused: before, unknown: { kind: 'unknown' } } as const
    this.#known.set(name, outcomes[answer.kind])
  }
}

function memberOf(machine: Machine): NonNullable<Machine['member']> {
  if (machine.member === null) throw new HarmonyError('SHUTTING_DOWN', 'The member does not run.')
  return machine.member
}
