/** Short ways to make what tests need: envelopes, entries, data, a replica on its own. */

import type { Entry, HardState, ReplicaId } from '../entry.ts'
import { DEFAULT_RAFT_CONFIG } from '../config.ts'
import type { RaftConfig } from '../config.ts'
import { MemoryLogStorage } from '../memory-log-storage.ts'
import { initialConfiguration } from '../membership.ts'
import type { Configuration } from '../membership.ts'
import type { Envelope } from '../message.ts'
import { Raft } from '../raft.ts'
import { seededRandom } from './seeded-random.ts'

export function firstGeneration(id: number): ReplicaId {
  return { id, generation: 1 }
}

/** Voters 1, 2, … `count`. */
export function voters(count: number): Configuration {
  return initialConfiguration(Array.from({ length: count }, (_, at) => firstGeneration(at + 1)))
}

export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
}

export function envelope(from: number, to: number, term: number): Envelope {
  return { group: 1, from, fromGeneration: 1, to, toGeneration: 1, term }
}

/** A command at `index` of `term`. */
export function entry(index: number, term: number, text = 'x'): Entry {
  return { index, term, kind: 'command', data: bytes(text) }
}

/** Entries from index 1 on, by their terms. */
export function logOf(...terms: readonly number[]): Entry[] {
  return terms.map((term, at) => entry(at + 1, term))
}

export interface LoneReplicaOptions {
  readonly id?: number
  readonly configuration?: Configuration
  /** What its disk holds. */
  readonly log?: readonly Entry[]
  readonly hardState?: HardState
  readonly appliedIndex?: number
  readonly config?: Partial<RaftConfig>
}

/** A replica whose peers are the test itself. */
export function loneReplica(options: LoneReplicaOptions = {}): { raft: Raft; storage: MemoryLogStorage } {
  const { id = 1, configuration = voters(3), log = [], appliedIndex = 0, config = {} } = options
  const hardState = options.hardState ?? { term: log.at(-1)?.term ?? 0, votedFor: null, commit: 0 }
  const storage = new MemoryLogStorage(configuration)
  storage.perform({ number: 0, hardState, snapshot: null, entries: log })
  const raft = new Raft({
    group: 1,
    replica: firstGeneration(id),
    config: { ...DEFAULT_RAFT_CONFIG, ...config },
    storage,
    hardState,
    appliedIndex,
    random: seededRandom(id),
  })
  return { raft, storage }
}
