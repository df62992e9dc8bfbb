/**
 * Runs scripted scenarios.
 *
 * A script is text: lines that begin with `#` tell the story, lines that begin with `> ` are commands, and what
 * stands below a command is what it did. Running a script writes the whole text anew; a test compares the two.
 */

import { assert, must } from '../../base/assert.ts'
import type { RaftConfig } from '../config.ts'
import type { MembershipStep } from '../membership.ts'
import type { Message } from '../message.ts'
import { describeConfiguration, describeEntry, describeReplicaId, describeStatus } from './describe.ts'
import { TestCluster } from './test-cluster.ts'

/** Runs `script`; the result is the same text with what the commands really did. */
export function runScript(script: string): string {
  const interpreter = new Interpreter()
  const lines = script.split('\n').filter((line) => line.startsWith('#') || line.startsWith('> '))
  const output: string[] = []
  for (const line of lines) {
    if (line.startsWith('#')) {
      const continues = output.at(-1)?.startsWith('#') === true
      if (output.length > 0 && !continues) output.push('')
      output.push(line)
      continue
    }
    if (output.length > 0 && !output.at(-1)!.startsWith('#')) output.push('')
    output.push(line, ...interpreter.run(line.slice(2)))
  }
  return `${output.join('\n')}\n`
}

/** A command's words: positions and `name=value` pairs. */
class Arguments {
  readonly words: readonly string[]
  readonly named: ReadonlyMap<string, string>

  constructor(words: readonly string[]) {
    this.words = words.filter((word) => !word.includes('='))
    this.named = new Map(
      words
        .filter((word) => word.includes('='))
        .map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
    )
  }

  number(at: number): number {
    const value = Number(this.words[at])
    assert(Number.isInteger(value), `argument ${at} is not a number`)
    return value
  }

  numbers(from = 0): number[] {
    return this.words.slice(from).map(Number)
  }

  list(name: string): number[] {
    return (this.named.get(name) ?? '').split(',').filter(Boolean).map(Number)
  }
}

type Command = (args: Arguments) => readonly string[] | void

export class Interpreter {
  #cluster: TestCluster | null = null

