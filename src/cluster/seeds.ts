/** A member that was away asks the addresses of its options where the others are now. */

import { DecodeError } from '../base/bytes.ts'
import { VISIT_KINDS } from './call-kinds.ts'
import type { ClusterOptions } from './enter-cluster.ts'
import type { MemberIdentity, PeerAddress } from './identity.ts'
import type { VisitOutcome, VisitRequest } from './transport/visit.ts'
import { decodeStanding } from './visit-codec.ts'

const TIMEOUT_MS = 2_000

/** Members of the same cluster that answer there, and those that they know. Never rejects. */
export async function askSeeds(
  { seeds }: ClusterOptions,
  { cluster, member }: MemberIdentity,
  visit: (address: string, request: VisitRequest) => Promise<VisitOutcome>,
): Promise<PeerAddress[]> {
  const addresses = await seeds().catch(() => [])
  const request = { kind: VISIT_KINDS.hello, payload: new Uint8Array(), timeoutMs: TIMEOUT_MS }
  const outcomes = await Promise.all(addresses.map((address) => visit(address, request)))
  return outcomes.flatMap((outcome) => {
    if (outcome.kind !== 'answered') return []
    try {
      const standing = decodeStanding(outcome.payload)
      if (standing.cluster !== cluster || standing.member === member) return []
      return [{ member: standing.member, address: standing.peerAddress }]
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return []
    }
  })
}
