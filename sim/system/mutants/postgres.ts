/** Bugs of the PostgreSQL protocol's session: what is one transaction, and what its client is told of it. */

import { simulator } from './system-mutant.ts'
import type { SystemMutant } from './system-mutant.ts'

export const POSTGRES_MUTANTS: readonly SystemMutant[] = [
  {
    bug: 'P1',
    title: 'a failed block carries out what comes next, since nothing is open below it any more',
    hunter: simulator('postgres'),
    patches: [
      {
        file: 'src/protocols/postgres/session/transaction.ts',
        find: 'if (!this.#isFailed || isExit) return',
        replace: 'if (!this.#isFailed || isExit || this.#session.isAutocommit) return',
      },
    ],
  },
  {
    bug: 'P2',
    title: 'COMMIT of a failed block says that it is done',
    hunter: simulator('postgres'),
    patches: [
      {
        file: 'src/protocols/postgres/session/transaction.ts',
        find: "      return 'ROLLBACK'\n",
        replace: "      return 'COMMIT'\n",
      },
    ],
  },
  {
    bug: 'P3',
    title: 'what came before an error between two Syncs is committed',
    hunter: simulator('postgres'),
    patches: [
      {
        file: 'src/protocols/postgres/session/transaction.ts',
        find: '      await this.rollback().catch(() => undefined)\n      return\n',
        replace:
          "      if (this.#block === 'none') await this.rollback().catch(() => undefined)\n      return\n",
      },
    ],
  },
  {
    bug: 'P4',
    title: 'what comes behind an error is carried out before Sync has come',
    hunter: simulator('postgres'),
    patches: [
      {
        file: 'src/protocols/postgres/session/client-session.ts',
        find: "if (this.#isSkipping && message.kind !== 'sync') return null",
        replace: "if (this.#isSkipping && message.kind === 'flush') return null",
      },
    ],
  },
  {
    bug: 'P5',
    title: 'a statement is committed alone although others follow before Sync',
    hunter: simulator('postgres'),
    patches: [
      {
        file: 'src/protocols/postgres/connection.ts',
        find: 'isFollowedBySync: () => this.#framer.isFollowedBySync(),',
        replace: 'isFollowedBySync: () => this.#framer.bufferedBytes > 0 || this.#framer.isFollowedBySync(),',
      },
    ],
  },
  {
    bug: 'P6',
    title: 'reads before a write are no part of the transaction between two Syncs',
    hunter: simulator('postgres'),
    patches: [
      {
        file: 'src/protocols/postgres/session/executor.ts',
        find: "else if (surroundings === 'group') await",
        replace: "else if (surroundings !== 'group' && surroundings !== 'alone') await",
      },
      {
        file: 'src/protocols/postgres/session/quick-reads.ts',
        find: 'if (!this.#parts.transaction.isOpen && !this.#parts.isFollowedBySync())',
        replace: 'if (this.#parts.transaction.isFailed)',
      },
    ],
  },
  {
    bug: 'P7',
    title: 'what a client sends after it was told that the member stops is done',
    hunter: simulator('stops'),
    patches: [
      {
        file: 'src/protocols/postgres/connection.ts',
        find: "    if (this.#state.kind === 'ended') return\n    this.#framer.push(chunk)",
        replace: '    this.#framer.push(chunk)',
      },
      {
        file: 'src/protocols/postgres/connection.ts',
        find: "    // The client is told that this is the end: what it has sent since, or sends yet, is not done.\n    this.#state = { kind: 'ended' }\n",
        replace: "    this.#state = this.#state.kind === 'running' ? this.#state : { kind: 'ended' }\n",
      },
    ],
  },
]
