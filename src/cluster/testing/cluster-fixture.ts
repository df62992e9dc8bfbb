/** Members of one cluster in this process, on temporary folders and a network in memory, with their engines in this thread. */

import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Clock } from '../../host/clock.ts'
import { SystemClock } from '../../host/clock.ts'
import { MemoryNetwork } from '../../host/network-memory.ts'
import { SeededRandom } from '../../host/random.ts'
import { openEngineHere } from '../../group/engines.ts'
import type { ClusterOptions } from '../enter-cluster.ts'
import type { MemberOptions } from '../member.ts'
import { Member } from '../member.ts'
import { TRANSPORT_DEFAULTS } from '../transport/limits.ts'

const SECRET = new SeededRandom(99n).bytes(32)
const PEER_PORT = 7001
const POLL_MS = 10
const WAIT_MS = 60_000

export const peerAddressOf = (host: string): string => `${host}:${PEER_PORT}`

export class TestCluster {
  readonly folder: string = mkdtempSync(`${tmpdir()}/harmony-cluster-`)
  readonly clock: Clock = new SystemClock()
  readonly network: MemoryNetwork = new MemoryNetwork(this.clock, new SeededRandom(5n))
  readonly members: Map<string, Member> = new Map()
  readonly logs: string[] = []

  /** Starts a process on the machine `host`, which keeps its data folder between starts. */
  async start(
    host: string,
    start: ClusterOptions['start'],
    seeds: readonly string[],
    options: Partial<MemberOptions> = {},
  ): Promise<Member> {
    const member = await Member.open({
      folder: `${this.folder}/${host}`,
      name: host,
      openEngine: openEngineHere,
      journal: { segmentSizeBytes: 256 * 1024 },
      steadyAfterMs: 300,
      log: (level, event, fields) => this.logs.push(`${host} ${level} ${event} ${JSON.stringify(fields)}`),
      cluster: this.optionsOf(host, start, seeds),
      ...options,
    })
    this.members.set(host, member)
    return member
  }

  optionsOf(host: string, start: ClusterOptions['start'], seeds: readonly string[]): ClusterOptions {
    return {
      listen: { host, port: PEER_PORT },
      advertise: null,
      secret: SECRET,
      network: this.network.of(host),
      seeds: async () => seeds.map(peerAddressOf),
      start,
      limits: { ...TRANSPORT_DEFAULTS, reconnectMaxMs: 500 },
    }
  }

  /** Its data folder is that of the machine `next` from now on; no process may have it. */
  move(host: string, next: string): void {
    renameSync(`${this.folder}/${host}`, `${this.folder}/${next}`)
  }

  /** All of them at once, as `--bootstrap-expect` founds a cluster. */
  async found(...hosts: string[]): Promise<Member[]> {
    return Promise.all(hosts.map((host) => this.start(host, { expected: hosts.length }, hosts)))
  }

  async stop(host: string): Promise<void> {
    const member = this.members.get(host)
    this.members.delete(host)
    await member?.close()
  }

  folderOf(host: string): string {
    return `${this.folder}/${host}`
  }

  /** Deletes the data folder of a machine whose process is stopped. */
  wipe(host: string): void {
    rmSync(`${this.folder}/${host}`, { recursive: true })
  }

  /** Throws if it does not come true in a long time. */
  async until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const deadlineMs = this.clock.nowMs() + WAIT_MS
    while (!(await condition())) {
      if (this.clock.nowMs() > deadlineMs) throw new Error(`${what} never came true\n${this.logs.join('\n')}`)
      await new Promise((resolve) => void this.clock.after(POLL_MS, () => resolve(null)))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.members.values()].map((member) => member.close()))
    rmSync(this.folder, { recursive: true })
  }
}
