import { test } from 'node:test'
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { entriesSizeBytes } from './entry.ts'
import { MemoryTail } from './memory-tail.ts'
import { entry } from './testing/build.ts'
import { RandomValues } from './testing/random-values.ts'

test('a tail is what a plain list would be, and its size is exact, over 20,000 random operations', () => {
  const random = new RandomValues(1)
  const tail = new MemoryTail(1)
  let first = 1
  let list: ReturnType<typeof entry>[] = []
  for (let operation = 0; operation < 20_000; operation += 1) {
    const end = first + list.length
    const choice = random.below(10)
    if (choice < 7) {
      const made = entry(end, 1, 'x'.repeat(random.below(20)))
      tail.append(made)
      list.push(made)
    } else if (choice === 7 && random.chance(20)) {
      const from = random.between(Math.max(1, first - 2), end)
      tail.truncate(from)
      if (from <= first) [first, list] = [from, []]
      else list = list.slice(0, from - first)
    } else if (choice === 8) {
      const index = random.between(first - 1, end - 1)
      tail.release(index)
      list = list.slice(index - first + 1)
      first = index + 1
    }
    assert.deepEqual([tail.firstIndex, tail.endIndex], [first, first + list.length])
    assert.equal(tail.sizeBytes, entriesSizeBytes(list))
    if (operation % 50 === 0) assert.deepEqual(tail.slice(first, tail.endIndex, Infinity), list)
  }
})

test('a slice has as many entries as fit, but at least one', () => {
  const tail = new MemoryTail(5)
  for (let index = 5; index < 10; index += 1) tail.append(entry(index, 1, 'xxxxxx'))
  const indexes = (sizeBytesMax: number): number[] => tail.slice(6, 9, sizeBytesMax).map(({ index }) => index)
  assert.deepEqual(indexes(1), [6])
  assert.deepEqual(indexes(60), [6, 7])
  assert.deepEqual(indexes(90), [6, 7, 8])
})

test('what was released is not given, and a gap is not taken', () => {
  const tail = new MemoryTail(1)
  tail.append(entry(1, 1))
  tail.append(entry(2, 1))
  tail.release(1)
  assert.throws(() => tail.slice(1, 3, Infinity), /entries 1 to 3 are not in memory/)
  assert.throws(() => tail.append(entry(4, 1)), /entry 4 appended at 3/)
})

test('what is released is garbage at once, however few entries there are', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const tail = new MemoryTail(1)
  const references = Array.from({ length: 10 }, (_, at) => {
    const made = entry(at + 1, 1, 'x'.repeat(1000))
    tail.append(made)
    return new WeakRef(made)
  })
  tail.release(7)
  // A reference that was made in this turn keeps its target until the next one.
  await new Promise((resolve) => setImmediate(resolve))
  collectGarbage()
  const alive = references.filter((reference) => reference.deref() !== undefined)
  assert.equal(alive.length, 3)
  assert.equal(tail.endIndex, 11)
})
