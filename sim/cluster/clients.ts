/**
 * Clients of the simulated cluster. Each does one thing after another: it writes or compares-and-sets a few
 * registers, or reads one, at the member that it believes to lead or at any. It notes calls and returns with
 * stamps of the event queue, and never assumes that an operation without an answer did not happen.
 *
 * A client stands beside its member, so what the core says reaches it at once: the interval between call and
 * return is as short as can be, and the check of the history as strict.
 */

import type { Checkers } from '../checkers/checker.ts'
import { MILLISECOND } from '../event-queue.ts'
import type { EventQueue } from '../event-queue.ts'
import type { Random } from '../random.ts'
import type { RegisterOperation } from '../../src/history/registers.ts'
import type { Trace } from '../trace.ts'
import { encodeCommand } from './command.ts'
import type { Command } from './command.ts'
import type { Member } from './member.ts'
import type { WorkloadOptions } from './options.ts'
import type { ProposalOutcome, ReadOutcome } from './waiting.ts'

const RETRY_MEAN_US = 10 * MILLISECOND

/** How a command stands with its client. */
export type CommandFate = 'waiting' | 'acknowledged' | 'refused' | 'unknown'

export interface ClientCounts {
  acknowledged: number
  refused: number
  lost: number
  unknown: number
  reads: number
  readsFailed: number
}

export interface ClientsEnvironment {
  readonly queue: EventQueue
  readonly trace: Trace
  readonly checkers: Checkers
  readonly members: readonly Member[]
}

/** A read that was answered: what a check of its freshness needs. */
export interface ServedRead {
  readonly member: number
  readonly index: number
  /** The highest index that any client knew applied when the read was called. */
  readonly acknowledgedBefore: number
}

export class Clients {
  readonly counts: ClientCounts = {
    acknowledged: 0,
    refused: 0,
    lost: 0,
    unknown: 0,
    reads: 0,
    readsFailed: 0,
  }
  /** Every operation that may have happened. */
  readonly history: RegisterOperation[] = []
  readonly #environment: ClientsEnvironment
  readonly #options: WorkloadOptions
  readonly #random: Random
  readonly #lastSeen: number[]
  /** Commands that were taken and have no outcome yet. Those left at the end have an unknown one. */
  readonly #open = new Map<number, { command: Command; calledAt: number }>()
  #operations = 0
  #values = 0
  #acknowledgedIndex = 0
  #running = true
  #stamp = 0

  constructor(environment: ClientsEnvironment, options: WorkloadOptions, random: Random) {
    this.#environment = environment
    this.#options = options
    this.#random = random
    this.#lastSeen = Array.from({ length: options.keys }, () => 0)
    for (let client = 1; client <= options.clients; client += 1) this.#think(client)
  }

  /** No new operations after this. */
  stop(): void {
    this.#running = false
  }

  /** Proposes one write at `member`, for probing; true in `done` if it was applied. */
  probeWrite(member: Member, done: (applied: boolean) => void): void {
    const key = this.#random.integer(0, this.#options.keys - 1)
    this.#values += 1
    const action = { kind: 'write', value: this.#values } as const
    this.#proposeAll(0, member, [{ key, action }], (outcome) => done(outcome === 'acknowledged'))
  }

  probeRead(member: Member, done: (served: boolean) => void): void {
    this.#read(0, member, 0, done)
  }

  /** A new stamp, above all earlier ones. */
  #nextStamp(): number {
    this.#stamp += 1
    return this.#stamp
  }

