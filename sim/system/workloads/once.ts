/**
 * Inserts with idempotency keys, sent again after every unknown outcome: each happens once if any of its attempts was acknowledged, and at
 * most once otherwise; all acknowledgements tell the same row. And claims of unique names, which have one winner each.
 */

import { Violation } from '../../checkers/checker.ts'
import { numbers, run } from '../client.ts'
import type { Client } from '../client.ts'
import type { FinalContent } from './workload.ts'
import { Workload } from './workload.ts'

const SETUP = [
  `CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, key TEXT NOT NULL, load TEXT NOT NULL, salt TEXT DEFAULT (hex(randomblob(8))),
    at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')))`,
  'CREATE TABLE IF NOT EXISTS claims (name TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID',
]

const NAMES = 200
const ATTEMPTS_MAX = 8

type Fate =
  | { readonly kind: 'ok'; readonly id: number }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unknown' }

export class Once extends Workload {
  readonly name = 'once'
  readonly #events = new Map<string, Fate>()
  readonly #claims = new Map<string, { readonly name: string; readonly fate: 'ok' | 'refused' | 'unknown' }>()
  #next = 1

  protected async serve(client: Client): Promise<void> {
    await client.insist(async (session) => {
      for (const sql of SETUP) await run(session, sql)
    })
    await client.repeat(() => (client.random.chance(0.3) ? this.#claim(client) : this.#insert(client)))
  }

  async #insert(client: Client): Promise<void> {
    const key = `event-${this.#next++}`
    let fate: Fate = { kind: 'unknown' }
    let wasUnknown = false
    for (let attempt = 0; attempt < ATTEMPTS_MAX && fate.kind === 'unknown'; attempt++) {
      const answer = await client.ask((session) =>
        run(session, 'INSERT INTO events (key, load) VALUES (?, ?) RETURNING id', [key, loadOf(key)], {
          idempotencyKey: key,
        }),
      )
      if (answer.kind === 'ok') fate = { kind: 'ok', id: numbers(answer.value)[0] ?? 0 }
      // That this attempt did nothing says nothing about the ones before.
      else if (answer.kind === 'refused' && !wasUnknown) fate = { kind: 'refused' }
      else wasUnknown = true
    }
    this.counts[fate.kind]++
    this.#events.set(key, fate)
  }

  async #claim(client: Client): Promise<void> {
    const owner = `claim-${this.#next++}`
    const name = `name-${client.random.integer(1, NAMES)}`
    // With ROLLBACK a conflict undoes what others have in the same batch, too; they must not notice.
    const conflict = client.random.pick(['ABORT', 'FAIL', 'ROLLBACK'])
    const answer = await client.ask((session) =>
      run(session, `INSERT OR ${conflict} INTO claims VALUES (?, ?)`, [name, owner]),
    )
    this.counts[answer.kind]++
    this.#claims.set(owner, { name, fate: answer.kind })
  }

  override check(final: FinalContent): void {
    const rows = Map.groupBy(final.rows('SELECT key, id, load FROM events'), ([key]) => String(key))
    for (const [key, fate] of this.#events) checkEvent(key, fate, rows.get(key) ?? [])
    const owners = new Set(final.rows('SELECT owner FROM claims').map(([owner]) => String(owner)))
    for (const [owner, { name, fate }] of this.#claims) {
      const isThere = owners.has(owner)
      if (fate === 'ok' && !isThere)
        throw new Violation(
          'acknowledged writes are there',
          `${owner} was given ${name}, and another one has it`,
        )
      if (fate === 'refused' && isThere)
        throw new Violation('nothing refused is there', `${owner} was refused ${name}, and has it`)
    }
  }
}

/** From a few bytes to several sectors of a disk, so that a crash may cut it in the middle. */
function loadOf(key: string): string {
  const number = Number(key.slice(key.lastIndexOf('-') + 1))
  return `${key} `.repeat(1 + ((number * 37) % 150))
}

function checkEvent(key: string, fate: Fate, rows: readonly (readonly unknown[])[]): void {
  if (rows.length > 1)
    throw new Violation(
      'exactly once',
      `${key} was sent with its idempotency key and is there ${rows.length} times`,
    )
  if (fate.kind === 'refused' && rows.length > 0)
    throw new Violation('nothing refused is there', `${key} was refused and is there`)
  if (fate.kind !== 'ok') return
  const [, id, load] = rows[0] ?? []
  if (id === undefined)
    throw new Violation('acknowledged writes are there', `${key} was acknowledged and is not there`)
  if (load !== loadOf(key))
    throw new Violation('acknowledged writes are there', `${key} is there with something else`)
  if (Number(id) !== fate.id)
    throw new Violation('exactly once', `${key} was acknowledged as row ${fate.id} and is row ${Number(id)}`)
}
