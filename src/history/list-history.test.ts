import { test } from 'node:test'
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ListHistory } from './list-history.ts'
import type { Transaction } from './list-transactions.ts'

const list = (...elements: string[]) => ({ kind: 'read', key: 'x', list: elements }) as const

test('what was put in comes out, whatever was read', () => {
  const ended = { process: 'a', outcome: 'ok', invokedAt: 0.5, completedAt: 9 } as const
  const transactions: readonly Transaction[] = [
    { ...ended, number: 1, steps: [{ kind: 'append', key: 'x', element: '1' }, list('1')] },
    { ...ended, number: 2, steps: [list(), list('1', '2', '3'), list('1', '2')] },
    // No beginning of what was read before, and what was read before is none of it.
    { ...ended, number: 3, steps: [list('2'), list('1', '3', '3', '4'), { ...list(), key: '[7]' }] },
    { ...ended, number: 4, process: 'b', outcome: 'fail', completedAt: 10, steps: [] },
    { ...ended, number: 5, outcome: 'info', completedAt: null, steps: [{ ...list(), list: null }] },
  ]
  const history = ListHistory.of(transactions)
  assert.deepEqual(
    transactions.map((_, at) => history.transaction(at)),
    transactions,
  )
  assert.deepEqual([history.processCount, history.keyCount, history.elementCount], [2, 2, 4])
})

test('a list that is read over and over is kept once, as it grows', () => {
  const [elements, reads] = [500, 20]
  const history = new ListHistory()
  const elementsNow: number[] = []
  const before = usedBytes()
  for (let element = 0; element < elements; element++) {
    elementsNow.push(element)
    for (let read = 0; read < reads; read++)
      history.complete(history.begin('a', element), 'ok', element, [
        { kind: 'read', key: 'x', list: [...elementsNow] },
      ])
  }
  // As lists of their own they are 2.5 million elements, 20 MB.
  assert.ok(usedBytes() - before < 2_000_000)
  assert.equal(history.texts(history.readBy(elements * reads - 1) ?? assert.fail()).length, elements)
})

function usedBytes(): number {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
