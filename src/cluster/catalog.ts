/**
 * Changes of the catalog: each is one transaction of group 0, wherever this is called. What must hold afterwards (numbers, seats,
 * names and addresses that are unique) is held by the transaction itself, because another member may change the
 * catalog at the same time. DESIGN.md tells in which steps databases and members come and go.
 */

import { must } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import type { TransactionOutcome, TransactionRequest } from '../base/transaction.ts'
import type { SqlStatement, StatementResult } from '../base/value.ts'
import { foundingStatements, statement } from './catalog-schema.ts'
import type { Founder } from './catalog-schema.ts'
import type { MemberAddresses, MemberRole } from './cluster-state.ts'
import type { Placement } from './placement.ts'
import type { Newcomer } from './visit-codec.ts'

const RESULT_SIZE_BYTES_MAX = 1024 * 1024
/** Databases that may be created elsewhere before this member hears of it. */
const FORESEEN_GROUPS = 32
const NOT_REMOVED = `status <> 'removed'`

/** Group 0, led by any member: `Routing.database`. */
export interface CatalogWriter {
  submit(request: TransactionRequest): Promise<TransactionOutcome>
}

/** Where a change can be read afterwards, on any replica. */
export interface CatalogChange {
  readonly index: bigint
}

export interface Joined extends CatalogChange {
  readonly member: number
  /** The member of the same address whose place it took; null if there was none. */
  readonly replaced: number | null
}

export class Catalog {
  readonly #group: CatalogWriter

  constructor(group: CatalogWriter) {
    this.#group = group
  }

  /** The tables, with this member as the first, and the databases that a new cluster begins with. */
  async found(founder: Founder, firstDatabases: readonly string[]): Promise<CatalogChange> {
    return this.#run(foundingStatements(founder, firstDatabases))
  }

  /**
   * The member's number: that of an earlier request of the same folder, the one that an operator keeps for its address, or a new one. A
   * member that has the address gives way: whoever calls this has made sure that the newcomer is the one that answers there.
   */
  async join({ token, name, addresses }: Newcomer): Promise<Joined> {
    const { peer, http, postgres } = addresses
    const { index, results } = await this.#run([
      statement(
        `UPDATE members SET status = 'active', token = ?1, name = ?2, http_address = ?4, postgres_address = ?5 ` +
          `WHERE peer_address = ?3 AND status = 'expected' AND NOT EXISTS (SELECT 1 FROM members WHERE token = ?1)`,
        token,
        name,
        peer,
        http,
        postgres,
      ),
      statement(
        `UPDATE members SET status = 'removed' WHERE peer_address = ?2 AND ${NOT_REMOVED} AND token IS NOT ?1 RETURNING member`,
        token,
        peer,
      ),
      statement(
        `INSERT INTO members (name, status, role, seat, token, peer_address, http_address, postgres_address, joined_at)
         SELECT ?2, 'active', coalesce((SELECT role FROM ${LAST_THERE}), 'voter'),
           coalesce((SELECT seat FROM ${LAST_THERE} WHERE seat NOT IN (${SEATS_TAKEN})), ${SEAT_FREE}), ?1, ?3, ?4, ?5, datetime('now')
         WHERE NOT EXISTS (SELECT 1 FROM members WHERE token = ?1)`,
        token,
        name,
        peer,
        http,
        postgres,
      ),
      statement('SELECT member, status FROM members WHERE token = ?', token),
    ])
    const [member, status] = must(results[3]?.rows[0])
    if (status === 'removed') throw removedBefore(Number(member))
    const replaced = results[1]?.rows[0]?.[0] ?? null
    return { index, member: Number(member), replaced: replaced === null ? null : Number(replaced) }
  }

  /** Keeps a number for the member that will join from this address. Rejects with MEMBERSHIP_REFUSED if a member has it. */
  async expect(peerAddress: string, role: MemberRole): Promise<CatalogChange & { readonly member: number }> {
    try {
      const { index, results } = await this.#run([
        statement(
          `INSERT INTO members (name, status, role, seat, peer_address, joined_at)
           VALUES (?1, 'expected', ?2, ${SEAT_FREE}, ?1, datetime('now')) RETURNING member`,
          peerAddress,
          role,
        ),
      ])
      return { index, member: Number(results[0]?.rows[0]?.[0]) }
    } catch (error) {
      throw isConstraint(error, 'UNIQUE') ? addressTaken(peerAddress) : error
    }
  }

  async remove(member: number): Promise<CatalogChange> {
    const sql = `UPDATE members SET status = 'removed' WHERE member = ? AND ${NOT_REMOVED}`
    return this.#run([statement(sql, BigInt(member))])
  }

  async setRole(member: number, role: MemberRole): Promise<CatalogChange> {
    const sql = `UPDATE members SET role = ? WHERE member = ? AND ${NOT_REMOVED}`
    return this.#run([statement(sql, role, BigInt(member))])
  }

  /** Rejects with MEMBERSHIP_REFUSED if another member has the peer address. */
  async setAddresses(member: number, { peer, http, postgres }: MemberAddresses): Promise<CatalogChange> {
    try {
      return await this.#run([
        statement(
          `UPDATE members SET peer_address = ?2, http_address = ?3, postgres_address = ?4,
             name = CASE WHEN name = '' THEN coalesce(?2, '') ELSE name END WHERE member = ?1 AND ${NOT_REMOVED}`,
          BigInt(member),
          peer,
          http,
          postgres,
        ),
      ])
    } catch (error) {
      throw isConstraint(error, 'UNIQUE') ? addressTaken(peer ?? '') : error
    }
  }

  /**
   * A database whose group begins with the placement that `place` gives for its number. Rejects with DATABASE_EXISTS. `lastGroup`: the
   * highest number that was given out, as far as it is known here.
   *
   * The number is known only inside of the transaction, which can't call `place`; so it gets the placements of the numbers that
   * are likely, and fails if the real one is none of them. (Rejected: asking for the number first. Members that create at the same
   * time then take turns in failing.)
   */
  async createDatabase(
    name: string,
    lastGroup: number,
    place: (group: number) => Placement,
  ): Promise<CatalogChange> {
    for (let last = lastGroup; ; last = await this.#lastGroup()) {
      try {
        return await this.#run([
          statement(
            `INSERT INTO databases (name, state, created_at) VALUES (?, 'open', datetime('now'))`,
            name,
          ),
          statement(
            `INSERT INTO initial_replicas
             SELECT "group", json_extract(?1, '$."' || "group" || '".voters'), json_extract(?1, '$."' || "group" || '".learners')
             FROM databases WHERE name = ?2 AND state = 'open'`,
            likelyPlacements(last, place),
            name,
          ),
        ])
      } catch (error) {
        if (isConstraint(error, 'UNIQUE')) throw databaseExists(name)
        // The catalog has moved on by more than was foreseen.
        if (!isConstraint(error, 'NOTNULL')) throw error
      }
    }
  }

  /** Rejects with DATABASE_NOT_FOUND. By name, because the member that calls may know only of an earlier database of that name. */
  async deleteDatabase(name: string): Promise<CatalogChange> {
    const isIt = `name = ? AND state = 'open'`
    const { index, results } = await this.#run([
      statement(
        `DELETE FROM initial_replicas WHERE "group" = (SELECT "group" FROM databases WHERE ${isIt})`,
        name,
      ),
      statement(`DELETE FROM databases WHERE ${isIt} RETURNING "group"`, name),
    ])
    if (must(results[1]).rows.length === 0) throw databaseNotFound(name)
    return { index }
  }

  /** A transaction that changes nothing makes no entry. */
  async #lastGroup(): Promise<number> {
    const { results } = await this.#run([
      statement(`SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'databases'), 0)`),
    ])
    return Number(results[0]?.rows[0]?.[0])
  }

  async #run(
    statements: readonly SqlStatement[],
  ): Promise<CatalogChange & { readonly results: readonly StatementResult[] }> {
    const outcome = await this.#group.submit({
      statements,
      context: INITIAL_CONTEXT,
      idempotencyKey: null,
      resultSizeBytesMax: RESULT_SIZE_BYTES_MAX,
    })
    if (outcome.kind === 'committed') return { index: outcome.index, results: outcome.results }
    throw new HarmonyError(outcome.error.code as HarmonyError['code'], `Catalog: ${outcome.error.message}`)
  }
}

