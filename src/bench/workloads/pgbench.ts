/** What PostgreSQL's own load generator does: its built-in reads, and durable inserts. Only over the PostgreSQL protocol, where `pgbench` is installed. */

import type { PgbenchWorkload } from '../workload.ts'
import { countedKey } from './rows.ts'

export const PGBENCH: readonly PgbenchWorkload[] = [
  {
    name: 'pgbench-reads',
    title: "pgbench's reads",
    summary: '`pgbench -S -M prepared`: point reads of pgbench_accounts, 100,000 rows.',
    needs: 'pgbench',
    schema: () => [],
    script: null,
  },
  {
    name: 'pgbench-inserts',
    title: "pgbench's durable inserts",
    summary: 'One row of 100 bytes a transaction, sent by `pgbench -M prepared`.',
    needs: 'pgbench',
    schema: (dialect) => [
      'DROP TABLE IF EXISTS event',
      `CREATE TABLE event (id ${countedKey(dialect)}, value TEXT NOT NULL)`,
    ],
    script: `INSERT INTO event (value) VALUES ('${'x'.repeat(100)}');\n`,
  },
]
