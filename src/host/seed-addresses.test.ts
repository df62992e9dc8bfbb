import { test } from 'node:test'
import assert from 'node:assert/strict'
import { isDnsSeed, resolveSeeds } from './seed-addresses.ts'

test('addresses stay as they are, names give theirs, unknown ones none', async () => {
  const [first, ...others] = await resolveSeeds([
    '10.0.0.1:7001',
    'dns:localhost:7002',
    'dns:nobody.invalid:7003',
  ])
  assert.equal(first, '10.0.0.1:7001')
  assert.ok(others.length > 0)
  for (const address of others) assert.match(address, /^(127\.0\.0\.1|\[::1\]):7002$/)
})

test('what is a name', () => {
  assert.deepEqual(['dns:members:7001', 'dns:members', 'members:7001', 'dns:a b:1'].map(isDnsSeed), [
    true,
    false,
    false,
    false,
  ])
})
