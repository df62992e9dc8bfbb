/**
 * Temporary tables. SQLite's own live in one connection, but here each statement of a session may run somewhere else: reads on this member, writes on the
 * leader, and again on every replica, which must find the same tables there. So a temporary table is an ordinary one, in the log
 * like any other, under a name that only its session knows: `pg_temp_3_0f9c…_people` is the table `people` of a session on member 3.
 * `docs/decisions/0008-temporary-tables-are-ordinary-ones.md` tells what was weighed.
 *
 *   the name        whose it is: the member's number and 64 random bits for the session
 *   the mark        a comment inside of its definition: what it is, and what COMMIT does with it
 *   its end         the session's end; or, when the member died first, whenever a member next reads the schema (temporary-tables.ts)
 */

import { notSupported } from '../error.ts'

/** What COMMIT does with the rows or with the table. */
export type OnCommit = 'preserve rows' | 'delete rows' | 'drop'

const MARKS: Readonly<Record<OnCommit, string>> = {
  'preserve rows': '/* temporary */',
  'delete rows': '/* temporary, on commit delete rows */',
  drop: '/* temporary, on commit drop */',
}

const NAME = /^pg_temp_(\d+)_[0-9a-f]{16}_(?=.)/

export interface TemporaryName {
  /** What all names of the session begin with. */
  readonly prefix: string
  /** Number of the session's member. */
  readonly member: number
  /** As its session calls it. */
  readonly shown: string
}

/** Null for a name that is no temporary table's. */
export function temporaryName(name: string): TemporaryName | null {
  const match = NAME.exec(name)
  if (match === null) return null
  return { prefix: match[0], member: Number(match[1]), shown: name.slice(match[0].length) }
}

/** Null for a table that is not marked as temporary, whatever its name. */
export function markOf(sql: string): OnCommit | null {
  const found = Object.entries(MARKS).find(([, mark]) => sql.includes(mark))
  return (found?.[0] as OnCommit | undefined) ?? null
}

export function mark(onCommit: OnCommit): string {
  return MARKS[onCommit]
}

/** `random`: 16 hexadecimal digits. */
export function newPrefix(member: number, random: string): string {
  return `pg_temp_${member}_${random}_`
}

/** Messages as their session reads them. */
export function withoutPrefix(text: string, prefix: string): string {
  return text.replaceAll(prefix, '')
}

/** The temporary tables of one session. It gets its prefix when it makes the first one. */
export class TemporarySpace {
  readonly #open: () => string
  #prefix: string | null = null
  /** A table for which COMMIT means something has been asked for. */
  hasOnCommit = false

  constructor(open: () => string) {
    this.#open = open
  }

  /** Null while it has none. */
  get prefix(): string | null {
    return this.#prefix
  }

  /** The name in the database of what the session will know as `name`. */
  nameFor(name: string): string {
    this.#prefix ??= this.#open()
    return `${this.#prefix}${name}`
  }

  /** Nothing is left of them. */
  forget(): void {
    this.#prefix = null
    this.hasOnCommit = false
  }
}

/** Where there is no session that could own one. */
export const NO_TEMPORARY_SPACE: TemporarySpace = new TemporarySpace(() => {
  throw notSupported('a temporary table here')
})
