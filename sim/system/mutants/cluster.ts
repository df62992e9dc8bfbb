/** Bugs of the cluster: its catalog, its members, and who leads. */

import { simulator } from './system-mutant.ts'
import type { SystemMutant } from './system-mutant.ts'

export const CLUSTER_MUTANTS: readonly SystemMutant[] = [
  {
    bug: 'K1',
    title: 'a change of the catalog counts as done before anybody knows whether it is committed',
    hunter: simulator('catalog'),
    patches: [
      {
        file: 'src/cluster/catalog.ts',
        find: "        if (isConstraint(error, 'UNIQUE')) throw databaseExists(name)",
        replace: `        if (error instanceof HarmonyError && error.code === 'OUTCOME_UNKNOWN') return { index: 0n }
        if (isConstraint(error, 'UNIQUE')) throw databaseExists(name)`,
      },
    ],
  },
  {
    bug: 'K2',
    title: 'the number of a dropped database is given out again',
    hunter: simulator('catalog'),
    patches: [
      {
        file: 'src/cluster/catalog-schema.ts',
        find: 'CREATE TABLE IF NOT EXISTS databases (\n  "group" INTEGER PRIMARY KEY AUTOINCREMENT,',
        replace: 'CREATE TABLE IF NOT EXISTS databases (\n  "group" INTEGER PRIMARY KEY,',
      },
    ],
  },
  {
    bug: 'K3',
    title: 'a member is removed although those that are left can not be reached',
    hunter: {
      kind: 'test',
      file: 'src/cluster/cluster.test.ts',
      name: 'a removal that would cost the majority is refused',
      why: 'in the simulator everybody comes back in the end, and with them the majority',
    },
    patches: [
      {
        file: 'src/cluster/administration.ts',
        find: 'if (present.length <= rest.length / 2)',
        replace: 'if (present.length < 0)',
      },
    ],
  },
  {
    bug: 'K4',
    title: 'a member whose journal is damaged asks for a new number under its old token',
    hunter: simulator('damaged-journals'),
    patches: [
      {
        file: 'src/cluster/lost-journal.ts',
        find: '  await folder.renewToken()\n',
        replace: '',
      },
    ],
  },
  {
    bug: 'K5',
    title: 'a write is taken while the leadership is handed over, and its client is told that it was not',
    hunter: simulator('hand-overs'),
    patches: [
      {
        file: 'src/raft/raft.ts',
        find: "    if (role.transfer !== null) return this.#refuse('transferring')\n",
        replace: `    if (role.transfer !== null) {
      for (const command of commands) appendEntry(this.#state, role, 'command', command)
      return this.#refuse('transferring')
    }
`,
      },
    ],
  },
  {
    bug: 'K6',
    title: 'a file without a row in the catalog of this member is taken for that of a dropped database',
    hunter: {
      kind: 'test',
      file: 'src/cluster/orphans.test.ts',
      name: 'a power cut that took a new row back from the catalog here does not take the database',
      why: 'the power has to fail in the moment between the creation of a database and the next entry of the catalog',
    },
    patches: [
      {
        file: 'src/cluster/orphans.ts',
        find: '      await untilCurrent()\n',
        replace: '',
      },
    ],
  },
]
