/**
 * Whether a message holds together, before anything believes it. A codec has given it its shape at best; a
 * peer with a bug, or one that is hostile, can put anything into it.
 */

import { decodeConfiguration } from './configuration-codec.ts'
import { isPosition } from './entry.ts'
import type { Entry, SnapshotMetadata } from './entry.ts'
import { configurationProblem } from './membership.ts'
import type { AppendRequest, Message } from './message.ts'

/** Whether every field is what its type says, and they fit each other. */
export function isWellFormed(message: Message): boolean {
  return isEnvelope(message) && hasBody(message)
}

function isEnvelope(message: Message): boolean {
  return (
    isPosition(message.term) &&
    isPosition(message.group) &&
    isPosition(message.from) &&
    isPosition(message.fromGeneration) &&
    isPosition(message.to) &&
    isPosition(message.toGeneration) &&
    message.from > 0 &&
    message.fromGeneration > 0
  )
}

function hasBody(message: Message): boolean {
  switch (message.type) {
    case 'append-request':
      return isAppend(message)
    case 'append-accepted':
      return isPosition(message.index)
    case 'append-rejected':
      return (
        isPosition(message.previousIndex) && isPosition(message.hintIndex) && isPosition(message.hintTerm)
      )
    case 'heartbeat-request':
      return isPosition(message.commit) && isPosition(message.round) && typeof message.quiesce === 'boolean'
    case 'heartbeat-response':
      return isPosition(message.round)
    case 'pre-vote-request':
      return isLogEnd(message)
    case 'vote-request':
      return isLogEnd(message) && typeof message.forced === 'boolean'
    case 'pre-vote-response':
    case 'vote-response':
      return typeof message.granted === 'boolean'
    case 'snapshot-request':
      return isSnapshot(message.snapshot, message.term)
    case 'read-index-request':
      return isPosition(message.request)
    case 'read-index-response':
      return isPosition(message.request) && isPosition(message.index)
    case 'stale-leader':
    case 'timeout-now':
    case 'wake-request':
    case 'tombstone-notice':
      return true
    default:
      return false
  }
}

function isLogEnd(message: { term: number; lastIndex: number; lastTerm: number }): boolean {
  return isPosition(message.lastIndex) && isPosition(message.lastTerm) && message.lastTerm < message.term
}

function isAppend(message: AppendRequest): boolean {
  const { previousIndex, previousTerm, commit, entries, term } = message
  if (!isPosition(previousIndex) || !isPosition(previousTerm) || !isPosition(commit)) return false
  if (!Array.isArray(entries) || previousTerm > term) return false
  let index = previousIndex
  let entryTerm = previousTerm
  for (const entry of entries as readonly Entry[]) {
    index += 1
    if (!isEntry(entry, index) || entry.term < entryTerm || entry.term > term) return false
    entryTerm = entry.term
  }
  return isPosition(index)
}

/** An entry for `index`. The term 0 belongs to the point before the first entry alone. */
function isEntry(entry: Entry, index: number): boolean {
  if (typeof entry !== 'object' || entry === null) return false
  if (entry.index !== index || !isPosition(entry.term) || entry.term === 0) return false
  if (!(entry.data instanceof Uint8Array)) return false
  if (entry.kind === 'command' || entry.kind === 'empty') return true
  return entry.kind === 'membership' && decodeConfiguration(entry.data)?.index === index
}

function isSnapshot(snapshot: SnapshotMetadata, term: number): boolean {
  if (typeof snapshot !== 'object' || snapshot === null) return false
  if (!isPosition(snapshot.index) || !isPosition(snapshot.term) || snapshot.index === 0) return false
  if (snapshot.term === 0 || snapshot.term > term) return false
  return isConfiguration(snapshot) && snapshot.configuration.index <= snapshot.index
}

function isConfiguration(snapshot: SnapshotMetadata): boolean {
  const { configuration } = snapshot
  if (typeof configuration !== 'object' || configuration === null) return false
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = configuration
  const lists: readonly unknown[] = [voters, votersOutgoing, learners, learnersNext]
  if (!lists.every(isObjectList) || typeof autoLeave !== 'boolean') return false
  return voters.length > 0 && configurationProblem(configuration) === null
}

function isObjectList(list: unknown): boolean {
  return Array.isArray(list) && list.every((item) => typeof item === 'object' && item !== null)
}
