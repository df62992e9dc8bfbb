/** The name of a table, view or sequence that is about to be made: in the only schema there is, or among the session's temporary ones. */

import type { OnCommitAction, RangeVar } from 'libpg-query'
import { notSupported, PgError } from '../error.ts'
import { mark, temporaryName, type OnCommit } from './temporary-space.ts'
import type { SchemaRelation } from './schema.ts'
import type { Translator } from './translation.ts'

/** A table that is there or will be. */
export interface RelationName {
  /** In the database. */
  readonly name: string
  readonly shownName: string
  readonly isTemporary: boolean
}

export interface NewRelation extends RelationName {
  /** Stands behind the opening parenthesis of a table and behind AS of a view; empty for ordinary ones. */
  readonly mark: string
}

export function nameOf({ name, shownName, temporary }: SchemaRelation): RelationName {
  return { name, shownName, isTemporary: temporary !== null }
}

const ON_COMMIT: Readonly<Record<string, OnCommit>> = {
  ONCOMMIT_DELETE_ROWS: 'delete rows',
  ONCOMMIT_DROP: 'drop',
}

/** Throws PgError. `onCommit` is the parser's. */
export function newRelation(
  relation: RangeVar,
  { context }: Translator,
  onCommit?: OnCommitAction,
): NewRelation {
  const shownName = relation.relname ?? ''
  const schema = relation.schemaname ?? ''
  const isTemporary = relation.relpersistence === 't' || schema === 'pg_temp'
  const action = ON_COMMIT[onCommit ?? '']
  if (isTemporary) {
    if (schema !== '' && schema !== 'pg_temp')
      throw new PgError('42P16', 'cannot create temporary relation in non-temporary schema')
    if (action !== undefined) context.temporary.hasOnCommit = true
    const name = context.temporary.nameFor(shownName)
    return { name, shownName, isTemporary, mark: `${mark(action ?? 'preserve rows')} ` }
  }
  if (action !== undefined) throw new PgError('42P16', 'ON COMMIT can only be used on temporary tables')
  if (schema !== '' && schema !== 'public')
    throw notSupported(`the schema "${schema}" (there is only "public")`)
  if (temporaryName(shownName) !== null)
    throw new PgError('42939', `the name "${shownName}" is reserved for temporary tables`)
  return { name: shownName, shownName, isTemporary, mark: '' }
}
