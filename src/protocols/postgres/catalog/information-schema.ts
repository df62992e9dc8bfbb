/** information_schema (SQL standard, part 11), as far as tools read it. */

import type { Schema, SchemaColumn, SchemaRelation } from '../dialect/schema.ts'
import { BPCHAR, NUMERIC, VARCHAR } from '../types/registry.ts'
import { relation, type CatalogCell, type CatalogDefinition, type CatalogFacts } from './definition.ts'
import { constraintsOf, namespaceOf, shownDefault, tables } from './relation-rows.ts'

type Rows = readonly (readonly CatalogCell[])[]

const yesNo = (value: boolean): string => (value ? 'YES' : 'NO')

function tableRows(schema: Schema, { database }: CatalogFacts): Rows {
  return tables(schema)
    .filter(({ isSequence }) => !isSequence)
    .map((table) => {
      const isTable = table.kind === 'table'
      const base = table.temporary === null ? 'BASE TABLE' : 'LOCAL TEMPORARY'
      return [
        database,
        namespaceOf(table).name,
        table.name,
        isTable ? base : 'VIEW',
        null,
        null,
        null,
        null,
        null,
        yesNo(isTable),
        'NO',
        null,
      ]
    })
}

function columnRows(schema: Schema, facts: CatalogFacts): Rows {
  return tables(schema).flatMap((table) => table.columns.map((column) => columnRow(table, column, facts)))
}

const NUMERIC_FACTS: Readonly<
  Record<string, readonly [precision: number, radix: number, scale: number | null]>
> = {
  int2: [16, 2, 0],
  int4: [32, 2, 0],
  int8: [64, 2, 0],
  float4: [24, 2, null],
  float8: [53, 2, null],
}

function columnRow(table: SchemaRelation, column: SchemaColumn, { database }: CatalogFacts): CatalogCell[] {
  const { type, modifier } = column.type
  const isArray = type.elementOid !== 0
  const length = (type === VARCHAR || type === BPCHAR) && modifier > 4 ? modifier - 4 : null
  const place = [
    database,
    namespaceOf(table).name,
    table.name,
    column.name,
    column.number,
    shownDefault(column, table.name),
    yesNo(!column.isNotNull),
  ]
  const shape = [
    isArray ? 'ARRAY' : type.sqlName,
    length,
    null,
    ...numericFacts(column),
    type.category === 'D' ? (modifier < 0 ? 6 : modifier) : null,
  ]
  const identity = [
    yesNo(column.isIdentity),
    column.isIdentity ? 'BY DEFAULT' : null,
    null,
    null,
    null,
    null,
    'NO',
  ]
  const origin = [
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    database,
    'pg_catalog',
    type.name,
    null,
    null,
    null,
    null,
    String(column.number),
    'NO',
  ]
  return [
    ...place,
    ...shape,
    ...origin,
    ...identity,
    column.isGenerated ? 'ALWAYS' : 'NEVER',
    null,
    yesNo(table.kind === 'table'),
  ]
}

function numericFacts({ type: { type, modifier } }: SchemaColumn): (number | null)[] {
  if (type === NUMERIC && modifier >= 4) return [(modifier - 4) >> 16, 10, (modifier - 4) & 0xffff]
  if (type === NUMERIC) return [null, 10, null]
  return [...(NUMERIC_FACTS[type.name] ?? [null, null, null])]
}

const CONSTRAINT_WORDS: Readonly<Record<string, string>> = {
  p: 'PRIMARY KEY',
  u: 'UNIQUE',
  f: 'FOREIGN KEY',
  c: 'CHECK',
}

function tableConstraintRows(schema: Schema, { database }: CatalogFacts): Rows {
  return tables(schema).flatMap((table) =>
    constraintsOf(table).map(({ name, kind }) => [
      database,
      namespaceOf(table).name,
      name,
      database,
      namespaceOf(table).name,
      table.name,
      CONSTRAINT_WORDS[kind] ?? '',
      'NO',
      'NO',
      'YES',
      'YES',
    ]),
  )
}

function keyColumnRows(schema: Schema, { database }: CatalogFacts): Rows {
  return tables(schema).flatMap((table) =>
    constraintsOf(table).flatMap(({ name, kind, columns }) =>
      columns.map((number, index) => [
        database,
        namespaceOf(table).name,
        name,
        database,
        namespaceOf(table).name,
        table.name,
        table.columns[number - 1]?.name ?? '',
        index + 1,
        kind === 'f' ? index + 1 : null,
      ]),
    ),
  )
}

/** For a foreign key: the columns that it points to. */
function constraintColumnRows(schema: Schema, { database }: CatalogFacts): Rows {
  return tables(schema).flatMap((table) =>
    constraintsOf(table).flatMap(({ name, columns, foreign }) => {
      const target = foreign?.table ?? table.name
      const names = foreign?.targetColumns ?? columns.map((number) => table.columns[number - 1]?.name ?? '')
      return names.map((column) => [
        database,
        namespaceOf(table).name,
        target,
        column,
        database,
        namespaceOf(table).name,
        name,
      ])
    }),
  )
}

