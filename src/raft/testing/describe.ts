/** Readable one-line texts of what goes through the core: for golden transcripts, traces and failures. */

import { unreachable } from '../../base/assert.ts'
import type { RaftStatus } from '../api.ts'
import { INITIAL_GENERATION } from '../entry.ts'
import type { Entry, HardState, ReplicaId, SnapshotMetadata } from '../entry.ts'
import { generationOrigin, isJoint } from '../membership.ts'
import type { Configuration } from '../membership.ts'
import { decodeConfiguration } from '../configuration-codec.ts'
import type { Message } from '../message.ts'
import type { Leadership, Ready, StorageWrite } from '../ready.ts'

/** `2`, or for a generation that is not the first `2.7.0`: the first that was given out in term 7. */
export function describeReplicaId({ id, generation }: ReplicaId): string {
  if (generation === INITIAL_GENERATION) return `${id}`
  const { term, count } = generationOrigin(generation)
  return `${id}.${term}.${count}`
}

function describeReplicas(replicas: readonly ReplicaId[]): string {
  return `(${replicas.map(describeReplicaId).join(' ')})`
}

/** `(1 2 3)`, or `(1 2)&&(1 2 3) learners (4) learners-next (3) auto-leave`. */
export function describeConfiguration(configuration: Configuration): string {
  const parts = [describeReplicas(configuration.voters)]
  if (isJoint(configuration)) parts[0] += `&&${describeReplicas(configuration.votersOutgoing)}`
  if (configuration.learners.length > 0) parts.push(`learners ${describeReplicas(configuration.learners)}`)
  if (configuration.learnersNext.length > 0)
    parts.push(`learners-next ${describeReplicas(configuration.learnersNext)}`)
  if (configuration.autoLeave) parts.push('auto-leave')
  return parts.join(' ')
}

function describeData(data: Uint8Array): string {
  return data.length > 20 ? `${data.length} bytes` : JSON.stringify(String.fromCharCode(...data))
}

/** `term/index` and what it is. */
export function describeEntry(entry: Entry): string {
  const position = `${entry.term}/${entry.index}`
  if (entry.kind === 'command') return `${position} ${describeData(entry.data)}`
  if (entry.kind === 'empty') return `${position} empty`
  return `${position} ${describeConfiguration(decodeConfiguration(entry.data)!)}`
}

function describeEntries(entries: readonly Entry[]): string {
  return `[${entries.map(describeEntry).join(', ')}]`
}

function describeSnapshot({ index, term, configuration }: SnapshotMetadata): string {
  return `snapshot ${term}/${index} ${describeConfiguration(configuration)}`
}

export function describeHardState({ term, votedFor, commit }: HardState): string {
  return `term ${term} vote ${votedFor === null ? 'none' : describeReplicaId(votedFor)} commit ${commit}`
}

function describeBody(message: Message): string {
  switch (message.type) {
    case 'append-request': {
      const { previousTerm, previousIndex, entries, commit } = message
      return `after ${previousTerm}/${previousIndex} commit ${commit} ${describeEntries(entries)}`
    }
    case 'append-accepted':
      return `up to ${message.index}`
    case 'append-rejected':
      return `at ${message.previousIndex} hint ${message.hintTerm}/${message.hintIndex}`
    case 'heartbeat-request':
      return `commit ${message.commit} round ${message.round}${message.quiesce ? ' quiesce' : ''}`
    case 'heartbeat-response':
      return `round ${message.round}`
    case 'pre-vote-request':
      return `last ${message.lastTerm}/${message.lastIndex}`
    case 'vote-request':
      return `last ${message.lastTerm}/${message.lastIndex}${message.forced ? ' forced' : ''}`
    case 'pre-vote-response':
    case 'vote-response':
      return message.granted ? 'yes' : 'no'
    case 'snapshot-request':
      return describeSnapshot(message.snapshot)
    case 'read-index-response':
      return `index ${message.index}`
    case 'read-index-request':
    case 'stale-leader':
    case 'timeout-now':
    case 'wake-request':
    case 'tombstone-notice':
      return ''
    default:
      return unreachable(message)
  }
}

/** `1→2 append-request t1 after 1/1 commit 1 [1/2 "x"]`. */
export function describeMessage(message: Message): string {
  const from = describeReplicaId({ id: message.from, generation: message.fromGeneration })
  const to = describeReplicaId({ id: message.to, generation: message.toGeneration })
  return `${from}→${to} ${message.type} t${message.term} ${describeBody(message)}`.trimEnd()
}

export function describeLeadership({ role, term, leader, removed }: Leadership): string {
  const led = leader === null ? 'no leader' : `leader ${describeReplicaId(leader)}`
  return `${role} t${term}, ${led}${removed ? ', removed' : ''}`
}

export function describeWrite(write: StorageWrite): string {
  const parts: string[] = []
  if (write.hardState !== null) parts.push(describeHardState(write.hardState))
  if (write.snapshot !== null) parts.push(describeSnapshot(write.snapshot))
  if (write.entries.length > 0) parts.push(describeEntries(write.entries))
  return `write ${write.number}: ${parts.join('; ')}`
}

/** One line for each thing to do. */
export function describeReady(ready: Ready): string[] {
  const lines: string[] = []
  if (ready.leadership !== null) lines.push(describeLeadership(ready.leadership))
  if (ready.write !== null) lines.push(describeWrite(ready.write))
  for (const message of ready.messages) lines.push(`send ${describeMessage(message)}`)
  if (ready.committed.length > 0) lines.push(`apply ${describeEntries(ready.committed)}`)
  for (const { context, index } of ready.readStates) lines.push(`read ${context} at ${index}`)
  for (const { context, reason } of ready.readFailures) lines.push(`read ${context} failed: ${reason}`)
  return lines
}

/** A replica in one line, and a leader's followers in one more each. */
export function describeStatus(status: RaftStatus): string[] {
  const { firstIndex, lastIndex, lastTerm, durableIndex, commit, applied } = status
  const flags = [
    status.quiesced ? 'quiesced' : '',
    status.diskStalled ? 'disk stalled' : '',
    status.installingSnapshot ? 'installing a snapshot' : '',
    status.transferee === null ? '' : `transferring to ${status.transferee}`,
  ].filter((flag) => flag !== '')
  return [
    `${describeLeadership(status)}${flags.map((flag) => `, ${flag}`).join('')}`,
    `log ${firstIndex}..${lastIndex} last term ${lastTerm} durable ${durableIndex} commit ${commit} applied ${applied}`,
    `configuration ${describeConfiguration(status.configuration)}`,
    ...status.followers.map(
      (follower) =>
        `follower ${describeReplicaId(follower)} ${follower.state} match ${follower.match} next ${follower.next}` +
        (follower.inflightMessages > 0 ? ` inflight ${follower.inflightMessages}` : '') +
        (follower.pendingSnapshot > 0 ? ` snapshot ${follower.pendingSnapshot}` : '') +
        (follower.recentlyActive ? '' : ' inactive'),
    ),
  ]
}
