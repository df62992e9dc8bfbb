/** What a group offers to whoever moves its snapshots, put together from the group's parts. */

import type { Engine } from '../engine/engine.ts'
import type { HarmonyError } from '../base/errors.ts'
import { bestSuccessor } from './hand-over.ts'
import type { RaftLog } from './raft-log.ts'
import type { SnapshotHost } from './snapshot-mover.ts'
import type { StateMachine } from './state-machine.ts'
import { DAMAGE_CODES } from './state-machine.ts'
import type { WriterQueue } from './writer-lease.ts'

export interface SnapshotHostParts {
  readonly group: number
  readonly name: string
  readonly dataFile: string
  readonly log: RaftLog
  readonly machine: StateMachine
  readonly writer: WriterQueue
  readonly replaceFile: (index: number, work: () => Promise<void>) => Promise<void>
}

export function snapshotHostOf(parts: SnapshotHostParts): SnapshotHost {
  const { group, name, dataFile, log, machine, replaceFile } = parts
  return {
    group,
    database: name,
    dataFile,
    get baseIndex() {
      return log.base.index
    },
    get commitIndex() {
      return log.commitIndex
    },
    get position() {
      return machine.position
    },
    get leader() {
      return log.leader
    },
    get isLeading() {
      return log.leadingFrom !== null
    },
    get damage() {
      return damageOf(machine)
    },
    withEngine: (work) => withEngine(parts, work),
    snapshotMetadata: (index) => log.replica?.snapshotMetadata(index) ?? null,
    logGoesOnFrom: ({ index, term }) => log.term(index) === term,
    step: (request) => log.receive([request]),
    reportSnapshot: (member, outcome) => log.replica?.input((raft) => raft.reportSnapshot(member, outcome)),
    replaceFile,
    handOver: () => handOver(log),
  }
}

/** Why the file can't become what the log says, as far as that is known; null if it can. */
export function damageOf({ isCurrent, failure }: StateMachine): HarmonyError | null {
  return !isCurrent && failure !== null && DAMAGE_CODES.has(failure.code) ? failure : null
}

/** Only getting the engine takes the writer: what is done with it then must not keep transactions waiting. */
async function withEngine<T>(
  { writer, machine }: SnapshotHostParts,
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const lease = await writer.acquire(null)
  let engine
  try {
    engine = await machine.current()
  } finally {
    lease.release()
  }
  return work(engine)
}

function handOver(log: RaftLog): void {
  const { replica } = log
  const successor = replica === null ? null : bestSuccessor(replica.raft.status())
  if (successor !== null) log.transferLeadership(successor)
}
