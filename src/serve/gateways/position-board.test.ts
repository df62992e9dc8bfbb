import assert from 'node:assert/strict'
import { ftruncateSync, writeSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import type { ReadPosition } from '../../base/transaction.ts'
import { PositionBoard, PositionBoardReader } from './position-board.ts'

interface Boards {
  readonly board: PositionBoard
  /** A gateway's, whose member is this process's parent. */
  readonly reader: PositionBoardReader
}

function open(t: TestContext): Boards {
  const board = new PositionBoard()
  t.after(() => board.close())
  return { board, reader: new PositionBoardReader(board.descriptor, process.ppid) }
}

/** A database, as far as the board knows it, and how to move it. */
class Database {
  #tell: (position: ReadPosition) => void = () => {}

  onReadPosition(listener: (position: ReadPosition) => void): () => void {
    this.#tell = listener
    listener({ readIndex: null, appliedIndex: 0 })
    return () => {}
  }

  moveTo(readIndex: number | null, appliedIndex: number): void {
    this.#tell({ readIndex, appliedIndex })
  }
}

test('a gateway reads what the member has written last, of each database its own', (t) => {
  const { board, reader } = open(t)
  const [one, other] = [new Database(), new Database()]
  const slots = [board.slotOf(one), board.slotOf(other)] as [number, number]
  assert.deepEqual(reader.read(slots[0]), { readIndex: null, appliedIndex: 0 })
  one.moveTo(8, 7)
  other.moveTo(2 ** 40, 2 ** 40 - 1)
  assert.deepEqual(reader.read(slots[0]), { readIndex: 8, appliedIndex: 7 })
  assert.deepEqual(reader.read(slots[1]), { readIndex: 2 ** 40, appliedIndex: 2 ** 40 - 1 })
  one.moveTo(null, 8)
  assert.deepEqual(reader.read(slots[0]), { readIndex: null, appliedIndex: 8 })
})

test('a database has one slot, for all gateways, and a slot has one database', (t) => {
  const { board } = open(t)
  const one = new Database()
  const slot = board.slotOf(one)
  assert.equal(board.slotOf(one), slot)
  assert.notEqual(board.slotOf(new Database()), slot)
  assert.equal(board.slotOf({}), null)
})

test('half of a record, or none, is not believed', (t) => {
  const { board, reader } = open(t)
  const database = new Database()
  const slot = board.slotOf(database) as number
  assert.equal(reader.read(slot + 1), null)
  ftruncateSync(board.descriptor, 4096)
  assert.equal(reader.read(slot + 1), null)
  for (let at = 0; at < 16; at++) {
    database.moveTo(1_000_003, 1_000_003)
    assert.notEqual(reader.read(slot), null)
    writeSync(board.descriptor, Uint8Array.of(0x55), 0, 1, slot * 24 + at)
    assert.equal(reader.read(slot), null, `byte ${at}`)
  }
})

test('a gateway whose member is gone believes nothing', (t) => {
  const { board } = open(t)
  const database = new Database()
  const slot = board.slotOf(database) as number
  database.moveTo(8, 8)
  const orphan = new PositionBoardReader(board.descriptor, process.ppid + 1)
  assert.equal(orphan.read(slot), null)
})

test('a board that is over says nothing, and nothing is written to it any more', () => {
  const board = new PositionBoard()
  const database = new Database()
  const slot = board.slotOf(database) as number
  database.moveTo(8, 8)
  // Its file is there for as long as somebody has it open.
  const reader = new PositionBoardReader(board.descriptor, process.ppid)
  assert.notEqual(reader.read(slot), null)
  board.empty()
  database.moveTo(9, 9)
  assert.equal(reader.read(slot), null)
  board.close()
})