function referentialRows(schema: Schema, { database }: CatalogFacts): Rows {
  return tables(schema).flatMap((table) =>
    constraintsOf(table).flatMap(({ name, foreign }) => {
      if (foreign === null) return []
      const target = schema.find(foreign.table)
      const key = target?.keys.find(({ columns }) => columns.join() === foreign.targetColumns.join())
      return [
        [
          database,
          namespaceOf(table).name,
          name,
          database,
          namespaceOf(table).name,
          key?.name ?? `${foreign.table}_pkey`,
          'NONE',
          foreign.onUpdate,
          foreign.onDelete,
        ],
      ]
    }),
  )
}

export const INFORMATION_SCHEMA: readonly CatalogDefinition[] = [
  relation(
    'information_schema',
    'schemata',
    'catalog_name name, schema_name name, schema_owner name, default_character_set_catalog name, default_character_set_schema name, default_character_set_name name, sql_path varchar',
    (_schema, { database, user }) =>
      ['public', 'information_schema', 'pg_catalog'].map((name) => [
        database,
        name,
        user,
        null,
        null,
        null,
        null,
      ]),
  ),
  relation(
    'information_schema',
    'tables',
    'table_catalog name, table_schema name, table_name name, table_type varchar, self_referencing_column_name name, reference_generation varchar, user_defined_type_catalog name, user_defined_type_schema name, user_defined_type_name name, is_insertable_into varchar, is_typed varchar, commit_action varchar',
    tableRows,
  ),
  relation(
    'information_schema',
    'columns',
    `table_catalog name, table_schema name, table_name name, column_name name, ordinal_position int4, column_default varchar, is_nullable varchar,
    data_type varchar, character_maximum_length int4, character_octet_length int4, numeric_precision int4, numeric_precision_radix int4, numeric_scale int4, datetime_precision int4,
    interval_type varchar, interval_precision int4, character_set_catalog name, character_set_schema name, character_set_name name, collation_catalog name, collation_schema name, collation_name name,
    udt_catalog name, udt_schema name, udt_name name, scope_catalog name, scope_schema name, scope_name name, maximum_cardinality int4, dtd_identifier name, is_self_referencing varchar,
    is_identity varchar, identity_generation varchar, identity_start varchar, identity_increment varchar, identity_maximum varchar, identity_minimum varchar, identity_cycle varchar, is_generated varchar, generation_expression varchar, is_updatable varchar`,
    columnRows,
  ),
  relation(
    'information_schema',
    'views',
    'table_catalog name, table_schema name, table_name name, view_definition varchar, check_option varchar, is_updatable varchar, is_insertable_into varchar',
    (schema, { database }) =>
      tables(schema)
        .filter(({ kind }) => kind === 'view')
        .map(({ name, sql }) => [database, 'public', name, sql, 'NONE', 'NO', 'NO']),
  ),
  relation(
    'information_schema',
    'table_constraints',
    'constraint_catalog name, constraint_schema name, constraint_name name, table_catalog name, table_schema name, table_name name, constraint_type varchar, is_deferrable varchar, initially_deferred varchar, enforced varchar, nulls_distinct varchar',
    tableConstraintRows,
  ),
  relation(
    'information_schema',
    'key_column_usage',
    'constraint_catalog name, constraint_schema name, constraint_name name, table_catalog name, table_schema name, table_name name, column_name name, ordinal_position int4, position_in_unique_constraint int4',
    keyColumnRows,
  ),
  relation(
    'information_schema',
    'constraint_column_usage',
    'table_catalog name, table_schema name, table_name name, column_name name, constraint_catalog name, constraint_schema name, constraint_name name',
    constraintColumnRows,
  ),
  relation(
    'information_schema',
    'referential_constraints',
    'constraint_catalog name, constraint_schema name, constraint_name name, unique_constraint_catalog name, unique_constraint_schema name, unique_constraint_name name, match_option varchar, update_rule varchar, delete_rule varchar',
    referentialRows,
  ),
  relation(
    'information_schema',
    'check_constraints',
    'constraint_catalog name, constraint_schema name, constraint_name name, check_clause varchar',
  ),
  relation(
    'information_schema',
    'sequences',
    'sequence_catalog name, sequence_schema name, sequence_name name, data_type varchar, numeric_precision int4, numeric_precision_radix int4, numeric_scale int4, start_value varchar, minimum_value varchar, maximum_value varchar, increment varchar, cycle_option varchar',
  ),
  relation(
    'information_schema',
    'routines',
    'specific_catalog name, specific_schema name, specific_name name, routine_catalog name, routine_schema name, routine_name name, routine_type varchar, data_type varchar',
  ),
  relation(
    'information_schema',
    'triggers',
    'trigger_catalog name, trigger_schema name, trigger_name name, event_manipulation varchar, event_object_catalog name, event_object_schema name, event_object_table name, action_order int4, action_condition varchar, action_statement varchar, action_orientation varchar, action_timing varchar',
  ),
]
