/** The rest of pg_catalog: what a database always has, and relations that are empty here. */

import type { ActivityRow } from '../session/activity.ts'
import { storedTimestampTz } from '../types/datetime.ts'
import { TYPES } from '../types/registry.ts'
import {
  BTREE_OID,
  CATALOG_OID,
  DATABASE_OID_FIRST,
  HEAP_OID,
  INFORMATION_OID,
  OWNER_OID,
  PUBLIC_OID,
  TEMPORARY_OID,
  TEMPORARY_SCHEMA,
  relation,
  type CatalogCell,
  type CatalogDefinition,
} from './definition.ts'
import { indexDefinition, tables } from './relation-rows.ts'

function typeRows(): CatalogCell[][] {
  return TYPES.map((type) => {
    const isArray = type.elementOid !== 0
    const facts = [
      type.oid,
      type.name,
      CATALOG_OID,
      OWNER_OID,
      type.sizeBytes,
      type.sizeBytes > 0 && type.sizeBytes <= 8,
    ]
    const kind = [type.category === 'P' ? 'p' : 'b', type.category, false, true, ',', 0]
    const functions = [
      isArray ? 'array_in' : `${type.name}in`,
      isArray ? 'array_out' : `${type.name}out`,
      isArray ? 'array_recv' : `${type.name}recv`,
      '-',
    ]
    return [
      ...facts,
      ...kind,
      type.elementOid,
      type.arrayOid,
      ...functions,
      '-',
      '-',
      '-',
      'i',
      'x',
      false,
      0,
      -1,
      0,
      type.category === 'S' ? 100 : 0,
      null,
      null,
      null,
    ]
  })
}

const NAMESPACES: readonly CatalogCell[][] = [
  [CATALOG_OID, 'pg_catalog', OWNER_OID, null],
  [PUBLIC_OID, 'public', OWNER_OID, null],
  [INFORMATION_OID, 'information_schema', OWNER_OID, null],
]

/** The session's own, where it has temporary tables. */
const TEMPORARY_NAMESPACE: readonly CatalogCell[] = [TEMPORARY_OID, TEMPORARY_SCHEMA, OWNER_OID, null]

function activityRow(row: ActivityRow): CatalogCell[] {
  const time = (timeMs: number | null): string | null =>
    timeMs === null ? null : storedTimestampTz(BigInt(timeMs) * 1000n)
  const started = time(row.queryStartedAtMs)
  const who = [
    DATABASE_OID_FIRST,
    row.database,
    row.processId,
    null,
    OWNER_OID,
    row.user,
    row.applicationName,
  ]
  const times = [time(row.connectedAtMs), null, started, started]
  return [
    ...who,
    row.clientAddress,
    null,
    -1,
    ...times,
    null,
    null,
    row.state,
    null,
    null,
    null,
    row.query,
    'client backend',
  ]
}

const ACCESS_METHODS: readonly CatalogCell[][] = [
  [HEAP_OID, 'heap', 'heap_tableam_handler', 't'],
  [BTREE_OID, 'btree', 'bthandler', 'i'],
]

function roleRow(user: string): CatalogCell[] {
  return [OWNER_OID, user, true, true, true, true, true, true, true, -1, '********', null, null]
}

