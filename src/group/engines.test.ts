import { test, type TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Engine } from '../engine/engine.ts'
import { EnginePool } from './engines.ts'
import { GROUP_DEFAULTS } from './limits.ts'

interface Fixture {
  readonly pool: EnginePool
  readonly open: (database: string) => Promise<Engine>
}

function fixture(context: TestContext, engineProcessesMax: number): Fixture {
  const folder = mkdtempSync(`${tmpdir()}/harmony-pool-`)
  const pool = new EnginePool({ ...GROUP_DEFAULTS, engineProcessesMax })
  context.after(async () => {
    await pool.stop()
    rmSync(folder, { recursive: true })
  })
  return { pool, open: (database) => pool.open({ database, dataFile: `${folder}/${database}.sqlite` }) }
}

test('databases get processes of their own until there are as many as may be, and then share', async (context) => {
  const { pool, open } = fixture(context, 2)
  assert.deepEqual(pool.processIds, [])
  pool.warm()
  assert.equal(pool.processIds.length, 1)
  await open('a')
  assert.equal(pool.processIds.length, 1)
  await open('b')
  await open('c')
  assert.equal(pool.processIds.length, 2)
})

test('a process ends with its last database, except for the first one, which stays warm', async (context) => {
  const { pool, open } = fixture(context, 2)
  const [a, b] = [await open('a'), await open('b')]
  const [first] = pool.processIds
  await b.close()
  await a.close()
  assert.deepEqual(pool.processIds, [first])
})

test('a process that was killed is replaced with the next opening', async (context) => {
  const { pool, open } = fixture(context, 1)
  const dead = await open('a')
  process.kill(pool.processIds[0] ?? 0, 'SIGKILL')
  await assert.rejects(dead.checkpoint(), { end: /^(death|bystander)$/ })
  await dead.close().catch(() => {})
  const again = await open('a')
  assert.equal(again.applied.index, 0n)
})

test('a pool that was stopped opens nothing', async (context) => {
  const { pool, open } = fixture(context, 1)
  await pool.stop()
  await assert.rejects(open('a'), { code: 'SHUTTING_DOWN' })
})
