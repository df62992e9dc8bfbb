/**
 * Several members in one process: each with a journal in memory, real SQLite files and a clock that a test moves; between them a carrier that
 * a test can cut. Messages arrive in a later turn of the event loop, together, in order.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import { toHarmonyError } from '../../base/errors.ts'
import type { SqlValue } from '../../base/value.ts'
import { contentDigest } from '../../engine/content-digest.ts'
import { MemoryDisk } from '../../host/memory-disk.ts'
import { SeededRandom } from '../../host/random.ts'
import type { Message } from '../../raft/message.ts'
import type { DatabaseGroup } from '../database-group.ts'
import { GroupHost } from '../group-host.ts'
import type { InitialMembers } from '../group-start.ts'
import type { GroupLimits } from '../limits.ts'
import type {
  GroupPeers,
  PeerCallOutcome,
  PeerCallRequest,
  PeerStreamOutcome,
  PeerStreamSink,
  PeerStreamSource,
} from '../peers.ts'
import { DEFAULT_TIMING } from '../raft-timing.ts'
import { EngineFaults } from './faulty-engine.ts'
import { request, resultOf } from './group-fixture.ts'
import { ManualClock } from './manual-clock.ts'
import { JOURNAL_FOLDER, SplitDisk } from './split-disk.ts'

export interface GroupClusterOptions {
  readonly members?: number
  /** Default: three voters, the others learners. */
  readonly initial?: InitialMembers
  readonly limits?: Partial<GroupLimits>
  /** Open on every member from the start. Default: one. */
  readonly groups?: readonly number[]
}

/** Polls, because real engines and disks take real time; generous, because a busy machine must not fail a test. */
const POLL_LIMIT_MS = 60_000

export class ClusterMember {
  readonly number: number
  readonly folder: string
  disk: MemoryDisk = new MemoryDisk()
  /** Resolves when the process dies. */
  death: PromiseWithResolvers<null> = Promise.withResolvers<null>()
  files: SplitDisk | null = null
  faults: EngineFaults = new EngineFaults()
  /** Called before every change of a file that is not the journal's or SQLite's own. */
  beforeFile: (path: string) => void | Promise<void> = () => {}
  /** Raft messages that left it. */
  sentCount = 0
  starts = 0
  host: GroupHost | null = null
  /** What it told its operator. */
  readonly events: { readonly event: string; readonly [field: string]: string | number }[] = []
  /** Groups that went on without it. */
  readonly removedGroups: number[] = []
  readonly groups: Map<number, DatabaseGroup> = new Map<number, DatabaseGroup>()

  constructor(number: number, folder: string) {
    this.number = number
    this.folder = folder
    mkdirSync(folder, { recursive: true })
  }

  get running(): GroupHost {
    if (this.host === null) throw new Error(`member ${this.number} is not running`)
    return this.host
  }

  /** Its replica of the first group. */
  get group(): DatabaseGroup {
    const group = this.groups.get(1)
    if (group === undefined) throw new Error(`member ${this.number} has no group`)
    return group
  }

  dataFile(group: number): string {
    return `${this.folder}/db-${group}.sqlite`
  }

  /** Hash over every row of every table, with its rowid. */
  content(group = 1): string {
    const reader = new DatabaseSync(this.dataFile(group), {
      readOnly: true,
      readBigInts: true,
      returnArrays: true,
    })
    try {
      return Buffer.from(contentDigest(reader)).toString('hex')
    } finally {
      reader.close()
    }
  }

  /** What a reader with a connection of its own sees. */
  read(sql: string, group = 1): SqlValue[] {
    const reader = new DatabaseSync(this.dataFile(group), { readOnly: true })
    try {
      const query = reader.prepare(sql)
      query.setReturnArrays(true)
      return (query.all() as unknown as SqlValue[][]).map((row) => row[0] ?? null)
    } finally {
      reader.close()
    }
  }
}

export class GroupCluster {
  readonly clock: ManualClock = new ManualClock()
  readonly members: readonly ClusterMember[]
  readonly options: GroupClusterOptions
  /** Messages that do not arrive. */
  isLost: (message: Message) => boolean = () => false
  /** Every message that left a member, for tests that look. */
  onSend: (message: Message) => void = () => {}
  /** Called before each piece of a copy. */
  beforeChunk: (to: number, offset: number) => void = () => {}
  chunkSizeBytes: number = 16 * 1024
  streamedBytes = 0
  readonly #folder = mkdtempSync(`${tmpdir()}/harmony-groups-`)
  readonly #inboxes = new Map<number, Message[]>()

  constructor(options: GroupClusterOptions = {}) {
    this.options = options
    const count = options.members ?? 3
    this.members = Array.from(
      { length: count },
      (_, at) => new ClusterMember(at + 1, `${this.#folder}/member-${at + 1}`),
    )
  }

