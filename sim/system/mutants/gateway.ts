/** Bugs of gateways and protocols: what sessions promise their clients. */

import { simulator } from './system-mutant.ts'
import type { SystemMutant } from './system-mutant.ts'

export const GATEWAY_MUTANTS: readonly SystemMutant[] = [
  {
    bug: 'W1',
    title: "a session's own writes are not waited for",
    hunter: simulator('sessions'),
    patches: [
      {
        file: 'src/gateway/open-database.ts',
        find: 'return this.#freshness.applied(token > sessionIndex ? token : sessionIndex)',
        replace: 'return this.#freshness.applied(token > sessionIndex ? 0n : token)',
      },
      {
        file: 'src/gateway/freshness.ts',
        find: 'return appliedIndex >= sessionIndex && appliedIndex >= (consistency.index ?? 0n)',
        replace: 'return appliedIndex >= (consistency.index ?? 0n) || sessionIndex < 0n',
      },
    ],
  },
  {
    bug: 'W2',
    title: 'a bound on staleness is not looked at',
    hunter: simulator('sessions'),
    patches: [
      {
        file: 'src/gateway/freshness.ts',
        find: 'if (this.#confirmedAtMs >= oldestMs) return',
        replace: 'if (this.#confirmedAtMs <= Infinity) return',
      },
      {
        file: 'src/gateway/freshness.ts',
        find: 'return this.#confirmedAtMs >= nowMs - (consistency.maxStalenessMs ?? Infinity)',
        replace: 'return this.#confirmedAtMs <= nowMs',
      },
    ],
  },
  {
    bug: 'W3',
    title: 'a read transaction that is held open is not renewed when the database moves',
    hunter: simulator('reads'),
    patches: [
      {
        file: 'src/engine/reader/held-connection.ts',
        find: 'if (this.#heldIndex >= appliedIndex) return',
        replace: 'if (this.#heldIndex >= 0n && appliedIndex >= 0n) return',
      },
    ],
  },
  {
    bug: 'W4',
    title: 'each read of a transaction sees a state of its own',
    hunter: simulator('transactions'),
    patches: [
      {
        file: 'src/gateway/open-transaction.ts',
        find: "if (this.#state.kind === 'snapshot') return this.#state.snapshot\n    const",
        replace: "if (this.#state.kind === 'snapshot') this.#state.snapshot.close()\n    const",
      },
    ],
  },
  {
    bug: 'W5',
    title: 'NOTIFY is heard before its transaction is committed',
    hunter: {
      kind: 'test',
      file: 'test/postgres/notifications.test.ts',
      name: 'what a transaction tells is heard when it commits: in order, equal ones once, nothing that was undone',
      why: 'no client of the simulator listens',
    },
    patches: [
      {
        file: 'src/protocols/postgres/session/listening.ts',
        find: 'const WAITING_MAX = 10_000\n',
        replace: 'const WAITING_MAX = 10_000\nconst everyone = new Set<Listening>()\n',
      },
      {
        file: 'src/protocols/postgres/session/listening.ts',
        find: '    this.#isIdle = isIdle\n',
        replace: '    this.#isIdle = isIdle\n    everyone.add(this)\n',
      },
      {
        file: 'src/protocols/postgres/session/listening.ts',
        find: '    this.#sent.set(keyOf(channel, payload), true)\n',
        replace: `    this.#sent.set(keyOf(channel, payload), true)
    for (const one of everyone) if (one.#channels.has(channel)) one.#receive({ processId: 0, channel, payload })
`,
      },
    ],
  },
  {
    bug: 'W6',
    title: 'COMMIT of a transaction that has ended by itself says that it is done',
    hunter: simulator('ended-transactions'),
    patches: [
      {
        file: 'src/gateway/statement-runner.ts',
        find: 'return this.#transaction === null && this.#aftermath.isOver\n',
        replace: 'return this.#transaction === null || this.#transaction.ended !== null\n',
      },
    ],
  },
]
