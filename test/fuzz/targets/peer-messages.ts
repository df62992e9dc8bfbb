/** Frames of Raft messages, as a peer sends them: cut into frames, checked, decoded. The connection around them is `peer-connection.ts`. */

import { DecodeError } from '../../../src/base/bytes.ts'
import { crc32c } from '../../../src/base/crc32c.ts'
import { FRAME_HEADER_BYTES, FrameReader, encodeFrame } from '../../../src/cluster/transport/frame.ts'
import { MessagesEncoder, decodeMessages } from '../../../src/cluster/transport/message-codec.ts'
import {
  MESSAGE_TYPES,
  ROUTE,
  goldenMessages,
  randomMessage,
} from '../../../src/cluster/transport/testing/random-messages.ts'
import { SeededRandom } from '../../../src/host/random.ts'
import type { Message } from '../../../src/raft/message.ts'
import type { FuzzTarget, Outcome } from '../target.ts'

/** As large as the transport allows: what is allocated must follow what arrives, and not what a length field says. */
const FRAME_BYTES_MAX = 128 * 1024 * 1024

export const peerMessages: FuzzTarget = {
  name: 'peer-messages',
  what: 'frames of Raft messages, from another member',
  testInputs: 15_000,
  async open() {
    const random = new SeededRandom(7n)
    const several = MESSAGE_TYPES.map((type) => randomMessage(random, type))
    return {
      corpus: [...goldenMessages().map((message) => framed([message])), framed(several)],
      repair: (input, chance) => (chance.oneIn(8) ? input : sealFrames(input)),
      feed: read,
      allocationBytesMax: 4 * 1024 * 1024,
    }
  },
}

function framed(messages: readonly Message[]): Uint8Array {
  const encoder = new MessagesEncoder(ROUTE)
  for (const message of messages) encoder.add(message)
  return new Uint8Array(Buffer.concat(encodeFrame('messages', 0, encoder.finish())))
}

function read(input: Uint8Array): Outcome {
  const reader = new FrameReader(FRAME_BYTES_MAX)
  // In two pieces, as a network may deliver it.
  const cut = (input[0] ?? 0) % Math.max(1, input.length)
  let count = 0
  try {
    for (const piece of [input.subarray(0, cut), input.subarray(cut)])
      reader.push(piece, ({ payload }) => {
        count += decodeMessages(payload, ROUTE).length
      })
  } catch (error) {
    if (error instanceof DecodeError) return 'refused'
    throw error
  }
  return count > 0 ? 'taken' : 'refused'
}

/** Makes lengths and checksums of frames right: of the first for what is there, of further ones by their lengths. */
export function sealFrames(input: Uint8Array): Uint8Array {
  const sealed = input.slice()
  const view = new DataView(sealed.buffer)
  for (let at = 0; at + FRAME_HEADER_BYTES <= sealed.length;) {
    const left = sealed.length - at - FRAME_HEADER_BYTES
    const lengthBytes = Math.min(view.getUint32(at + 4, true), left)
    view.setUint32(at + 4, lengthBytes, true)
    const end = at + FRAME_HEADER_BYTES + lengthBytes
    view.setUint32(at, crc32c(sealed, 0, at + 4, end), true)
    at = end
  }
  return sealed
}
