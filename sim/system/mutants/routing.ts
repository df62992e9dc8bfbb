/** Bugs of routing: what is sent to a leader elsewhere, sent again, and told. */

import { simulator } from './system-mutant.ts'
import type { SystemMutant } from './system-mutant.ts'

export const ROUTING_MUTANTS: readonly SystemMutant[] = [
  {
    bug: 'R1',
    title: 'a write that was not answered is sent again without an idempotency key',
    hunter: simulator('broken-connections'),
    patches: [
      {
        file: 'src/cluster/routing/retry-policy.ts',
        find: '  if (hasIdempotencyKey)\n    return',
        replace: '  if (hasIdempotencyKey || asked > 0)\n    return',
      },
    ],
  },
  {
    bug: 'R2',
    title: 'a COMMIT that was not answered is told as rolled back',
    hunter: simulator('broken-transactions'),
    patches: [
      {
        file: 'src/cluster/routing/remote-transaction.ts',
        find: 'throw this.#end(outcomeUnknown(database, reply.detail))',
        replace:
          "throw this.#end(database === '' ? outcomeUnknown(database, reply.detail) : this.#gone(reply.detail))",
      },
    ],
  },
  {
    bug: 'R3',
    title: 'after a try whose outcome is not known a client is told what the next one was refused with',
    hunter: {
      kind: 'test',
      file: 'src/cluster/routing/routed-writes.test.ts',
      name: 'with an idempotency key, but without an answer to the end: OUTCOME_UNKNOWN, whatever the last try said',
      why: 'a client of the simulator has mostly given up when the last try has failed',
    },
    patches: [
      {
        file: 'src/cluster/routing/routed-database.ts',
        find: 'throw this.#counted(unknown === null ? error : outcomeUnknown(this.name, unknown, error))',
        replace:
          'throw this.#counted(unknown === undefined ? outcomeUnknown(this.name, unknown, error) : error)',
      },
    ],
  },
  {
    bug: 'R4',
    title: "transactions of other members' clients are kept when they are over",
    hunter: simulator('transactions'),
    patches: [
      {
        file: 'src/cluster/routing/held-transactions.ts',
        find: '    if (ofMember.get(number) === held) ofMember.delete(number)\n',
        replace: '',
      },
    ],
  },
  {
    bug: 'R5',
    title: 'what can not be told at once about a transaction at another member is never told',
    hunter: {
      kind: 'test',
      file: 'src/cluster/routing/routed-transactions.test.ts',
      name: 'BEGIN whose answer is lost with the connection is taken back when there is one again',
      why: 'the other member sees that a connection is lost, too, and ends what came over it: no run has more than a moment for this',
    },
    patches: [
      {
        file: 'src/cluster/routing/take-backs.ts',
        find: "const isOver = reply.kind === 'answered' || this.#clock.nowMs() + pauseMs >= deadlineMs",
        replace: "const isOver = reply.kind !== 'unknown' || deadlineMs > 0",
      },
    ],
  },
  {
    bug: 'R6',
    title: 'a transaction whose COMMIT was lost on its way stays open at the other member',
    hunter: {
      kind: 'test',
      file: 'src/cluster/routing/routed-transactions.test.ts',
      name: 'COMMIT that is lost on its way leaves nothing open',
      why: 'one of two connections must break in the moment in which COMMIT is under way: one run in some hundred',
    },
    patches: [
      {
        file: 'src/cluster/routing/remote-transaction.ts',
        find: '      this.#takeBack()\n      throw this.#end(outcomeUnknown',
        replace: '      throw this.#end(outcomeUnknown',
      },
    ],
  },
  {
    bug: 'R7',
    title: 'what a member has open here is kept when it is lost, where nobody dials it',
    hunter: {
      kind: 'test',
      file: 'src/cluster/cluster.test.ts',
      name: 'what clients of a lost member have open is rolled back at once, also where that member can not be dialed',
      why: 'the leader must have started after the member was removed, which still serves clients: one run in some hundred',
    },
    patches: [
      {
        file: 'src/cluster/member-service.ts',
        find: 'departed: (member) => this.#membership?.routing.memberLost(member),',
        replace: 'departed: () => {},',
      },
    ],
  },
]
