import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Checkers } from '../checkers/checker.ts'
import { EventQueue, SECOND } from '../event-queue.ts'
import { Random } from '../random.ts'
import { Trace } from '../trace.ts'
import { Administrator } from './administrator.ts'
import { Cluster } from './cluster.ts'
import { Faults } from './faults.ts'
import { Ledger } from './ledger.ts'
import type { Member } from './member.ts'
import type { ClusterOptions } from './options.ts'
import { drawProfile } from './profiles.ts'

/** Three voters that fall asleep soon, no clients, and one leader after another that loses its disk. */
function sleepyOptions(random: Random): ClusterOptions {
  const drawn = drawProfile('sleep', random)
  const rates = Object.fromEntries(Object.keys(drawn.faults.rates).map((kind) => [kind, Infinity]))
  return {
    ...drawn,
    voters: 3,
    learners: 0,
    network: drawn.calmNetwork,
    host: { ...drawn.host, unreachableProbability: 0 },
    faults: {
      ...drawn.faults,
      rates: { ...rates, destroy: 5 * SECOND } as ClusterOptions['faults']['rates'],
      leaderBias: 1,
    },
  }
}

const leaderOf = (members: readonly Member[]): Member | undefined =>
  members.find(({ replica }) => replica?.raft.role === 'leader')

test('a group that sleeps is woken when its leader loses its disk for good, though no client asks for anything', () => {
  for (const seed of [1, 2, 3]) {
    const random = new Random(`sleepers ${seed}`)
    const queue = new EventQueue()
    const trace = new Trace(() => queue.nowUs, false)
    const options = sleepyOptions(random.fork('options'))
    const cluster = new Cluster(options, queue, trace, new Ledger(), new Checkers([]), random)
    const { members } = cluster
    const asleep = (): boolean => members.every(({ replica }) => replica?.raft.quiesced === true)
    while (!asleep()) queue.runUntil(queue.nowUs + SECOND / 100)
    const lost = leaderOf(members)
    assert.ok(lost)
    void new Faults(cluster, new Administrator(cluster, random.fork('administrator')), random.fork('faults'))
    while (lost.replica !== null) queue.runUntil(queue.nowUs + SECOND / 100)
    queue.runUntil(queue.nowUs + 20 * SECOND)
    assert.ok(
      leaderOf(members),
      `seed ${seed}: ${members.length - 1} replicas sleep on under a leader that is gone`,
    )
  }
})