  readonly #commands: Readonly<Record<string, Command>> = {
    'add-replicas': (args) => this.#addReplicas(args),
    campaign: (args) => this.#at(args).raft.campaign(),
    elect: (args) => this.#elect(args),
    propose: (args) => [this.#propose(args)],
    'propose-membership': (args) => [this.#proposeMembership(args)],
    'leave-joint': (args) => [this.#leaveJoint(args)],
    transfer: (args) => [describeResult(this.#at(args).raft.transferLeadership(args.number(1)))],
    'read-index': (args) => [describeResult(this.#at(args).raft.requestRead(args.number(1)))],
    tick: (args) => this.#here.tick(args.number(0), args.words.length > 1 ? args.number(1) : 1),
    'tick-heartbeat': (args) => this.#here.tick(args.number(0), this.#here.config.heartbeatTicks),
    'tick-election': (args) => this.#tickElection(args.number(0)),
    'process-ready': (args) => void this.#here.processReady(args.number(0)),
    'deliver-msgs': (args) => this.#deliver(args),
    'drop-msgs': (args) => this.#drop(args),
    stabilize: (args) => this.#here.stabilize(args.words.length > 0 ? args.numbers() : undefined),
    'hold-writes': (args) => void (this.#at(args).holdsWrites = true),
    'release-writes': (args) => void (this.#at(args).holdsWrites = false),
    'hold-applies': (args) => void (this.#at(args).holdsApplies = true),
    'release-applies': (args) => void (this.#at(args).holdsApplies = false),
    'append-thread': (args) => this.#completeWrites(args),
    'apply-thread': (args) => this.#at(args).apply(),
    crash: (args) => this.#at(args).crash(args.words.length > 1 ? args.number(1) : 0),
    restart: (args) => this.#at(args).restart(),
    destroy: (args) => this.#here.destroy(args.number(0)),
    isolate: (args) => this.#here.isolate(args.number(0)),
    heal: () => this.#here.heal(),
    compact: (args) => this.#at(args).compact(args.number(1)),
    'offer-snapshot': (args) => this.#at(args).offerSnapshot(),
    'report-snapshot': (args) => this.#reportSnapshot(args),
    'report-unreachable': (args) => this.#at(args).raft.reportUnreachable(args.number(1)),
    'disk-stalled': (args) => this.#at(args).raft.reportDiskStalled(),
    'disk-recovered': (args) => this.#at(args).raft.reportDiskRecovered(),
    quiesce: (args) => [this.#at(args).raft.quiesce() ? 'asleep' : 'not idle'],
    wake: (args) => this.#at(args).raft.wake(),
    status: (args) => this.#status(args),
    log: (args) => this.#log(args),
  }

  run(line: string): readonly string[] {
    const [name, ...words] = line.split(' ').filter((word) => word !== '')
    const command = must(this.#commands[name!], `unknown command ${name}`)
    const said = command(new Arguments(words)) ?? []
    const happened = this.#cluster?.takeLog() ?? []
    return said.length + happened.length === 0 ? ['ok'] : [...said, ...happened]
  }

  get #here(): TestCluster {
    return must(this.#cluster, 'begin with add-replicas')
  }

  #at(args: Arguments): ReturnType<TestCluster['replica']> {
    return this.#here.replica(args.number(0))
  }

  #addReplicas(args: Arguments): void {
    const settings = [...args.named].filter(([name]) => name !== 'learners')
    const config: Partial<RaftConfig> = Object.fromEntries(
      settings.map(([name, value]) => [name, Number(value)]),
    )
    this.#cluster = new TestCluster(args.numbers(), args.list('learners'), config)
  }

  /** Makes a replica the leader of a healthy cluster, without the story of how. */
  #elect(args: Arguments): string[] {
    this.#here.elect(args.number(0))
    this.#here.takeLog()
    return []
  }

  #propose(args: Arguments): string {
    const commands = args.words
      .slice(1)
      .map((text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0)))
    const result = this.#at(args).raft.propose(commands)
    return result.accepted ? `accepted as ${result.term}/${result.lastIndex}` : describeResult(result)
  }

  /** `add-voter=4`, `remove=1,2`, …, and `stay-joint`. */
  #proposeMembership(args: Arguments): string {
    const steps: MembershipStep[] = []
    for (const kind of ['add-voter', 'add-learner', 'promote', 'demote', 'remove'] as const)
      for (const id of args.list(kind)) steps.push({ kind, id })
    const autoLeave = !args.words.includes('stay-joint')
    const result = this.#at(args).raft.proposeMembership({ kind: 'change', steps, autoLeave })
    return result.accepted
      ? `accepted: ${describeConfiguration(result.configuration)}`
      : describeResult(result)
  }

  #leaveJoint(args: Arguments): string {
    const result = this.#at(args).raft.proposeMembership({ kind: 'leave-joint' })
    return result.accepted
      ? `accepted: ${describeConfiguration(result.configuration)}`
      : describeResult(result)
  }

  /** Ticks until the replica campaigns or has no reason to. */
  #tickElection(id: number): void {
    const { raft } = this.#here.replica(id)
    const { role, term } = raft
    const ticksMax = 6 * this.#here.config.electionTimeoutTicks
    for (let tick = 0; tick < ticksMax && raft.role === role && raft.term === term; tick += 1) {
      raft.tick()
      if (role === 'leader' && tick + 1 >= this.#here.config.electionTimeoutTicks) return
    }
  }

  /** `deliver-msgs TO [from=1] [type=append-request] [repeat]`. */
  #deliver(args: Arguments): void {
    const matches = this.#filter(args)
    for (const message of this.#here.take(matches)) {
      this.#here.deliver(message)
      if (args.words.includes('repeat')) this.#here.deliver(message)
    }
  }

  #drop(args: Arguments): string[] {
    return this.#here
      .take(this.#filter(args))
      .map((message) => `lost: ${message.from}→${message.to} ${message.type}`)
  }

  #filter(args: Arguments): (message: Message) => boolean {
    const to = args.number(0)
    const from = args.named.get('from')
    const type = args.named.get('type')
    return (message) =>
      message.to === to &&
      (from === undefined || message.from === Number(from)) &&
      (type ?? message.type) === message.type
  }

  /** `append-thread ID [COUNT] [newest-first]`. */
  #completeWrites(args: Arguments): string[] {
    const replica = this.#at(args)
    const newestFirst = args.words.includes('newest-first')
    const count = args.words[1] === undefined || newestFirst ? replica.writes.length : args.number(1)
    return replica.completeWrites(count, newestFirst).map((write) => `write ${write.number} is durable`)
  }

  #reportSnapshot(args: Arguments): void {
    this.#at(args).raft.reportSnapshot(args.number(1), args.words[2] === 'sent' ? 'sent' : 'failed')
  }

  #status(args: Arguments): string[] {
    const replicas = args.words.length > 0 ? [this.#at(args)] : this.#here.replicas
    return replicas.flatMap((replica) => {
      const name = describeReplicaId(replica.id)
      return replica.isUp
        ? describeStatus(replica.raft.status()).map((line) => `${name}: ${line}`)
        : [`${name}: down`]
    })
  }

  #log(args: Arguments): string[] {
    const { raft } = this.#at(args)
    const { firstIndex, lastIndex } = raft.status()
    const entries = raft.entries(firstIndex, lastIndex + 1)
    return entries.length === 0 ? ['empty'] : entries.map(describeEntry)
  }
}

function describeResult(result: { accepted: boolean; reason?: string; detail?: string }): string {
  if (result.accepted) return 'accepted'
  return `refused: ${result.reason}${result.detail === undefined ? '' : ` (${result.detail})`}`
}
