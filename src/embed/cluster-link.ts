/** The options by which an embedded member is one of several, from the application's form into the cluster's. */

import { HarmonyError } from '../base/errors.ts'
import type { ClusterOptions } from '../cluster/enter-cluster.ts'
import { couldFoundTwo } from '../cluster/enter-cluster.ts'
import { parsePeerAddress } from '../cluster/peer-address.ts'
import { SECRET_BYTES_MIN } from '../cluster/transport/handshake.ts'
import { TRANSPORT_DEFAULTS } from '../cluster/transport/limits.ts'
import { isDnsSeed, resolveSeeds } from '../host/seed-addresses.ts'
import { SystemNetwork } from '../host/system-network.ts'

/** Plain data: it goes to the core's thread. */
export interface PeerOptions {
  /** HOST:PORT where this member listens for the others. */
  readonly listen: string
  /** HOST:PORT by which the others reach it. Default: `listen`. */
  readonly advertise?: string
  /**
   * All members that found the cluster together, this one included: the same list on each of them, as HOST:PORT, or one
   * `dns:NAME:PORT` for all addresses of a name. Without it and without `join`, an empty folder becomes a cluster of one,
   * which others may join.
   */
  readonly peers?: readonly string[]
  /** How many of `peers` must be there before they found a cluster. More than half. Default: all of them. */
  readonly expect?: number
  /** Members of a cluster that this one is to join, with an empty folder. Instead of `peers`. */
  readonly join?: readonly string[]
  /** What all members prove to each other that they know: 16 random characters or more. */
  readonly secret: string
  /** Talk to the other members over TLS: PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
}

/** Throws ARGS_INVALID. */
export function checkPeerOptions({ listen, advertise, peers, expect, join, secret }: PeerOptions): void {
  for (const address of [listen, ...(advertise === undefined ? [] : [advertise])]) parsePeerAddress(address)
  for (const seed of [...(peers ?? []), ...(join ?? [])]) if (!isDnsSeed(seed)) parsePeerAddress(seed)
  if (peers !== undefined && join !== undefined)
    throw invalid('Either `peers`, to found a cluster, or `join`, to become a member of one: not both.')
  if (Buffer.byteLength(secret) < SECRET_BYTES_MIN)
    throw invalid(
      `\`secret\` must have ${SECRET_BYTES_MIN} random characters or more, the same on all members.`,
    )
  if (peers?.some(isDnsSeed) === true && expect === undefined)
    throw invalid('With a DNS name in `peers`, `expect` must say how many members found the cluster.')
  if (expect !== undefined && couldFoundTwo(expect, peers ?? []))
    throw invalid(
      `\`expect\` ${expect} is not more than half of the \`peers\`: two clusters could come of them.`,
    )
}

export function toClusterOptions(options: PeerOptions): ClusterOptions {
  const { listen, advertise, peers, expect, join, secret, tls } = options
  return {
    listen: parsePeerAddress(listen),
    advertise: advertise ?? null,
    secret: Buffer.from(secret),
    network: new SystemNetwork(
      tls === undefined ? null : { certificate: tls.cert, privateKey: tls.key, authority: tls.ca },
    ),
    seeds: () => resolveSeeds(join ?? peers ?? []),
    start:
      join !== undefined
        ? 'join'
        : peers === undefined
          ? 'found-alone'
          : { expected: expect ?? new Set(peers).size },
    limits: TRANSPORT_DEFAULTS,
  }
}

function invalid(message: string): HarmonyError {
  return new HarmonyError('ARGS_INVALID', message)
}
