import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { HarmonyError } from '../../base/errors.ts'
import { LocalEngine } from '../../engine/local-engine.ts'
import { SeededRandom } from '../../host/random.ts'
import { SystemDisk } from '../../host/system-disk.ts'
import { initialConfiguration } from '../../raft/membership.ts'
import type { SnapshotHost } from '../snapshot-mover.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { OutgoingCopies } from './outgoing-copies.ts'

interface Setup {
  readonly copies: OutgoingCopies
  readonly clock: ManualClock
  readonly folder: string
  /** What a test changes. */
  readonly state: { position: number; baseIndex: number; failure: HarmonyError | null }
  readonly failures: HarmonyError[]
}

async function setUp(context: TestContext): Promise<Setup> {
  const folder = mkdtempSync(`${tmpdir()}/harmony-copies-`)
  const dataFile = `${folder}/shop.1.sqlite`
  const engine = await LocalEngine.open({ database: 'shop', dataFile })
  context.after(async () => {
    await engine.close()
    rmSync(folder, { recursive: true })
  })
  const state: Setup['state'] = { position: 0, baseIndex: 0, failure: null }
  const configuration = initialConfiguration([{ id: 1, generation: 1 }], [])
  const host = {
    group: 1,
    database: 'shop',
    dataFile,
    get baseIndex() {
      return state.baseIndex
    },
    get position() {
      return state.position
    },
    withEngine: (work: (one: typeof engine) => Promise<unknown>) =>
      state.failure === null ? work(engine) : Promise.reject(state.failure),
    snapshotMetadata: (index: number) => ({ index, term: 0, configuration }),
  } as unknown as SnapshotHost
  const clock = new ManualClock()
  const failures: HarmonyError[] = []
  const copies = new OutgoingCopies({
    host,
    disk: new SystemDisk(),
    clock,
    random: new SeededRandom(1n),
    lingerMs: 1_000,
    onFailed: (error) => failures.push(error),
  })
  return { copies, clock, folder, state, failures }
}

test('a copy is offered when it is made, and the log is kept from its making on', async (context) => {
  const { copies, clock } = await setUp(context)
  assert.equal(copies.retainedFrom, null)
  assert.equal(copies.offer(), null)
  assert.equal(copies.retainedFrom, 0)
  const copy = await copies.get(0)
  assert.equal(copies.offer(), copy)
  assert.equal(copies.madeCount, 1)
  clock.advance(1_001)
  assert.equal(copies.retainedFrom, null)
  await copies.close()
})

test('a copy in use stays, and is deleted a while after its last use', async (context) => {
  const { copies, clock, folder } = await setUp(context)
  const copy = await copies.get(0)
  const source = await copies.open(copy, new Uint8Array())
  clock.advance(10_000)
  assert.ok(existsSync(copy.path))
  const head = await source.read(0, 16)
  assert.equal(Buffer.from(head).toString('latin1'), 'SQLite format 3\0')
  await source.close()
  clock.advance(1_001)
  await copies.close()
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('outgoing')),
    [],
  )
})

test('a copy that the log does not go on from is not offered again', async (context) => {
  const { copies, state } = await setUp(context)
  const copy = await copies.get(0)
  state.baseIndex = copy.description.metadata.index + 1
  assert.equal(copies.offer(), null, 'another one is being made')
  await copies.close()
})

test('nobody gets a copy that is older than what it has', async (context) => {
  const { copies, state } = await setUp(context)
  await assert.rejects(copies.get(5), /has not come that far/)
  state.position = 5
  assert.equal((await copies.get(5)).position, 5)
  await copies.close()
})

test('a failure is told once for each attempt, and there is a pause between attempts', async (context) => {
  const { copies, clock, state, failures } = await setUp(context)
  state.failure = new HarmonyError('DISK_FULL', 'The disk is full.')
  await assert.rejects(copies.get(0), /disk is full/)
  await assert.rejects(copies.get(0), /disk is full/)
  assert.equal(failures.length, 1)
  clock.advance(5_001)
  state.failure = null
  assert.ok(await copies.get(0))
  await copies.close()
})
