/**
 * Many clients on all members, leaders that come and go, calls that are lost in every way. At the end each client's story must agree with
 * what was applied: acknowledged means applied, refused means not applied, and an idempotency key means once at most.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../base/errors.ts'
import { SeededRandom } from '../../host/random.ts'
import type { Random } from '../../host/random.ts'
import { BEGIN, request, statement, World } from './testing/world.ts'
import type { Fate } from './testing/world.ts'

const SEEDS = 60
const CLIENTS = 12
const ROUNDS = 15
const MEMBERS = 4

interface Story {
  readonly sql: string
  readonly told: 'acknowledged' | 'refused' | 'unknown'
  readonly hasKey: boolean
}

/** With these codes a client hears that nothing was done. */
const REFUSED: ReadonlySet<string> = new Set([
  'NOT_LEADER',
  'OVERLOADED',
  'TRANSACTION_CONFLICT',
  'SHUTTING_DOWN',
])

function faults(random: Random, rate: number): World['fate'] {
  return (_from, _to, { type }): Fate => {
    if (random.float() > rate) return 'arrives'
    const fates: readonly Fate[] = ['not-sent', 'overloaded', 'request-lost', 'answer-lost', 'late']
    const fate = fates[random.integer(fates.length)] ?? 'arrives'
    // Calls of one transaction follow each other on one connection: none arrives behind a later one.
    return fate === 'late' && type !== 'submit' ? 'request-lost' : fate
  }
}

async function write(world: World, member: number, sql: string, random: Random): Promise<Story> {
  const hasKey = random.integer(2) === 0
  try {
    if (random.integer(3) === 0) await interactive(world, member, sql)
    else await world.database(member).submit(request(sql, hasKey ? sql : null))
    return { sql, told: 'acknowledged', hasKey }
  } catch (error) {
    assert.ok(error instanceof HarmonyError, String(error))
    if (error.code === 'OUTCOME_UNKNOWN') return { sql, told: 'unknown', hasKey }
    assert.ok(REFUSED.has(error.code), error.message)
    return { sql, told: 'refused', hasKey }
  }
}

async function interactive(world: World, member: number, sql: string): Promise<void> {
  const transaction = await world.database(member).begin(BEGIN)
  await transaction.execute(statement(sql), 1_000)
  await transaction.commit()
}

async function unrest(world: World, random: Random): Promise<void> {
  for (let count = 0; count < 30; count++) {
    await new Promise<void>((resolve) => void world.clock.after(random.integer(300), resolve))
    const kind = random.integer(4)
    if (kind === 0) world.elect(null)
    else if (kind === 1)
      world.member(1 + random.integer(MEMBERS)).routing.memberLost(1 + random.integer(MEMBERS))
    else if (kind === 2)
      world.member(1 + random.integer(MEMBERS)).leader = random.integer(MEMBERS + 1) || null
    else world.elect(1 + random.integer(MEMBERS))
  }
  world.elect(1 + random.integer(MEMBERS))
}

async function run(seed: number): Promise<void> {
  const random = new SeededRandom(BigInt(seed))
  const world = new World(MEMBERS, { leaderTimeoutMs: 1_000, submitsPerCallMax: 4 })
  world.fate = faults(random, random.float() * 0.4)
  const stories: Story[] = []
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let round = 0; round < ROUNDS; round++)
      stories.push(await write(world, 1 + random.integer(MEMBERS), `${client}.${round}`, random))
  })
  await world.clock.wait(Promise.all([...clients, unrest(world, random)]))
  world.fate = () => 'arrives'
  await world.clock.run(120_000)
  check(world, stories)
}

function check(world: World, stories: readonly Story[]): void {
  const times = new Map<string, number>()
  for (const sql of world.applied) times.set(sql, (times.get(sql) ?? 0) + 1)
  for (const { sql, told } of stories) {
    const count = times.get(sql) ?? 0
    if (told === 'acknowledged')
      assert.equal(count, 1, `${sql} was acknowledged and is applied ${count} times`)
    if (told === 'refused') assert.equal(count, 0, `${sql} was refused and is applied`)
    assert.ok(count <= 1, `${sql} is applied ${count} times`)
  }
  assert.ok(
    stories.filter(({ told }) => told === 'acknowledged').length > stories.length / 4,
    'most work is done',
  )
  assert.equal(world.open.size, 0, 'nothing stays open')
  for (const { routing } of world.members.values()) assert.equal(routing.statistics().heldTransactions, 0)
}

test(`${SEEDS} stories of lost calls and lost leaders`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await run(seed)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})
