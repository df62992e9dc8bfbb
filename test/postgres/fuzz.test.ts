import { test } from 'node:test'
import { fuzz } from './fuzz.ts'
import { openPostgres } from './harness.ts'

test('mutated conversations do not crash the member or leave anything behind', async () => {
  await using harness = await openPostgres()
  const seed = (Date.now() % 1_000_000) + 1
  console.log(`seed ${seed}`)
  await fuzz(2000, seed, harness)
})
