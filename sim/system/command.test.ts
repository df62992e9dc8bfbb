import { test } from 'node:test'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { runScript } from '../mutants/hunters.ts'
import { withPatchedCopy } from '../mutants/workspace.ts'
import { Random } from '../random.ts'
import { adjusted } from './command.ts'
import { drawOptions } from './options.ts'

const drawn = Array.from({ length: 200 }, (_, seed) => drawOptions(new Random(seed)))

test('a failure is told with the command that shows the same run', async () => {
  const broken = {
    file: 'sim/system/run.ts',
    find: "    this.#phase('start')\n",
    replace: "    throw new Violation('planted', 'a check that always fails')\n",
  }
  const output = await withPatchedCopy(
    [broken],
    async (folder) => {
      const asked = '--seed 8809 --machines 3 --static'.split(' ')
      return (await runScript([join(folder, 'sim/system/main.ts'), ...asked])).output
    },
    ['src', 'sim', 'test'],
  )
  assert.match(output, /violated: planted: a check that always fails/)
  assert.match(
    output,
    /replay it with: node sim\/system\/main.ts --seed 8809 --machines 3 --static --trace\n/,
  )
})

test('without options a run is what its seed says', () => {
  const adjust = adjusted({ machines: null, isStatic: false })
  for (const options of drawn) assert.deepEqual(adjust(options), options)
})

test('fewer machines are not asked for what takes more of them', () => {
  const runs = drawn.map(adjusted({ machines: 2, isStatic: false }))
  assert.ok(drawn.some(({ faults }) => faults.loss !== null))
  assert.ok(drawn.some(({ operators }) => operators.replaceAtUs !== null))
  for (const { machines, faults, operators } of runs)
    assert.deepEqual([machines, faults.loss, operators.replaceAtUs], [2, null, null])
})

test('without a catalog nothing is asked for that goes by way of it', () => {
  const runs = drawn.map(adjusted({ machines: null, isStatic: true }))
  assert.ok(runs.some(({ faults }) => faults.loss !== null))
  for (const { kind, faults, operators, workloads } of runs) {
    assert.deepEqual([kind, operators.replaceAtUs], ['static', null])
    for (const lost of ['damage', 'wipe']) assert.notEqual(faults.loss?.kind, lost)
    assert.ok(!workloads.includes('databases'))
    assert.equal(new Set(workloads).size, workloads.length)
  }
})
