/**
 * Which member of which cluster a data folder belongs to: the file `identity`, JSON, replaced as a whole.
 *
 * It is written before the member acts under its number for the first time, and at every start, because the incarnation has
 * to grow: peers refuse an older one, so a copy of the folder can't pass for the member that it was copied from.
 *
 * The addresses of the peers are here besides the catalog, because a member that starts must reach them to learn anything newer.
 */

import { HarmonyError } from '../base/errors.ts'
import type { Disk } from '../host/disk.ts'
import { readWhole, replaceWhole } from '../host/disk.ts'
import type { Random } from '../host/random.ts'

export const IDENTITY_FILE = 'identity'
const IDENTITY_FORMAT = 1
const CLUSTER_ID_BYTES = 8

export interface PeerAddress {
  readonly member: number
  /** HOST:PORT of its peer port. */
  readonly address: string
}

export interface MemberIdentity {
  readonly cluster: string
  readonly member: number
  /** Of the last start. */
  readonly incarnation: number
  /** The others, as last known. */
  readonly peers: readonly PeerAddress[]
  /** This member was removed from the cluster: the folder is of no more use to it. */
  readonly isRemoved: boolean
  /** Its journal was damaged: the folder joins the cluster anew (`lost-journal.ts`). */
  readonly isLost: boolean
  /** Everything was put aside, and the folder has the token under which it asks to join: the same at every start until it has joined. */
  readonly isPutAside: boolean
}

/** Of the member that founds a cluster. */
export function foundingIdentity(random: Random): MemberIdentity {
  const cluster = Buffer.from(random.bytes(CLUSTER_ID_BYTES)).toString('hex')
  return { cluster, member: 1, incarnation: 0, peers: [], isRemoved: false, isLost: false, isPutAside: false }
}

/** Null for a folder that belongs to no cluster yet. Rejects with DATA_CORRUPT or FORMAT_TOO_NEW. */
export async function readIdentity(disk: Disk, folder: string): Promise<MemberIdentity | null> {
  const path = `${folder}/${IDENTITY_FILE}`
  const bytes = await readWhole(disk, path)
  if (bytes === null) return null
  const fields = parseObject(bytes)
  if (Number(fields?.['format']) > IDENTITY_FORMAT) {
    throw new HarmonyError(
      'FORMAT_TOO_NEW',
      `The file ${path} was written by a later version. Start that version.`,
    )
  }
  const identity = fields === null ? null : identityOf(fields)
  if (identity !== null) return identity
  throw new HarmonyError(
    'DATA_CORRUPT',
    `The file ${path} is damaged, so it can't be told which member this is. Restore the folder from a backup, or move it ` +
      'aside and let the member join its cluster anew.',
  )
}

export async function writeIdentity(disk: Disk, folder: string, identity: MemberIdentity): Promise<void> {
  const text = JSON.stringify({ format: IDENTITY_FORMAT, ...identity }, null, 2)
  await replaceWhole(disk, folder, IDENTITY_FILE, new TextEncoder().encode(`${text}\n`))
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function identityOf(fields: Readonly<Record<string, unknown>>): MemberIdentity | null {
  const { cluster, member, incarnation, peers, isRemoved, isLost = false, isPutAside = false } = fields
  if (typeof cluster !== 'string' || cluster === '') return null
  if (!isCount(member, 1) || !isCount(incarnation, 0) || typeof isRemoved !== 'boolean') return null
  if (typeof isLost !== 'boolean' || typeof isPutAside !== 'boolean') return null
  if (!Array.isArray(peers) || !peers.every(isPeerAddress)) return null
  return { cluster, member, incarnation, peers, isRemoved, isLost, isPutAside }
}

function isPeerAddress(value: unknown): value is PeerAddress {
  const { member, address } = (value ?? {}) as Record<string, unknown>
  return isCount(member, 1) && typeof address === 'string'
}

function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least
}
