import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Random } from '../random.ts'
import { Faults } from './faults.ts'
import type { Machine } from './machine.ts'
import { SOUND_DISK } from './machine-disk.ts'
import { NO_FAULTS } from './options.ts'
import { World } from './world.ts'

test('when the faults stop, every trouble of a disk is over, whatever was to end it', () => {
  const trouble = Object.fromEntries(Object.keys(SOUND_DISK).map((name) => [name, 'trouble']))
  const machine = { trouble, resume: () => {}, start: () => {} } as unknown as Machine
  const world = new World(new Random('faults'), false)
  new Faults(world, [machine], NO_FAULTS, new Random('faults')).stop()
  assert.deepEqual(trouble, SOUND_DISK)
})
