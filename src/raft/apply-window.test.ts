import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ApplyWindow } from './apply-window.ts'
import { entrySizeBytes } from './entry.ts'
import { entry } from './testing/build.ts'
import { UncommittedLedger } from './uncommitted-ledger.ts'

const SIZE = entrySizeBytes(entry(1, 1))

test('bytes count from handing out until all of a batch is applied', () => {
  const window = new ApplyWindow(4, 3 * SIZE)
  window.handOut([entry(5, 1), entry(6, 1)])
  assert.deepEqual([window.roomBytes, window.hasRoom(), window.isBusy()], [SIZE, true, true])
  window.handOut([entry(7, 1)])
  assert.equal(window.hasRoom(), false)
  window.finish(5)
  assert.deepEqual([window.applied, window.roomBytes], [5, 0])
  window.finish(7)
  assert.deepEqual([window.applied, window.roomBytes, window.isBusy()], [7, 3 * SIZE, false])
})

test('entries are handed out in order and once, and applied no further than that', () => {
  const window = new ApplyWindow(4, 1000)
  assert.throws(() => window.handOut([entry(4, 1)]), /in order/)
  assert.throws(() => window.handOut([entry(6, 1)]), /in order/)
  assert.throws(() => window.finish(5), /was not handed out/)
  window.handOut([entry(5, 1)])
  window.finish(5)
  assert.throws(() => window.finish(4), /goes back/)
})

test('a snapshot moves both ends, but not under entries that are being applied', () => {
  const window = new ApplyWindow(4, 1000)
  window.handOut([entry(5, 1)])
  assert.throws(() => window.jump(9), /while entries were being applied/)
  window.finish(5)
  window.jump(9)
  assert.deepEqual([window.applied, window.handedOut], [9, 9])
})

test('the sum of what is uncommitted is exact after any number of rounds', () => {
  const ledger = new UncommittedLedger()
  let index = 0
  for (let round = 0; round < 5000; round += 1) {
    index += 2
    ledger.add(index, 10)
    ledger.add(index + 1, 7)
    index += 1
    if (round % 10 === 9) ledger.commitTo(index - 1)
  }
  assert.equal(ledger.bytes, 7)
  ledger.commitTo(index)
  assert.equal(ledger.bytes, 0)
})