const EMPTY: readonly (readonly [name: string, columns: string])[] = [
  ['pg_enum', 'oid oid, enumtypid oid, enumsortorder float4, enumlabel name'],
  [
    'pg_range',
    'rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid, rngsubopc oid, rngcanonical regproc, rngsubdiff regproc',
  ],
  ['pg_inherits', 'inhrelid oid, inhparent oid, inhseqno int4, inhdetachpending bool'],
  [
    'pg_policy',
    'oid oid, polname name, polrelid oid, polcmd char, polpermissive bool, polroles oid[], polqual text, polwithcheck text',
  ],
  [
    'pg_policies',
    'schemaname name, tablename name, policyname name, permissive text, roles text[], cmd text, qual text, with_check text',
  ],
  [
    'pg_trigger',
    'oid oid, tgrelid oid, tgparentid oid, tgname name, tgfoid oid, tgtype int2, tgenabled char, tgisinternal bool, tgconstrrelid oid, tgconstrindid oid, tgconstraint oid, tgdeferrable bool, tginitdeferred bool, tgnargs int2, tgattr int2[], tgargs text, tgqual text, tgoldtable name, tgnewtable name',
  ],
  ['pg_description', 'objoid oid, classoid oid, objsubid int4, description text'],
  ['pg_shdescription', 'objoid oid, classoid oid, description text'],
  [
    'pg_depend',
    'classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, refobjsubid int4, deptype char',
  ],
  [
    'pg_rewrite',
    'oid oid, rulename name, ev_class oid, ev_type char, ev_enabled char, is_instead bool, ev_qual text, ev_action text',
  ],
  [
    'pg_proc',
    'oid oid, proname name, pronamespace oid, proowner oid, prolang oid, procost float4, prorows float4, provariadic oid, prosupport regproc, prokind char, prosecdef bool, proleakproof bool, proisstrict bool, proretset bool, provolatile char, proparallel char, pronargs int2, pronargdefaults int2, prorettype oid, proargtypes oid[], proallargtypes oid[], proargmodes char[], proargnames text[], proargdefaults text, protrftypes oid[], prosrc text, probin text, prosqlbody text, proconfig text[], proacl text[]',
  ],
  [
    'pg_publication',
    'oid oid, pubname name, pubowner oid, puballtables bool, pubinsert bool, pubupdate bool, pubdelete bool, pubtruncate bool, pubviaroot bool',
  ],
  ['pg_publication_rel', 'oid oid, prpubid oid, prrelid oid, prqual text, prattrs int2[]'],
  ['pg_publication_namespace', 'oid oid, pnpubid oid, pnnspid oid'],
  ['pg_publication_tables', 'pubname name, schemaname name, tablename name, attnames text[], rowfilter text'],
  ['pg_subscription', 'oid oid, subdbid oid, subname name, subowner oid, subenabled bool'],
  [
    'pg_statistic_ext',
    'oid oid, stxrelid oid, stxname name, stxnamespace oid, stxowner oid, stxstattarget int4, stxkeys int2[], stxkind char[], stxexprs text',
  ],
  ['pg_statistic_ext_data', 'stxoid oid, stxdinherit bool'],
  ['pg_foreign_table', 'ftrelid oid, ftserver oid, ftoptions text[]'],
  [
    'pg_foreign_server',
    'oid oid, srvname name, srvowner oid, srvfdw oid, srvtype text, srvversion text, srvacl text[], srvoptions text[]',
  ],
  [
    'pg_foreign_data_wrapper',
    'oid oid, fdwname name, fdwowner oid, fdwhandler oid, fdwvalidator oid, fdwacl text[], fdwoptions text[]',
  ],
  [
    'pg_partitioned_table',
    'partrelid oid, partstrat char, partnatts int2, partdefid oid, partattrs int2[], partclass oid[], partcollation oid[], partexprs text',
  ],
  [
    'pg_matviews',
    'schemaname name, matviewname name, matviewowner name, tablespace name, hasindexes bool, ispopulated bool, definition text',
  ],
  ['pg_rules', 'schemaname name, tablename name, rulename name, definition text'],
  ['pg_auth_members', 'roleid oid, member oid, grantor oid, admin_option bool'],
  ['pg_db_role_setting', 'setdatabase oid, setrole oid, setconfig text[]'],
  ['pg_default_acl', 'oid oid, defaclrole oid, defaclnamespace oid, defaclobjtype char, defaclacl text[]'],
  [
    'pg_event_trigger',
    'oid oid, evtname name, evtevent name, evtowner oid, evtfoid oid, evtenabled char, evttags text[]',
  ],
  ['pg_conversion', 'oid oid, conname name, connamespace oid, conowner oid'],
  ['pg_cast', 'oid oid, castsource oid, casttarget oid, castfunc oid, castcontext char, castmethod char'],
  [
    'pg_operator',
    'oid oid, oprname name, oprnamespace oid, oprowner oid, oprkind char, oprleft oid, oprright oid, oprresult oid',
  ],
  ['pg_aggregate', 'aggfnoid regproc, aggkind char, aggnumdirectargs int2'],
  ['pg_seclabel', 'objoid oid, classoid oid, objsubid int4, provider text, label text'],
  ['pg_largeobject_metadata', 'oid oid, lomowner oid, lomacl text[]'],
  ['pg_ts_config', 'oid oid, cfgname name, cfgnamespace oid, cfgowner oid, cfgparser oid'],
  ['pg_ts_dict', 'oid oid, dictname name, dictnamespace oid, dictowner oid'],
  ['pg_locks', 'locktype text, database oid, relation oid, pid int4, mode text, granted bool'],
  ['pg_prepared_xacts', 'transaction text, gid text, prepared timestamptz, owner name, database name'],
  [
    'pg_cursors',
    'name text, statement text, is_holdable bool, is_binary bool, is_scrollable bool, creation_time timestamptz',
  ],
  ['pg_replication_slots', 'slot_name name, plugin name, slot_type text, active bool'],
  ['pg_stat_replication', 'pid int4, usename name, application_name text, state text'],
]