/** Who had the address last. */
const LAST_THERE = `(SELECT * FROM members WHERE peer_address = ?3 ORDER BY member DESC LIMIT 1)`
const SEATS_TAKEN = `SELECT seat FROM members WHERE ${NOT_REMOVED}`
/** The lowest that nobody has: 0, or one above a taken one. */
const SEAT_FREE = `(SELECT min(free) FROM (SELECT 0 AS free UNION SELECT seat + 1 FROM members WHERE ${NOT_REMOVED})
  WHERE free NOT IN (${SEATS_TAKEN}))`

export function databaseNotFound(name: string): HarmonyError {
  return new HarmonyError(
    'DATABASE_NOT_FOUND',
    `There is no database ${JSON.stringify(name)}. Look for its name in the list of databases, or create it.`,
  )
}

export function databaseExists(name: string): HarmonyError {
  return new HarmonyError('DATABASE_EXISTS', `There is a database ${name} already.`)
}

function addressTaken(address: string): HarmonyError {
  return new HarmonyError(
    'MEMBERSHIP_REFUSED',
    `A member of the cluster has the address ${address} already: remove that one first, or choose another address.`,
  )
}

function removedBefore(member: number): HarmonyError {
  return new HarmonyError(
    'MEMBERSHIP_REFUSED',
    `This data folder joined as member ${member} before, which was removed. Start with an empty data folder to join anew.`,
  )
}

function isConstraint(error: unknown, which: 'UNIQUE' | 'NOTNULL'): boolean {
  return error instanceof HarmonyError && error.code === `SQLITE_CONSTRAINT_${which}`
}

/** JSON: number of a group → its lists. */
function likelyPlacements(lastGroup: number, place: (group: number) => Placement): string {
  const sorted = (list: readonly number[]): number[] => list.toSorted((left, right) => left - right)
  const groups = Array.from({ length: FORESEEN_GROUPS }, (_, at) => lastGroup + 1 + at)
  return JSON.stringify(
    Object.fromEntries(
      groups.map((group) => {
        const { voters, learners } = place(group)
        return [group, { voters: sorted(voters), learners: sorted(learners) }]
      }),
    ),
  )
}
