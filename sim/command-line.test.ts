import { test } from 'node:test'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import {
  knownName,
  knownNames,
  OptionError,
  positiveNumber,
  seedNumber,
  wholeNumber,
} from './command-line.ts'
import { forEachAtOnce, runScript } from './mutants/hunters.ts'

const ROOT = join(import.meta.dirname, '..')

/** Every tool, and something that it must refuse before it begins. */
const REFUSED: readonly string[] = [
  'sim/main.ts --seed abc',
  'sim/main.ts --seeds 1.5',
  'sim/main.ts --profile nonsense',
  'sim/main.ts --unknown',
  'sim/system/main.ts --machines x',
  'sim/system/main.ts --machines 0',
  'sim/system/main.ts --seconds -1',
  'sim/mutants-main.ts --only B999',
  'sim/mutants-main.ts --seconds soon',
  'sim/system/mutants-main.ts --only J1,B1',
  'sim/system/mutants-main.ts --sample 0',
  'sim/system/mutants-main.ts --seed',
  'test/chaos/main.ts --seed abc',
  'test/chaos/main.ts --minutes 0',
  'test/chaos/main.ts --only pause,nonsense',
  'test/fuzz/main.ts --inputs 0',
  'test/fuzz/main.ts --target nonsense',
  'test/fuzz/main.ts --first -1',
  'test/kill/main.ts --kills many',
  'test/kill/main.ts --seed 1.5',
  'test/overload/main.ts --connections x',
  'test/overload/main.ts --protocol smtp',
  'test/overload/main.ts --only nothing',
  'bench/stress/main.ts --users 0',
  'bench/stress/main.ts --members 2',
  'bench/stress/main.ts --seed abc',
]

test('every tool refuses options that are wrong in one line, with its usage, and exit code 2', async () => {
  await forEachAtOnce(REFUSED, async (command) => {
    const { exitCode, output, errors } = await runScript(command.split(' '), ROOT)
    assert.equal(exitCode, 2, `${command}: ${errors}`)
    assert.equal(output, '', command)
    assert.match(errors, /^[^\n]*--\w+[^\n]*\n\nusage: (npm run|node) /, command)
  })
})

test('every tool tells its usage', async () => {
  const files = new Set(REFUSED.map((command) => command.split(' ')[0] ?? ''))
  await forEachAtOnce([...files], async (file) => {
    const { exitCode, output } = await runScript([file, '--help'], ROOT)
    assert.equal(exitCode, 0, file)
    assert.match(output, /^usage: (npm run|node) /, file)
  })
})

test('numbers are what they say, or are refused', () => {
  assert.equal(wholeNumber('seeds', '200'), 200)
  assert.equal(wholeNumber('seed', '0', 0), 0)
  assert.equal(positiveNumber('minutes', '0.5'), 0.5)
  assert.equal(seedNumber('87', 10), 87)
  assert.ok(seedNumber(undefined, 10) < 10)
  for (const text of ['', ' ', 'x', '-1', '0', '1.5', 'NaN', 'Infinity', '1e400'])
    assert.throws(() => wholeNumber('seeds', text), OptionError, text)
  for (const text of ['', 'x', '-1', '0', 'Infinity'])
    assert.throws(() => positiveNumber('minutes', text), OptionError, text)
  for (const text of ['x', '-1', '1.5', '9007199254740991'])
    assert.throws(() => seedNumber(text, 10), OptionError, text)
})

test('a name that is not known is refused, and those that are known are told', () => {
  assert.equal(knownName('profile', 'swarm', ['swarm', 'reads']), 'swarm')
  assert.deepEqual(knownNames('only', 'kill -9, pause', ['pause', 'kill -9']), ['kill -9', 'pause'])
  assert.throws(() => knownNames('only', 'a,', ['a', 'b']), /--only is ""; it must be one of: a, b\./)
})
