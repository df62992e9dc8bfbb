/**
 * What a member still holds for requests. When no client asks for anything and everything is at rest it must be nothing, whatever faults came
 * before: what stays then is never let go, and a member that runs for months fills its memory with it.
 */

import type { MemberHere } from './member-here.ts'

/** The default of the journal, which no run changes. */
const CACHE_BYTES_MAX = 32 * 1024 * 1024

/** Names and numbers of what is left; empty where nothing is. */
export function leftoversOf(member: MemberHere): string[] {
  const { databases, journal, transport, routing } = member.stats()
  const counts: Record<string, number> = {
    'transactions of other members': routing?.heldTransactions ?? 0,
    'bytes on their way to the disk': journal?.pendingBytes ?? 0,
    'bytes of the cache beyond its bound': Math.max(0, (journal?.cacheBytes ?? 0) - CACHE_BYTES_MAX),
    'writes that wait for the disk': journal?.pendingMs ?? 0,
  }
  for (const { database, openTransactions, waitingTransactions } of databases) {
    counts[`open transactions of ${database}`] = openTransactions
    counts[`waiting transactions of ${database}`] = waitingTransactions
  }
  for (const { member: peer, activeCalls, activeStreams, queuedBytes } of transport?.links ?? []) {
    counts[`calls to member ${peer}`] = activeCalls
    counts[`streams to member ${peer}`] = activeStreams
    counts[`bytes for member ${peer}`] = queuedBytes
  }
  for (const { member: peer, activeCalls, activeStreams } of transport?.inbound ?? []) {
    counts[`calls of member ${peer}`] = activeCalls
    counts[`streams of member ${peer}`] = activeStreams
  }
  return Object.entries(counts).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []))
}
