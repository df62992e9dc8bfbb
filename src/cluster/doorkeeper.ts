/** How a member answers those who are none yet: who it is, and on request a number in its cluster. */

import { HarmonyError } from '../base/errors.ts'
import { DecodeError } from '../base/bytes.ts'
import { VISIT_KINDS } from './call-kinds.ts'
import type { Catalog } from './catalog.ts'
import type { PeerAddress } from './identity.ts'
import type { IncomingCall } from './transport/call-server.ts'
import type { TransportLog } from './transport/context.ts'
import type { VisitOutcome } from './transport/visit.ts'
import * as codec from './visit-codec.ts'
import type { Newcomer, Standing } from './visit-codec.ts'

export interface DoorkeeperOptions {
  readonly cluster: string
  readonly member: number
  readonly token: string
  readonly peerAddress: () => string
  readonly catalog: Catalog
  /** Whether the catalog has its tables: a founder listens before it has. */
  readonly isFounded: () => boolean
  /** All members, this one included. */
  readonly peers: () => readonly PeerAddress[]
  readonly visit: (
    address: string,
    request: { kind: number; payload: Uint8Array; timeoutMs: number },
  ) => Promise<VisitOutcome>
  readonly log: TransportLog
}

const VISIT_BACK_TIMEOUT_MS = 5_000

export class Doorkeeper {
  readonly #options: DoorkeeperOptions

  constructor(options: DoorkeeperOptions) {
    this.#options = options
  }

  async answer({ kind, payload }: IncomingCall): Promise<Uint8Array> {
    switch (kind) {
      case VISIT_KINDS.hello:
        return codec.encodeStanding(this.#standing())
      case VISIT_KINDS.claim:
        return codec.encodeClaim({ granted: false, promisedTo: this.#options.peerAddress() })
      case VISIT_KINDS.join:
        return this.#join(newcomerOf(payload))
      default:
        throw new HarmonyError('REQUEST_INVALID', `There is no visit of kind ${kind}.`)
    }
  }

  #standing(): Standing {
    const { token, cluster, member, peerAddress, peers } = this.#options
    return { token, peerAddress: peerAddress(), cluster, member, expected: 0, peers: peers() }
  }

  async #join(newcomer: Newcomer): Promise<Uint8Array> {
    if (!this.#options.isFounded())
      throw new HarmonyError('NOT_LEADER', 'The cluster is being founded at this moment. Try again.')
    await this.#visitBack(newcomer)
    const { catalog, cluster, peers, log } = this.#options
    const { member, replaced } = await catalog.join(newcomer)
    const address = newcomer.addresses.peer
    log('info', 'A member joined', { member, address, ...(replaced !== null && { replaced }) })
    return codec.encodeAdmission({ cluster, member, peers: [...peers()] })
  }

  /**
   * Makes sure that the newcomer is the one that answers at its address: that others can reach it, and that the member that had the address
   * before, if there was one, is not there any more and may be replaced.
   */
  async #visitBack({ token, addresses: { peer } }: Newcomer): Promise<void> {
    const { visit } = this.#options
    const request = {
      kind: VISIT_KINDS.hello,
      payload: new Uint8Array(),
      timeoutMs: VISIT_BACK_TIMEOUT_MS,
    }
    const outcome = await visit(peer, request)
    if (outcome.kind !== 'answered')
      throw refused(
        `nobody answers at its address ${peer} (${problemOf(outcome)}). Set --peer-advertise to where others reach it.`,
      )
    const standing = codec.decodeStanding(outcome.payload)
    if (standing.token === token) return
    throw refused(
      `another one answers at its address ${peer}` +
        `${standing.member === 0 ? '' : `: member ${standing.member}`}. Set --peer-advertise to an address of its own.`,
    )
  }
}

function newcomerOf(payload: Uint8Array): Newcomer {
  try {
    return codec.decodeNewcomer(payload)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new HarmonyError('REQUEST_INVALID', `The request to join can't be read: ${error.message}.`)
  }
}

function refused(why: string): HarmonyError {
  return new HarmonyError('MEMBERSHIP_REFUSED', `The new member was not taken: ${why}`)
}

function problemOf(outcome: Exclude<VisitOutcome, { kind: 'answered' }>): string {
  if (outcome.kind === 'failed') return outcome.message
  return 'problem' in outcome ? outcome.problem : outcome.reason
}