  get initial(): InitialMembers {
    const numbers = this.members.map(({ number }) => number)
    return this.options.initial ?? { voters: numbers.slice(0, 3), learners: numbers.slice(3) }
  }

  member(number: number): ClusterMember {
    const member = this.members[number - 1]
    if (member === undefined) throw new Error(`there is no member ${number}`)
    return member
  }

  async start(member: ClusterMember, groups: readonly number[] = [1]): Promise<void> {
    member.starts++
    member.faults = new EngineFaults()
    member.death = Promise.withResolvers<null>()
    member.files = new SplitDisk(member.disk, (path) => member.beforeFile(path))
    const { limits } = this.options
    member.host = await GroupHost.open({
      disk: member.files,
      clock: this.clock,
      random: new SeededRandom(BigInt(member.number * 1000 + member.starts)),
      journalFolder: JOURNAL_FOLDER,
      openEngine: member.faults.open,
      member: member.number,
      peers: this.#peersOf(member, member.starts),
      databasesFolder: member.folder,
      log: (_level, event, fields) => member.events.push({ event, ...fields }),
      onRemoved: (group) => member.removedGroups.push(group),
      journal: { segmentSizeBytes: 256 * 1024 },
      ...(limits !== undefined && { limits }),
    })
    for (const group of groups) this.openGroup(member, group)
  }

  openGroup(
    member: ClusterMember,
    group: number,
    initial: InitialMembers | null = this.initial,
  ): DatabaseGroup {
    const opened = member.running.openGroup(group, `shop-${group}`, member.dataFile(group), initial)
    member.groups.set(group, opened)
    return opened
  }

  async startAll(groups: readonly number[] = [1]): Promise<void> {
    for (const member of this.members) await this.start(member, groups)
  }

  /** The process is gone at once, and with the power what its journal did not sync. */
  async kill(member: ClusterMember): Promise<void> {
    const { host } = member
    member.host = null
    member.groups.clear()
    member.disk = member.disk.crash(new SeededRandom(BigInt(member.starts)))
    member.death.resolve(null)
    await member.faults.kill()
    await member.files?.closeAll()
    // Whatever is left of it only has a disk that is no longer there, and may never answer.
    host?.close().catch(() => {})
    this.#tellUnreachable(member.number)
  }

  async stop(member: ClusterMember): Promise<void> {
    for (const group of member.groups.values()) await group.close()
    await member.host?.close()
    member.host = null
    member.groups.clear()
    this.#tellUnreachable(member.number)
  }

  /** Takes the whole cluster down, whatever state it is in. */
  async dispose(): Promise<void> {
    for (const member of this.members) {
      member.faults.before = () => {}
      member.disk.beforeOperation = () => {}
      member.beforeFile = () => {}
      if (member.host !== null) await this.kill(member)
    }
    rmSync(this.#folder, { recursive: true })
  }

  /** The member that leads the group and is ready for writes; null if none is. */
  leader(group = 1): ClusterMember | null {
    const leading = this.members.filter((member) => member.groups.get(group)?.isLeading === true)
    const terms = leading.map((member) => member.groups.get(group)?.leadership.term ?? 0)
    const newest = leading[terms.indexOf(Math.max(...terms))]
    return newest ?? null
  }

  async awaitLeader(group = 1): Promise<ClusterMember> {
    await this.until(() => this.leader(group) !== null)
    const leader = this.leader(group)
    if (leader === null) throw new Error('there was a leader a moment ago')
    return leader
  }

  followers(group = 1): readonly ClusterMember[] {
    const leader = this.leader(group)
    return this.members.filter((member) => member !== leader && member.host !== null)
  }

  /** Submits at whoever leads, and lets time pass until there is an answer. */
  async write(sql: string): Promise<string> {
    const leader = await this.awaitLeader()
    return this.settled(resultOf(leader.group.submit(request(sql))))
  }

  /** Lets time pass until `promise` is settled. */
  async settled<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    void promise.catch(() => {}).finally(() => (isSettled = true))
    await this.until(() => isSettled)
    return promise
  }

  /** Lets time pass until every running member that takes part has applied everything. */
  async caughtUp(group = 1): Promise<void> {
    const leader = await this.awaitLeader(group)
    await this.until(() => {
      const { configuration, commitIndex } = leader.groups.get(group) ?? leader.group
      const taking = [...configuration.voters, ...configuration.learners].map(({ id }) => this.member(id))
      const running = taking.filter(({ host }) => host !== null)
      return running.every((member) => Number(member.groups.get(group)?.appliedIndex) === commitIndex)
    })
  }

  /** Nothing gets from these members to the others, nor back. */
  cutOff(...members: readonly ClusterMember[]): void {
    const numbers = new Set(members.map(({ number }) => number))
    this.isLost = ({ from, to }) => numbers.has(from) !== numbers.has(to)
  }

  heal(): void {
    this.isLost = () => false
  }

