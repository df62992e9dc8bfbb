/** What a group offers to whoever moves its snapshots, put together from the group's parts. */

import type { Engine } from '../engine/engine.ts'
import { EngineEndedError } from '../engine/engine-ended.ts'
import type { HarmonyError } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import { sleep } from '../host/clock.ts'
import { bestSuccessor } from './hand-over.ts'
import type { RaftLog } from './raft-log.ts'
import type { SnapshotHost } from './snapshot-mover.ts'
import type { StateMachine } from './state-machine.ts'
import { DAMAGE_CODES } from './state-machine.ts'
import type { WriterQueue } from './writer-lease.ts'
import { WriterLease } from './writer-lease.ts'

const WRITER_POLL_MS = 50

export interface SnapshotHostParts {
  readonly group: number
  readonly name: string
  readonly dataFile: string
  readonly log: RaftLog
  readonly machine: StateMachine
  readonly writer: WriterQueue
  readonly clock: Clock
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

/**
 * Only getting the engine takes the writer: what is done with it then must not keep transactions waiting. Nor may it wait for each of them: the
 * one that holds the writer may need a majority, and that majority the member for which the copy is made.
 */
async function withEngine<T>(parts: SnapshotHostParts, work: (engine: Engine) => Promise<T>): Promise<T> {
  const { writer, machine, clock } = parts
  const acquiring = writer.acquire(null)
  for (;;) {
    const engine = machine.waitingEngine
    if (engine !== null) {
      void acquiring.then((late) => late.release())
      return noticingItsEnd(parts, engine, work)
    }
    const lease = await Promise.race([acquiring, sleep(clock, WRITER_POLL_MS)])
    if (lease instanceof WriterLease) return noticingItsEnd(parts, await currentEngine(machine, lease), work)
  }
}

/**
 * Where the engine has lost its process, whoever comes next opens another: a database that nobody writes to has nobody else who would notice.
 * Nobody waits for the writer here, either.
 */
async function noticingItsEnd<T>(
  { writer, machine }: SnapshotHostParts,
  engine: Engine,
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  try {
    return await work(engine)
  } catch (error) {
    if (error instanceof EngineEndedError)
      void writer.acquire(null).then((lease) => machine.noteEnd(engine).finally(() => lease.release()))
    throw error
  }
}

async function currentEngine(machine: StateMachine, lease: WriterLease): Promise<Engine> {
  try {
    return await machine.current()
  } finally {
    lease.release()
  }
}

function handOver(log: RaftLog): void {
  const { replica } = log
  const successor = replica === null ? null : bestSuccessor(replica.raft.status())
  if (successor !== null) log.transferLeadership(successor)
}
