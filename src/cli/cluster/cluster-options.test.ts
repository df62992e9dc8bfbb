import { test } from 'node:test'
import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { parseClusterOptions } from './cluster-options.ts'

test('nothing given: run, with what the folder says or the defaults', () => {
  assert.deepEqual(parseClusterOptions([], {}), {
    folder: resolve('harmony-cluster'),
    members: null,
    basePort: null,
    action: { kind: 'run' },
  })
})

test('everything given', () => {
  const args = ['--members', '3', '--data', '/tmp/three', '--base-port', '9000', '--start', '0']
  assert.deepEqual(parseClusterOptions(args, {}), {
    folder: '/tmp/three',
    members: 3,
    basePort: 9000,
    action: { kind: 'start', index: 0 },
  })
})

function refusal(...args: string[]): string {
  try {
    return JSON.stringify(parseClusterOptions(args, {}))
  } catch (error) {
    return (error as Error).message
  }
}

test('what makes no sense is refused with what would', () => {
  assert.equal(
    refusal('--base-port', '65500'),
    '--base-port is "65500"; it must be a whole number from 1 to 65435.',
  )
  assert.equal(refusal('--start', '1', '--stop', '1'), '--start and --stop exclude each other.')
  assert.equal(refusal('--member', '3'), 'Unknown option --member. Did you mean --members?')
})
