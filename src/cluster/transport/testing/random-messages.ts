/** Messages of every type with random fields of every size, and some that are fixed. */

import { SeededRandom } from '../../../host/random.ts'
import type { Random } from '../../../host/random.ts'
import { encodeConfiguration } from '../../../raft/configuration-codec.ts'
import type { Entry } from '../../../raft/entry.ts'
import { initialConfiguration } from '../../../raft/membership.ts'
import type { Configuration } from '../../../raft/membership.ts'
import type { Message, MessageType } from '../../../raft/message.ts'
import type { Route } from '../message-codec.ts'

export const ROUTE: Route = { from: 2, to: 1 }

/** Small numbers often, large ones too. */
function position(random: Random): number {
  return random.integer(2 ** (1 + random.integer(52)))
}

function configuration(random: Random, index: number): Configuration {
  const voters = Array.from({ length: 1 + random.integer(5) }, (_, at) => ({
    id: at + 1,
    generation: 1 + random.integer(9),
  }))
  return {
    ...initialConfiguration(voters, [{ id: 9, generation: 1 }]),
    index,
    generation: 9 + random.integer(2 ** 51),
  }
}

function entry(random: Random, index: number): Entry {
  const term = position(random)
  const kind = (['command', 'empty', 'membership'] as const)[random.integer(3)] ?? 'command'
  if (kind === 'empty') return { index, term, kind, data: new Uint8Array(0) }
  if (kind === 'membership')
    return { index, term, kind, data: encodeConfiguration(configuration(random, index)) }
  return { index, term, kind, data: random.bytes(random.integer(random.integer(8) === 0 ? 20_000 : 100)) }
}

type Body<T extends MessageType> = Omit<Extract<Message, { type: T }>, keyof Message | 'type'>

/** One maker for each type: the type checker sees that none is missing. */
const BODIES: { readonly [T in MessageType]: (random: Random) => Body<T> } = {
  'pre-vote-request': (r) => ({ lastIndex: position(r), lastTerm: position(r) }),
  'pre-vote-response': (r) => ({ granted: r.integer(2) === 1 }),
  'vote-request': (r) => ({ lastIndex: position(r), lastTerm: position(r), forced: r.integer(2) === 1 }),
  'vote-response': (r) => ({ granted: r.integer(2) === 1 }),
  'append-request': (r) => {
    const previousIndex = r.integer(2 ** 40)
    const entries = Array.from({ length: r.integer(6) }, (_, at) => entry(r, previousIndex + 1 + at))
    return { previousIndex, previousTerm: position(r), entries, commit: position(r) }
  },
  'append-accepted': (r) => ({ index: position(r) }),
  'append-rejected': (r) => ({ previousIndex: position(r), hintIndex: position(r), hintTerm: position(r) }),
  'stale-leader': () => ({}),
  'heartbeat-request': (r) => ({ commit: position(r), round: position(r), quiesce: r.integer(2) === 1 }),
  'heartbeat-response': (r) => ({ round: position(r) }),
  'snapshot-request': (r) => ({
    snapshot: { index: position(r), term: position(r), configuration: configuration(r, position(r)) },
  }),
  'timeout-now': () => ({}),
  'read-index-request': (r) => ({ request: position(r) }),
  'read-index-response': (r) => ({ request: position(r), index: position(r) }),
  'wake-request': () => ({}),
  'tombstone-notice': () => ({}),
}

export const MESSAGE_TYPES: readonly MessageType[] = Object.keys(BODIES) as MessageType[]

export function randomMessage(random: Random, type: MessageType, route: Route = ROUTE): Message {
  const envelope = {
    group: position(random),
    ...route,
    fromGeneration: position(random),
    toGeneration: position(random),
    term: position(random),
  }
  return { ...envelope, type, ...BODIES[type](random) } as Message
}

/** The same for ever: what golden bytes are made of. */
export function goldenMessages(): Message[] {
  return MESSAGE_TYPES.map((type, at) => randomMessage(new SeededRandom(BigInt(at)), type))
}

export function heartbeat(group: number, route: Route = ROUTE): Message {
  const envelope = { group, ...route, fromGeneration: 1, toGeneration: 1, term: 7 }
  return { ...envelope, type: 'heartbeat-request', commit: 1_000, round: 12, quiesce: false }
}