  /** Lets time pass in steps of a tick until `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    const limit = process.hrtime.bigint() + BigInt(POLL_LIMIT_MS) * 1_000_000n
    while (!condition()) {
      if (process.hrtime.bigint() > limit) throw new Error('it did not happen')
      await this.step(DEFAULT_TIMING.tickMs)
    }
  }

  /** Lets time pass, and what it brings happen. */
  async pass(durationMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += DEFAULT_TIMING.tickMs) {
      await this.step(DEFAULT_TIMING.tickMs)
    }
  }

  async step(durationMs: number): Promise<void> {
    this.clock.advance(durationMs)
    for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate)
  }

  #peersOf(member: ClusterMember, life: number): GroupPeers {
    const isAlive = (): boolean => member.host !== null && member.starts === life
    return {
      send: (message) => isAlive() && this.#send(member, message),
      call: (to, request) => this.#call(member, to, request),
      sendStream: (to, source, signal) => this.#sendStream(member, to, source, signal),
    }
  }

  #isCut(from: ClusterMember, to: number): boolean {
    const probe = { group: 1, from: from.number, fromGeneration: 1, to, toGeneration: 1, term: 1 }
    return this.isLost({ ...probe, type: 'stale-leader' }) || this.member(to).host === null
  }

  async #call(from: ClusterMember, to: number, { kind, payload }: PeerCallRequest): Promise<PeerCallOutcome> {
    if (this.#isCut(from, to)) return { kind: 'not-sent', reason: 'unreachable' }
    try {
      const answer = await this.member(to).running.receiveCall({ from: from.number, kind, payload })
      return { kind: 'answered', payload: answer }
    } catch (error) {
      const { code, message } = toHarmonyError(error)
      return { kind: 'failed', code, message }
    }
  }

  /** Chunk by chunk, each in a later turn of the event loop. */
  async #sendStream(
    from: ClusterMember,
    to: number,
    source: PeerStreamSource,
    signal?: AbortSignal,
  ): Promise<PeerStreamOutcome> {
    if (this.#isCut(from, to)) return { kind: 'interrupted', reason: 'unreachable' }
    const { description, sizeBytes } = source
    const { host, death } = this.member(to)
    const aborted = Promise.withResolvers<null>()
    signal?.addEventListener('abort', () => aborted.resolve(null), { once: true })
    const alive = <T>(step: Promise<T>): Promise<T | null> =>
      Promise.race([step, death.promise, from.death.promise, aborted.promise])
    let sink: PeerStreamSink | null = null
    try {
      const opening = this.member(to).running.receiveStream({ from: from.number, description, sizeBytes })
      sink = await alive(opening)
      if (sink === null) {
        // It may come yet, with an open file.
        opening.then((late) => late.interrupted()).catch(() => {})
        return { kind: 'interrupted', reason: 'connection-lost' }
      }
      for (let offset = sink.offset; offset < sizeBytes; offset += this.chunkSizeBytes) {
        await new Promise(setImmediate)
        this.beforeChunk(to, offset)
        const isOver = from.host === null || this.#isCut(from, to) || this.member(to).host !== host
        if (isOver || signal?.aborted === true) {
          sink.interrupted()
          return { kind: 'interrupted', reason: 'connection-lost' }
        }
        await alive(sink.write(await source.read(offset, Math.min(this.chunkSizeBytes, sizeBytes - offset))))
        this.streamedBytes += Math.min(this.chunkSizeBytes, sizeBytes - offset)
      }
      await alive(sink.finish())
      return this.member(to).host === host
        ? { kind: 'done' }
        : { kind: 'interrupted', reason: 'connection-lost' }
    } catch (error) {
      sink?.interrupted()
      const { code, message } = toHarmonyError(error)
      return { kind: 'refused', code, message }
    }
  }

  #send(from: ClusterMember, message: Message): void {
    from.sentCount++
    this.onSend(message)
    if (this.isLost(message)) return
    const inbox = this.#inboxes.get(message.to) ?? []
    this.#inboxes.set(message.to, inbox)
    inbox.push(message)
    if (inbox.length === 1) setImmediate(() => this.#deliver(message.to))
  }

  #deliver(to: number): void {
    const messages = this.#inboxes.get(to) ?? []
    this.#inboxes.delete(to)
    const host = this.member(to).host
    for (const from of new Set(messages.map((message) => message.from))) {
      host?.receive(
        from,
        messages.filter((message) => message.from === from),
      )
    }
  }

  #tellUnreachable(gone: number): void {
    for (const { host, number } of this.members) if (number !== gone) host?.peerUnreachable(gone)
  }
}

export async function withCluster(
  work: (cluster: GroupCluster) => Promise<void>,
  options: GroupClusterOptions = {},
): Promise<void> {
  const cluster = new GroupCluster(options)
  try {
    await cluster.startAll(options.groups)
    await work(cluster)
  } finally {
    await cluster.dispose()
  }
}
