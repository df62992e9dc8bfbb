/**
 * Where the voters of a group are, and which member should lead it: a pure function of who is in the cluster and of the
 * group's number, so that every member comes to the same answer without asking.
 *
 * Every member has a replica of every database, so a placement only deals out roles: a member that becomes a voter has
 * the data already. It still should change little when a member comes or goes, because each change of a leader is felt.
 *
 * - **The first choice** for leadership goes by seats. A member takes the lowest free seat when it joins (its replacement takes the
 *   same one), and `seatOf` deals the groups out to the seats: evenly for every stretch of group numbers, and when a seat is
 *   added, groups move to that seat only.
 * - **The other choices**, and who leads for an empty seat, go by rendezvous hashing (Thaler and Ravishankar, 1998): each member has a
 *   score for each group, which does not depend on the others.
 *
 * Rejected: group modulo members, which moves nearly every leader when a member joins; rendezvous hashing for the first
 * choice too, which for a handful of databases may well make one member lead them all; a table of placements in the
 * catalog, which somebody would have to keep.
 */

import { assert, must } from '../base/assert.ts'

/** A member that takes part in placement. */
export interface Seat {
  readonly member: number
  /** 0, 1, 2 …; no two members have the same. */
  readonly seat: number
  /** Whether it may vote. */
  readonly isVoter: boolean
}

export interface Placement {
  /** The first is the one that should lead, the others follow in the order of preference. */
  readonly voters: readonly number[]
  readonly learners: readonly number[]
}

export const CATALOG_VOTERS_MAX = 5
/** Four voters tolerate no more failures than three, and each write waits for one more. */
export const DATABASE_VOTERS_MAX = 3

/** Of `group` in a cluster of `members`, in any order. At least one of them must be a voter. */
export function placementOf(members: readonly Seat[], group: number): Placement {
  const eligible = members.filter(({ isVoter }) => isVoter)
  assert(eligible.length > 0, 'a cluster has a member that votes')
  const seat = seatOf(group, 1 + Math.max(...eligible.map((one) => one.seat)))
  const ranked = eligible.toSorted(
    (left, right) =>
      Number(right.seat === seat) - Number(left.seat === seat) ||
      scoreOf(right.member, group) - scoreOf(left.member, group) ||
      left.member - right.member,
  )
  const voters = ranked.slice(0, voterCount(group, eligible.length)).map(({ member }) => member)
  const learners = members.map(({ member }) => member).filter((member) => !voters.includes(member))
  return { voters, learners: learners.toSorted((left, right) => left - right) }
}

/**
 * Odd numbers only, but for two: of two members both vote. The second vote costs availability (either member's failure stops
 * writes) and buys that every acknowledged write is on both disks. One voter with a learner would lose acknowledged
 * writes with one disk, which nobody who starts two members expects.
 */
export function voterCount(group: number, eligible: number): number {
  const most = Math.min(eligible, group === 0 ? CATALOG_VOTERS_MAX : DATABASE_VOTERS_MAX)
  return most === 2 ? 2 : most - ((most + 1) % 2)
}

/** The lowest seat that none of these has. */
export function freeSeat(taken: readonly number[]): number {
  let seat = 0
  while (taken.includes(seat)) seat++
  return seat
}

/** Up to so many seats groups are dealt out exactly; the table for them repeats after the least common multiple. */
const EXACT_SEATS = 10
const PERIOD = 2520

/** tables[n - 1]: the seats among n, beginning with that of group 1. */
const tables: Uint8Array[] = []

/**
 * The seat among `count` that `group` belongs to. With one seat more, a group keeps its seat or moves to the new one: it moves where the
 * new seat has fewer of the groups before it than the old one. For more than `EXACT_SEATS`, chance in the right proportion
 * decides (Lamping and Veach, "A fast, minimal memory, consistent hash algorithm", 2014).
 */
export function seatOf(group: number, count: number): number {
  assert(count >= 1, 'there is a seat')
  const exact = Math.min(count, EXACT_SEATS)
  while (tables.length < exact) tables.push(nextTable(tables.length + 1, tables.at(-1)))
  // Databases begin at 1, and a cluster's first few should be led by different members.
  let seat = must(must(tables[exact - 1])[(group + PERIOD - 1) % PERIOD])
  for (let added = exact + 1; added <= count; added++) {
    if (scoreOf(added, group) % added === 0) seat = added - 1
  }
  return seat
}

function nextTable(count: number, before: Uint8Array | undefined): Uint8Array {
  const dealt = new Uint32Array(count)
  const newest = count - 1
  return Uint8Array.from({ length: PERIOD }, (_, group) => {
    const old = before?.[group] ?? 0
    const seat = must(dealt[newest]) < must(dealt[old]) ? newest : old
    dealt[seat] = must(dealt[seat]) + 1
    return seat
  })
}

/** 32 bits that depend on both numbers (the finalizer of MurmurHash3, by Austin Appleby). */
function scoreOf(member: number, group: number): number {
  let bits = Math.imul(member, 0x9e3779b1) ^ Math.imul(group + 1, 0x85ebca77)
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
