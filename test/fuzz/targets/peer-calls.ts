/** What members ask each other, and what those ask who want to become one. An input's first byte chooses who reads the rest. */

import { DecodeError } from '../../../src/base/bytes.ts'
import * as member from '../../../src/cluster/member-calls.ts'
import { decodeAnswer, encodeAnswer } from '../../../src/cluster/routing/answer-codec.ts'
import { decodeCall, encodeCall } from '../../../src/cluster/routing/call-codec.ts'
import {
  ANSWER_KINDS,
  CALL_TYPES,
  randomAnswer,
  randomCall,
} from '../../../src/cluster/routing/testing/random-messages.ts'
import * as visit from '../../../src/cluster/visit-codec.ts'
import * as copy from '../../../src/group/snapshot/copy-codec.ts'
import { SeededRandom } from '../../../src/host/random.ts'
import { decodeConfiguration, encodeConfiguration } from '../../../src/raft/configuration-codec.ts'
import { initialConfiguration } from '../../../src/raft/membership.ts'
import type { FuzzTarget, Outcome } from '../target.ts'
import { refusal } from '../target.ts'

interface Reader {
  readonly samples: readonly Uint8Array[]
  readonly decode: (bytes: Uint8Array) => unknown
}

const PEERS = [
  { member: 1, address: 'one:7001' },
  { member: 300, address: '[::1]:2' },
]
const ADDRESSES = { peer: 'one:7001', http: 'one:8080', postgres: null }
const NEWCOMER = { token: 'abc', name: 'one', addresses: ADDRESSES }
const STANDING = { token: 't', peerAddress: 'a:1', cluster: 'c', member: 1, expected: 3, peers: PEERS }
const CONFIGURATION = initialConfiguration(
  [1, 2, 3].map((id) => ({ id, generation: 1 })),
  [{ id: 4, generation: 7 }],
)
const COPY = {
  id: new Uint8Array(copy.COPY_ID_BYTES).fill(5),
  metadata: { index: 90, term: 4, configuration: CONFIGURATION },
  digest: new Uint8Array(32).fill(6),
  sizeBytes: 1_000_000,
}
const REQUEST = {
  group: 3,
  from: 1,
  fromGeneration: 1,
  to: 2,
  toGeneration: 8,
  term: 4,
  type: 'snapshot-request',
  snapshot: COPY.metadata,
} as const

function readers(): Reader[] {
  const random = new SeededRandom(11n)
  return [
    { samples: CALL_TYPES.map((type) => encodeCall(randomCall(random, type)).slice()), decode: decodeCall },
    {
      samples: ANSWER_KINDS.map((kind) => encodeAnswer(randomAnswer(random, kind)).slice()),
      decode: decodeAnswer,
    },
    {
      samples: [
        copy.encodeTransfer({ purpose: 'follow', copy: COPY, request: REQUEST }),
        copy.encodeTransfer({ purpose: 'heal', copy: COPY, group: 3 }),
      ],
      decode: copy.decodeTransfer,
    },
    { samples: [copy.encodePull({ group: 3, position: 77 })], decode: copy.decodePull },
    { samples: [visit.encodeNewcomer(NEWCOMER)], decode: visit.decodeNewcomer },
    { samples: [visit.encodeStanding(STANDING)], decode: visit.decodeStanding },
    { samples: [visit.encodeClaim({ granted: true, promisedTo: 'a:1' })], decode: visit.decodeClaim },
    {
      samples: [visit.encodeAdmission({ cluster: 'c', member: 4, peers: PEERS })],
      decode: visit.decodeAdmission,
    },
    { samples: [member.encodeAnnouncement(ADDRESSES)], decode: member.decodeAnnouncement },
    { samples: [member.encodeTransfer({ group: 3, to: 2 })], decode: member.decodeTransfer },
    { samples: [member.encodeYesOrNo(true)], decode: member.decodeYesOrNo },
    {
      samples: [encodeConfiguration(CONFIGURATION)],
      decode: (bytes) => {
        if (decodeConfiguration(bytes) === null) throw new DecodeError('no configuration', 0)
      },
    },
  ]
}

export const peerCalls: FuzzTarget = {
  name: 'peer-calls',
  what: 'calls, answers and requests to join, from another member',
  testInputs: 20_000,
  async open() {
    const all = readers()
    return {
      corpus: all.flatMap(({ samples }, number) => samples.map((bytes) => Uint8Array.of(number, ...bytes))),
      feed: (input) => read(all[(input[0] ?? 0) % all.length] as Reader, input.subarray(1)),
      allocationBytesMax: 4 * 1024 * 1024,
    }
  },
}

function read({ decode }: Reader, bytes: Uint8Array): Outcome {
  try {
    decode(bytes)
    return 'taken'
  } catch (error) {
    return error instanceof DecodeError ? 'refused' : refusal(error, ['REQUEST_INVALID'])
  }
}
