/**
 * Three cores in one process, no I/O: what consensus itself costs. Proposals for each second at 1, 64 and 4,096 in
 * flight, and bytes allocated for each proposal (of 32 bytes). Messages are handed over at once and writes are
 * durable at once, so nothing but the cores' own work is measured; the log is compacted as a host would.
 *
 *     node bench/raft.ts [--seconds 2]
 */

import { DEFAULT_RAFT_CONFIG } from '../src/raft/config.ts'
import { MemoryLogStorage } from '../src/raft/memory-log-storage.ts'
import { initialConfiguration } from '../src/raft/membership.ts'
import { Raft } from '../src/raft/raft.ts'
import { seededRandom } from '../src/raft/testing/seeded-random.ts'

const PROPOSAL_BYTES = 32
const COMPACT_EVERY = 50_000

interface Replica {
  readonly raft: Raft
  readonly storage: MemoryLogStorage
  applied: number
  compacted: number
}

function createCluster(): Replica[] {
  const configuration = initialConfiguration([1, 2, 3].map((id) => ({ id, generation: 1 })))
  return [1, 2, 3].map((id) => {
    const storage = new MemoryLogStorage(configuration)
    const raft = new Raft({
      group: 1,
      replica: { id, generation: 1 },
      config: DEFAULT_RAFT_CONFIG,
      storage,
      hardState: storage.hardState,
      appliedIndex: 0,
      random: seededRandom(id),
    })
    return { raft, storage, applied: 0, compacted: 0 }
  })
}

/** One turn of a replica's host. */
function turn(replicas: readonly Replica[], replica: Replica): void {
  const { raft, storage } = replica
  if (!raft.hasReady()) return
  const { messages, write, committed } = raft.ready()
  for (const message of messages) replicas[message.to - 1]!.raft.step(message)
  if (write !== null) {
    storage.perform(write)
    raft.appended(write.number)
  }
  if (committed.length > 0) {
    replica.applied = committed[committed.length - 1]!.index
    raft.applied(replica.applied)
    if (replica.applied - replica.compacted >= COMPACT_EVERY) compact(replica)
  }
}

function compact(replica: Replica): void {
  replica.compacted = replica.applied - 1000
  const base = replica.raft.compact(replica.compacted)
  if (base !== null) replica.storage.compact(base)
}

function elect(replicas: readonly Replica[]): void {
  replicas[0]!.raft.campaign()
  for (let round = 0; round < 20; round += 1) for (const replica of replicas) turn(replicas, replica)
}

interface Outcome {
  readonly inFlight: number
  readonly perSecond: number
  readonly bytesPerProposal: number
}

function measure(inFlight: number, seconds: number): Outcome {
  const replicas = createCluster()
  elect(replicas)
  const leader = replicas[0]!
  const data = new Uint8Array(PROPOSAL_BYTES)
  const command = [data]
  let proposed = leader.applied
  const start = leader.applied
  const pump = (until: number): void => {
    while (performance.now() < until)
      for (let round = 0; round < 16; round += 1) {
        while (proposed - leader.applied < inFlight) {
          leader.raft.propose(command)
          proposed += 1
        }
        for (const replica of replicas) turn(replicas, replica)
      }
  }
  pump(performance.now() + 500)
  const warm = leader.applied
  const begin = performance.now()
  pump(begin + seconds * 1000)
  const elapsedSeconds = (performance.now() - begin) / 1000
  const perSecond = (leader.applied - warm) / elapsedSeconds
  if (leader.applied === start) throw new Error('nothing was committed')
  return { inFlight, perSecond, bytesPerProposal: measureBytes(replicas, leader, inFlight, command) }
}

/** Growth of the heap over rounds; a round in which garbage was collected does not grow, and does not count. */
function measureBytes(
  replicas: readonly Replica[],
  leader: Replica,
  inFlight: number,
  command: readonly Uint8Array[],
): number {
  let bytes = 0
  let proposals = 0
  while (proposals < 100_000) {
    const count = Math.max(64, inFlight)
    const before = process.memoryUsage().heapUsed
    let left = count
    while (left > 0) {
      const batch = Math.min(inFlight, left)
      const target = leader.applied + batch
      for (let at = 0; at < batch; at += 1) leader.raft.propose(command)
      while (leader.applied < target) for (const replica of replicas) turn(replicas, replica)
      left -= batch
    }
    const grown = process.memoryUsage().heapUsed - before
    proposals += count
    if (grown > 0) bytes += grown
    else proposals -= count
  }
  return bytes / proposals
}

function main(): void {
  const at = process.argv.indexOf('--seconds')
  const seconds = at === -1 ? 2 : Number(process.argv[at + 1])
  console.log(
    `three Raft cores in one process, no I/O, ${PROPOSAL_BYTES} bytes a proposal, ${seconds} s each`,
  )
  console.table(
    [1, 64, 4096].map((inFlight) => {
      const { perSecond, bytesPerProposal } = measure(inFlight, seconds)
      return {
        'in flight': inFlight,
        'proposals/s': Math.round(perSecond),
        'bytes allocated/proposal': Math.round(bytesPerProposal),
      }
    }),
  )
}

main()