  #think(client: number, extraMeanUs = 0): void {
    if (!this.#running) return
    const delayUs = this.#random.exponential(this.#options.thinkMeanUs + extraMeanUs)
    this.#environment.queue.after(delayUs, () => {
      if (this.#running) this.#act(client)
    })
  }

  #act(client: number): void {
    const member = this.#chooseMember()
    if (member === null) {
      this.#think(client)
      return
    }
    let isOver = false
    const calledUs = this.#environment.queue.nowUs
    const over = (): void => {
      if (isOver) return
      isOver = true
      // Refused at once: asking again without a pause would only keep everybody busy.
      const isRefusal = this.#environment.queue.nowUs === calledUs
      this.#think(client, isRefusal ? RETRY_MEAN_US : 0)
    }
    this.#environment.queue.after(this.#options.timeoutUs, over)
    member.whenAwake(() => {
      if (member.replica === null) over()
      else if (this.#random.chance(this.#options.readShare)) this.#readAnything(client, member, over)
      else this.#writeAnything(client, member, over)
    })
  }

  #chooseMember(): Member | null {
    const running = this.#environment.members.filter((member) => member.replica !== null)
    if (running.length === 0) return null
    const leaders = running.filter((member) => member.replica?.raft.role === 'leader')
    if (leaders.length > 0 && this.#random.chance(this.#options.leaderShare))
      return this.#random.pick(leaders)
    return this.#random.pick(running)
  }

  #readAnything(client: number, member: Member, over: () => void): void {
    this.#read(client, member, this.#random.integer(0, this.#options.keys - 1), over)
  }

  #read(client: number, member: Member, key: number, over: (served: boolean) => void): void {
    const { trace } = this.#environment
    const calledAt = this.#nextStamp()
    const acknowledgedBefore = this.#acknowledgedIndex
    const done = (outcome: ReadOutcome): void => {
      if (outcome.kind === 'failed') {
        this.counts.readsFailed += 1
        over(false)
        return
      }
      this.counts.reads += 1
      const seen = outcome.image.registers[key] ?? 0
      trace.note('answer', member.id, 0, 0, outcome.image.appliedIndex, () => {
        return `answers client ${client}: register ${key} is ${seen}, read index ${outcome.index}`
      })
      this.#lastSeen[key] = seen
      this.history.push({
        client,
        key,
        action: { kind: 'read' },
        seen,
        calledAt,
        returnedAt: this.#nextStamp(),
        position: outcome.image.appliedIndex + 0.5,
      })
      this.#acknowledgedIndex = Math.max(this.#acknowledgedIndex, outcome.index)
      this.#environment.checkers.served({ member: member.id, index: outcome.index, acknowledgedBefore })
      over(true)
    }
    trace.note('read', member.id, 0, 0, 0, () => `client ${client} reads register ${key}`)
    if (!member.running.read(done)) {
      this.counts.readsFailed += 1
      over(false)
    }
  }

  #writeAnything(client: number, member: Member, over: () => void): void {
    const count = this.#random.integer(1, this.#options.batchMax)
    const actions = Array.from({ length: count }, () => {
      const key = this.#random.integer(0, this.#options.keys - 1)
      this.#values += 1
      const action: Command['action'] = this.#random.chance(this.#options.compareAndSetShare)
        ? { kind: 'compare-and-set', expected: this.#lastSeen[key] ?? 0, value: this.#values }
        : { kind: 'write', value: this.#values }
      return { key, action }
    })
    this.#proposeAll(client, member, actions, over)
  }

  #proposeAll(
    client: number,
    member: Member,
    actions: readonly { readonly key: number; readonly action: Command['action'] }[],
    over: (fate: CommandFate) => void,
  ): void {
    const calledAt = this.#nextStamp()
    const commands = actions.map(({ key, action }): Command => {
      this.#operations += 1
      return { operation: this.#operations, client, key, action }
    })
    let left = commands.length
    const data = commands.map((command) =>
      encodeCommand(command, this.#random.integer(0, this.#options.paddingWordsMax)),
    )
    const done = commands.map((command) => {
      return (outcome: ProposalOutcome): void => {
        const fate = this.#ended(member, command, calledAt, outcome)
        left -= 1
        if (left === 0) over(fate)
      }
    })
    const result = member.running.propose(data, done)
    if (!result.accepted) {
      this.counts.refused += commands.length
      for (const { operation } of commands) this.#environment.checkers.refused(operation)
      over('refused')
      return
    }
    commands.forEach((command, at) => {
      const index = result.firstIndex + at
      this.#environment.trace.note('propose', member.id, 0, result.term, index, () => {
        return `takes operation ${command.operation} of client ${client} as ${index}.${result.term}`
      })
      const { operation } = command
      this.#open.set(operation, { command, calledAt })
    })
  }

  #ended(member: Member, command: Command, calledAt: number, outcome: ProposalOutcome): CommandFate {
    const { checkers, trace } = this.#environment
    const { operation } = command
    if (outcome.kind === 'unknown') {
      this.counts.unknown += 1
      return 'unknown'
    }
    this.#open.delete(operation)
    if (outcome.kind === 'lost') {
      this.counts.lost += 1
      trace.note('refuse', member.id, 0, 0, 0, () => `tells that operation ${operation} is lost`)
      checkers.refused(operation)
      return 'refused'
    }
    this.counts.acknowledged += 1
    const { index, term, seen } = outcome
    this.#acknowledgedIndex = Math.max(this.#acknowledgedIndex, index)
    trace.note('answer', member.id, 0, term, index, () => `tells that operation ${operation} is applied`)
    const known = command.action.kind === 'compare-and-set' ? seen : null
    this.#note(command, calledAt, this.#nextStamp(), known, index)
    checkers.acknowledged(operation, index, term)
    return 'acknowledged'
  }

  /**
   * The whole history; call it when nothing more will be answered. `committedAt` tells where an operation whose
   * outcome its client never learnt was committed, if it was.
   */
  finalHistory(committedAt: (operation: number) => number | null): readonly RegisterOperation[] {
    for (const { command, calledAt } of this.#open.values()) {
      this.#note(command, calledAt, null, null, committedAt(command.operation))
    }
    this.#open.clear()
    return this.history
  }

  #note(
    { client, key, action }: Command,
    calledAt: number,
    returnedAt: number | null,
    seen: number | null,
    position: number | null,
  ): void {
    this.history.push({ client, key, action, seen, calledAt, returnedAt, position })
  }
}
