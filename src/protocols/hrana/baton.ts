/**
 * Batons: what a client brings to go on with its stream over HTTP.
 *
 * Format: base64url of `version (1 byte) ‖ stream id (6) ‖ sequence number (4) ‖ HMAC-SHA256 over the bytes before (32)`.
 * The key is random and lives as long as the process: streams don't outlive it either. The sequence number grows with
 * each response, so that a baton serves once, and a request that a proxy or a client sends twice runs once.
 * (A random baton per response, kept beside the stream, was the other choice: it can't tell an expired stream from a
 * made-up one without remembering every stream there ever was.)
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const VERSION = 1
const CLAIM_BYTES = 11
const SIGNED_BYTES = CLAIM_BYTES + 32

export interface Baton {
  readonly streamId: number
  readonly sequence: number
}

export class BatonSigner {
  readonly #key: Uint8Array

  constructor(key: Uint8Array = randomBytes(32)) {
    this.#key = key
  }

  sign(baton: Baton): string {
    const claim = Buffer.alloc(CLAIM_BYTES)
    claim.writeUInt8(VERSION, 0)
    claim.writeUIntBE(baton.streamId, 1, 6)
    claim.writeUInt32BE(baton.sequence >>> 0, 7)
    return Buffer.concat([claim, this.#digest(claim)]).toString('base64url')
  }

  /** Null unless this signer made `text`. */
  verify(text: string): Baton | null {
    const bytes = Buffer.from(text, 'base64url')
    // The second comparison refuses other spellings of the same bytes: base64 has several.
    if (bytes.length !== SIGNED_BYTES || bytes.toString('base64url') !== text) return null
    const claim = bytes.subarray(0, CLAIM_BYTES)
    if (!timingSafeEqual(bytes.subarray(CLAIM_BYTES), this.#digest(claim))) return null
    if (claim.readUInt8(0) !== VERSION) return null
    return { streamId: claim.readUIntBE(1, 6), sequence: claim.readUInt32BE(7) }
  }

  /** The stream of a baton that another process may have made, which alone can verify it; null if it is none. */
  static claimedStream(text: string): number | null {
    const bytes = Buffer.from(text, 'base64url')
    return bytes.length === SIGNED_BYTES && bytes.readUInt8(0) === VERSION ? bytes.readUIntBE(1, 6) : null
  }

  #digest(claim: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(claim).digest()
  }
}
