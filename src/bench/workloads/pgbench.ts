/** What PostgreSQL's own load generator does: its built-in reads, and durable inserts. Only over the PostgreSQL protocol, where `pgbench` is installed. */

import type { PgbenchWorkload } from '../workload.ts'
import { countedKey } from './rows.ts'

export const PGBENCH: readonly PgbenchWorkload[] = [
  {
    name: 'pgbench-reads',
    title: "pgbench's reads",
    summary:
      '`pgbench -S -M prepared`: point reads of pgbench_accounts, 100,000 rows. One thread makes the load, as pgbench does it by itself.',
    needs: 'pgbench',
    threads: 1,
    schema: () => [],
    script: null,
  },
  {
    name: 'pgbench-reads-2-threads',
    title: "pgbench's reads, from two threads",
    summary: '`pgbench -S -M prepared --jobs=2`: the same.',
    needs: 'pgbench',
    threads: 2,
    schema: () => [],
    script: null,
  },
  {
    name: 'pgbench-inserts',
    title: "pgbench's durable inserts",
    summary: 'One row of 100 bytes a transaction, sent by `pgbench -M prepared`.',
    needs: 'pgbench',
    threads: 2,
    schema: (dialect) => [
      'DROP TABLE IF EXISTS event',
      `CREATE TABLE event (id ${countedKey(dialect)}, value TEXT NOT NULL)`,
    ],
    script: `INSERT INTO event (value) VALUES ('${'x'.repeat(100)}');\n`,
  },
]