export const SYSTEM_ROWS: readonly CatalogDefinition[] = [
  relation(
    'pg_catalog',
    'pg_type',
    `oid oid, typname name, typnamespace oid, typowner oid, typlen int2, typbyval bool, typtype char, typcategory char,
     typispreferred bool, typisdefined bool, typdelim char, typrelid oid, typelem oid, typarray oid, typinput regproc,
     typoutput regproc, typreceive regproc, typsend regproc, typmodin regproc, typmodout regproc, typanalyze regproc, typalign char,
     typstorage char, typnotnull bool, typbasetype oid, typtypmod int4, typndims int4, typcollation oid, typdefaultbin text,
     typdefault text, typacl text[]`,
    typeRows,
  ),
  relation('pg_catalog', '_type_name', 'oid oid, name text', () =>
    TYPES.map(({ oid, sqlName }) => [oid, sqlName]),
  ),
  relation(
    'pg_catalog',
    'pg_namespace',
    'oid oid, nspname name, nspowner oid, nspacl text[]',
    ({ temporaryPrefix }) => (temporaryPrefix === null ? NAMESPACES : [...NAMESPACES, TEMPORARY_NAMESPACE]),
  ),
  relation(
    'pg_catalog',
    'pg_am',
    'oid oid, amname name, amhandler regproc, amtype char',
    () => ACCESS_METHODS,
  ),
  relation(
    'pg_catalog',
    'pg_opclass',
    'oid oid, opcmethod oid, opcname name, opcnamespace oid, opcowner oid, opcfamily oid, opcintype oid, opcdefault bool, opckeytype oid',
    () => [[0, BTREE_OID, 'default_ops', CATALOG_OID, OWNER_OID, 0, 0, true, 0]],
  ),
  relation(
    'pg_catalog',
    'pg_language',
    'oid oid, lanname name, lanowner oid, lanispl bool, lanpltrusted bool',
    () => [[14, 'sql', OWNER_OID, false, true]],
  ),
  relation(
    'pg_catalog',
    'pg_collation',
    'oid oid, collname name, collnamespace oid, collowner oid, collprovider char, collisdeterministic bool, collencoding int4, collcollate text, collctype text, colliculocale text, collversion text',
    () => [
      [100, 'default', CATALOG_OID, OWNER_OID, 'd', true, -1, null, null, null, null],
      [950, 'C', CATALOG_OID, OWNER_OID, 'c', true, -1, 'C', 'C', null, null],
    ],
  ),
  relation(
    'pg_catalog',
    'pg_tablespace',
    'oid oid, spcname name, spcowner oid, spcacl text[], spcoptions text[]',
    () => [[1663, 'pg_default', OWNER_OID, null, null]],
  ),
  relation(
    'pg_catalog',
    'pg_extension',
    'oid oid, extname name, extowner oid, extnamespace oid, extrelocatable bool, extversion text, extconfig oid[], extcondition text[]',
    () => [[13_500, 'plpgsql', OWNER_OID, CATALOG_OID, false, '1.0', null, null]],
  ),
  relation(
    'pg_catalog',
    'pg_database',
    `oid oid, datname name, datdba oid, encoding int4, datlocprovider char, datistemplate bool, datallowconn bool, datconnlimit int4,
     datfrozenxid oid, datminmxid oid, dattablespace oid, datcollate text, datctype text, daticulocale text, datcollversion text, datacl text[]`,
    (_schema, { databases }) =>
      databases.map((name, index) => [
        DATABASE_OID_FIRST + index,
        name,
        OWNER_OID,
        6,
        'c',
        false,
        true,
        -1,
        0,
        0,
        1663,
        'C',
        'C',
        null,
        null,
        null,
      ]),
  ),
  relation(
    'pg_catalog',
    'pg_roles',
    `oid oid, rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcanlogin bool, rolreplication bool,
     rolbypassrls bool, rolconnlimit int4, rolpassword text, rolvaliduntil timestamptz, rolconfig text[]`,
    (_schema, { user }) => [roleRow(user)],
  ),
  relation(
    'pg_catalog',
    'pg_authid',
    `oid oid, rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcanlogin bool, rolreplication bool,
     rolbypassrls bool, rolconnlimit int4, rolpassword text, rolvaliduntil timestamptz, rolconfig text[]`,
    (_schema, { user }) => [roleRow(user)],
  ),
  relation(
    'pg_catalog',
    'pg_user',
    'usename name, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls bool, passwd text, valuntil timestamptz, useconfig text[]',
    (_schema, { user }) => [[user, OWNER_OID, true, true, false, false, '********', null, null]],
  ),
  relation(
    'pg_catalog',
    'pg_settings',
    'name text, setting text, unit text, category text, short_desc text, extra_desc text, context text, vartype text, source text, min_val text, max_val text, enumvals text[], boot_val text, reset_val text, sourcefile text, sourceline int4, pending_restart bool',
    (_schema, { settings }) =>
      settings.map(({ name, value }) => [
        name,
        value,
        null,
        '',
        '',
        null,
        'user',
        'string',
        'default',
        null,
        null,
        null,
        value,
        value,
        null,
        null,
        false,
      ]),
  ),
  relation(
    'pg_catalog',
    'pg_stat_activity',
    'datid oid, datname name, pid int4, leader_pid int4, usesysid oid, usename name, application_name text, client_addr text, client_hostname text, client_port int4, backend_start timestamptz, xact_start timestamptz, query_start timestamptz, state_change timestamptz, wait_event_type text, wait_event text, state text, backend_xid text, backend_xmin text, query_id int8, query text, backend_type text',
    (_schema, { activity }) => activity.map(activityRow),
  ),
  relation(
    'pg_catalog',
    'pg_prepared_statements',
    'name text, statement text, prepare_time timestamptz, parameter_types text[], from_sql bool, generic_plans int8, custom_plans int8',
    (_schema, { prepared }) => prepared.map(({ name, sql, types }) => [name, sql, null, types, false, 0, 0]),
  ),
  relation(
    'pg_catalog',
    'pg_tables',
    'schemaname name, tablename name, tableowner name, tablespace name, hasindexes bool, hasrules bool, hastriggers bool, rowsecurity bool',
    (schema, { user }) =>
      tables(schema)
        .filter(({ kind, isSequence }) => kind === 'table' && !isSequence)
        .map(({ name, indexes }) => ['public', name, user, null, indexes.length > 0, false, false, false]),
  ),
  relation(
    'pg_catalog',
    'pg_views',
    'schemaname name, viewname name, viewowner name, definition text',
    (schema, { user }) =>
      tables(schema)
        .filter(({ kind }) => kind === 'view')
        .map(({ name, sql }) => ['public', name, user, sql]),
  ),
  relation(
    'pg_catalog',
    'pg_indexes',
    'schemaname name, tablename name, indexname name, tablespace name, indexdef text',
    (schema) =>
      tables(schema).flatMap((table) =>
        table.indexes.map((index) => ['public', table.name, index.name, null, indexDefinition(table, index)]),
      ),
  ),
  relation(
    'pg_catalog',
    'pg_sequence',
    'seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, seqmax int8, seqmin int8, seqcache int8, seqcycle bool',
    () => [],
  ),
  relation(
    'pg_catalog',
    'pg_sequences',
    'schemaname name, sequencename name, sequenceowner name, data_type text, start_value int8, min_value int8, max_value int8, increment_by int8, cycle bool, cache_size int8, last_value int8',
    () => [],
  ),
  relation(
    'pg_catalog',
    'pg_stat_user_tables',
    'relid oid, schemaname name, relname name, n_live_tup int8, n_dead_tup int8',
    (schema) => tables(schema).map(({ oid, name }) => [oid, 'public', name, 0, 0]),
  ),
  ...EMPTY.map(([name, columns]) => relation('pg_catalog', name, columns)),
]
