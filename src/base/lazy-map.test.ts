import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LazyMap } from './lazy-map.ts'

test('a lazy map is a map', () => {
  const map = new LazyMap<string, number>()
  assert.deepEqual(
    [map.size, map.get('a'), map.has('a'), map.delete('a'), [...map.entries()]],
    [0, undefined, false, false, []],
  )
  map.set('a', 1)
  map.set('b', 2)
  assert.deepEqual([map.size, map.get('b'), map.has('a')], [2, 2, true])
  assert.deepEqual(
    [[...map.keys()], [...map.values()], [...map.entries()]],
    [
      ['a', 'b'],
      [1, 2],
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
  )
  for (const [key] of map.entries()) map.delete(key)
  assert.equal(map.size, 0)
  map.set('c', 3)
  map.clear()
  assert.deepEqual([map.size, map.get('c'), map.delete('c')], [0, undefined, false])
})
