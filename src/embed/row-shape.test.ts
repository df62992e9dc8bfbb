import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { rowMaker, toRow } from './row-shape.ts'

const NAMES = ['id', 'a b', '"quoted"', "it's", '\\', '\u2028', '', '1', '`${x}`', 'constructor', 'v[0]']

test('a row has its columns as own properties, in order, whatever they are called', () => {
  const values = NAMES.map((_, at) => BigInt(at))
  for (const row of [rowMaker(NAMES)(values), toRow(NAMES, values)])
    assert.deepEqual(row, Object.fromEntries(NAMES.map((name, at) => [name, BigInt(at)])))
})

test('a column called __proto__ is a column', () => {
  for (const row of [rowMaker(['__proto__', 'x'])(['p', 1]), toRow(['__proto__', 'x'], ['p', 1])]) {
    assert.deepEqual(Object.entries(row), [
      ['__proto__', 'p'],
      ['x', 1],
    ])
    assert.equal(Object.getPrototypeOf(row), Object.prototype)
  }
})

test('of columns with the same name the last one wins', () => {
  assert.deepEqual(rowMaker(['x', 'x'])([1, 2]), { x: 2 })
  assert.deepEqual(toRow(['x', 'x'], [1, 2]), { x: 2 })
})

test('an application that forbids code made of strings gets the same rows', () => {
  const module = JSON.stringify(new URL('./row-shape.ts', import.meta.url).href)
  const program = `import { rowMaker } from ${module}
    console.log(JSON.stringify(rowMaker(['a', 'b'])([1, 'two'])))`
  const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', program]
  const { stdout } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  assert.deepEqual(JSON.parse(stdout), { a: 1, b: 'two' })
})
