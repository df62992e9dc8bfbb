/** Which member of which cluster this process is, for this start: read from the data folder, or got by founding or joining. */

import { HarmonyError } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import type { Network, NetworkAddress } from '../host/network.ts'
import { formatAddress } from '../host/network.ts'
import type { Random } from '../host/random.ts'
import type { DataFolder } from './data-folder.ts'
import type { MemberIdentity } from './identity.ts'
import { foundingIdentity, readIdentity, writeIdentity } from './identity.ts'
import { putAside } from './lost-journal.ts'
import { Newcomers } from './newcomer.ts'
import { parsePeerAddress } from './peer-address.ts'
import type { TransportLog } from './transport/context.ts'
import type { TransportLimits } from './transport/limits.ts'
import { PeerTransport } from './transport/peer-transport.ts'
import { visit } from './transport/visit.ts'
import type { VisitOutcome, VisitRequest } from './transport/visit.ts'

/** How this member is one of several. */
export interface ClusterOptions {
  /** Where peers are listened for. */
  readonly listen: NetworkAddress
  /** HOST:PORT by which they reach this member; null: where it listens. */
  readonly advertise: string | null
  /** Random bytes that all members have, 16 or more. */
  readonly secret: Uint8Array
  readonly network: Network
  /** Peer addresses where members of the cluster, or those to found it with, may be. Asked for again and again until there is one. */
  readonly seeds: () => Promise<readonly string[]>
  /** Whether the seeds are members of a cluster that this one wants to join, or newcomers like itself. */
  readonly start: 'found-alone' | 'join' | { readonly expected: number }
  readonly limits: TransportLimits
}

export interface EntryParts {
  readonly folder: DataFolder
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly log: TransportLog
  readonly name: string
  readonly cluster: ClusterOptions | null
  readonly signal: AbortSignal
}

export interface Entry {
  readonly identity: MemberIdentity
  /** Where peers are listened for from now on; the port is not 0 any more. Null without a cluster. */
  readonly listen: NetworkAddress | null
  /** How many members found the cluster; null if it was there before this start, or this is its only member. */
  readonly expected: number | null
}

/** Two sets of so many of these addresses may have nobody in common, and found a cluster each. */
export function couldFoundTwo(expected: number, addresses: readonly string[]): boolean {
  return expected <= new Set(addresses).size / 2
}

/** Rejects with MEMBERSHIP_REFUSED if this member can't be one, DATA_CORRUPT, or a `NetworkError`. */
export async function enterCluster(parts: EntryParts): Promise<Entry> {
  const { folder, disk, cluster } = parts
  const known = await readIdentity(disk, folder.path)
  if (known?.isRemoved === true) throw removed(known.member, folder.path)
  const entry =
    known?.isLost === true
      ? await joinAnew(parts, known)
      : known !== null || cluster === null || folder.isUsed || cluster.start === 'found-alone'
        ? {
            identity: known ?? foundingIdentity(parts.random),
            listen: cluster?.listen ?? null,
            expected: null,
          }
        : await becomeMember(parts, cluster)
  const identity = { ...entry.identity, incarnation: entry.identity.incarnation + 1 }
  await writeIdentity(disk, folder.path, identity)
  await folder.markMember()
  return { ...entry, identity }
}

/** The journal of this member is damaged: from now on its folder starts by joining anew, whatever happens. */
export async function markLost({ folder, disk }: EntryParts, identity: MemberIdentity): Promise<void> {
  await writeIdentity(disk, folder.path, { ...identity, isLost: true })
}

async function joinAnew(parts: EntryParts, known: MemberIdentity): Promise<Entry> {
  const { folder, disk, clock, cluster, log } = parts
  if (cluster === null) throw lostAlone(folder.path)
  if (!known.isPutAside) {
    const aside = await putAside(folder, disk, clock)
    log('warn', 'The journal was damaged: everything is put aside, and this member joins its cluster anew', {
      member: known.member,
      folder: aside,
    })
    // Requests of an earlier start may still be carried out: under another token they would be another newcomer at this address, and replace this one.
    await writeIdentity(disk, folder.path, { ...known, isPutAside: true })
  }
  const others = known.peers.map(({ address }) => address)
  const seeds = async (): Promise<readonly string[]> => [...others, ...(await cluster.seeds())]
  return becomeMember(parts, { ...cluster, seeds, start: 'join' })
}

function lostAlone(folder: string): HarmonyError {
  return new HarmonyError(
    'DATA_CORRUPT',
    `The journal in ${folder} was damaged, and the member was about to join its cluster anew: start it with --peer-listen, as before.`,
  )
}

export function visitor(
  { network, secret, limits }: ClusterOptions,
  clock: Clock,
  random: Random,
): (address: string, request: VisitRequest) => Promise<VisitOutcome> {
  const context = { network, secret, limits, clock, random }
  return async (address, request) => visit(context, parsePeerAddress(address), request)
}

/** What others are told, where `--peer-advertise` says nothing. */
export function advertisedAddress(cluster: ClusterOptions, listen: NetworkAddress): string {
  return cluster.advertise ?? formatAddress(listen)
}

async function becomeMember(
  { folder, clock, random, log, name, signal }: EntryParts,
  cluster: ClusterOptions,
): Promise<Entry> {
  const { network, secret, limits, start, seeds } = cluster
  // Answers other newcomers, which may ask before this one can say where it is.
  let newcomers: Newcomers | null = null
  const transport = new PeerTransport({
    own: { cluster: '', member: 0, incarnation: 0 },
    secret,
    network,
    clock,
    random,
    limits,
    log,
    handlers: {
      messages: () => {},
      call: () => Promise.reject(notYet()),
      visit: (call) => newcomers?.answer(call) ?? Promise.reject(notYet()),
      stream: () => Promise.reject(notYet()),
      connected: () => {},
      unreachable: () => {},
      departed: () => {},
    },
  })
  const listen = await transport.listen(cluster.listen)
  try {
    const peer = advertisedAddress(cluster, listen)
    newcomers = new Newcomers({
      self: { token: folder.format.member, name, addresses: { peer, http: null, postgres: null } },
      addresses: seeds,
      expected: typeof start === 'object' ? start.expected : 0,
      visit: visitor(cluster, clock, random),
      clock,
      random,
      log,
      signal,
    })
    const expected = typeof start === 'object' ? start.expected : null
    return { identity: await newcomers.settle(), listen, expected }
  } finally {
    await transport.close()
  }
}

function notYet(): HarmonyError {
  return new HarmonyError('NOT_LEADER', 'This member belongs to no cluster yet. Try again.')
}

export function removed(member: number, folder: string): HarmonyError {
  return new HarmonyError(
    'MEMBERSHIP_REFUSED',
    `Member ${member}, to which the data folder ${folder} belongs, was removed from its cluster. Nothing in it is needed there any ` +
      'more: move it away, and start with an empty one to join anew.',
  )
}
