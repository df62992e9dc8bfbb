/**
 * The log against a model of a disk: random appends, conflicts, writes, late completions, snapshots and crashes. What
 * the log calls durable must be on the disk, whatever the crash leaves.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DEFAULT_RAFT_CONFIG } from './config.ts'
import { encodeConfiguration } from './configuration-codec.ts'
import type { Entry, HardState } from './entry.ts'
import { Log } from './log.ts'
import { MemoryLogStorage } from './memory-log-storage.ts'
import type { StorageWrite } from './ready.ts'
import { entry, logOf, voters } from './testing/build.ts'
import { RandomValues } from './testing/random-values.ts'

const HARD_STATE: HardState = { term: 0, votedFor: null, commit: 0 }

function openAt(storage: MemoryLogStorage, appliedIndex: number, limits = DEFAULT_RAFT_CONFIG): Log {
  return new Log(storage, { appliedIndex, commitHint: 0, outline: undefined }, limits)
}

function openLog(storage: MemoryLogStorage, applied = 0, limits = {}): Log {
  return openAt(storage, applied, { ...DEFAULT_RAFT_CONFIG, ...limits })
}

function withEntries(...terms: number[]): MemoryLogStorage {
  const storage = new MemoryLogStorage(voters(3))
  storage.perform({
    number: 0,
    hardState: HARD_STATE,
    snapshot: null,
    entries: logOf(...terms),
  })
  return storage
}

function takeWrite(log: Log): StorageWrite {
  return { ...log.takeWrite(), hardState: null }
}

function contents(log: Log): string[] {
  const entries: Entry[] = []
  for (let index = log.baseIndex + 1; index <= log.lastIndex;) {
    const some = log.entries(index, log.lastIndex + 1, Infinity)
    entries.push(...some)
    index += some.length
  }
  return entries.map(({ term, index }) => `${term}/${index}`)
}

test('a log that is opened knows every term of what is stored', () => {
  const log = openLog(withEntries(1, 1, 3))
  assert.deepEqual([log.lastIndex, log.lastTerm, log.termAt(2), log.termAt(4)], [3, 3, 1, null])
  assert.equal(log.durableIndex, 3)
})

test('an outline spares reading the log, and says the same', () => {
  const configuration = { ...voters(4), index: 3 }
  const membership: Entry = {
    index: 3,
    term: 3,
    kind: 'membership',
    data: encodeConfiguration(configuration),
  }
  const storage = withEntries(1, 1)
  storage.perform({ number: 0, hardState: null, snapshot: null, entries: [membership] })
  const read = openLog(storage)
  storage.entries = () => assert.fail('the log is read')
  const terms = [
    { index: 1, term: 1 },
    { index: 3, term: 3 },
  ]
  const outline = { terms, memberships: [membership] }
  const told = new Log(storage, { appliedIndex: 0, commitHint: 0, outline }, DEFAULT_RAFT_CONFIG)
  for (const log of [read, told]) {
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((index) => log.termAt(index)),
      [0, 1, 1, 3, null],
    )
    assert.deepEqual(log.memberships.active, configuration)
  }
})

test('entries that are here already are skipped, and what follows them stays', () => {
  const log = openLog(withEntries(1, 1, 1))
  assert.equal(log.merge([entry(1, 1), entry(2, 1)]), true)
  assert.deepEqual([log.lastIndex, log.hasUnwritten()], [3, false])
})

test('a conflict replaces everything from there on', () => {
  const log = openLog(withEntries(1, 1, 1))
  assert.equal(log.merge([entry(1, 1), entry(2, 2)]), true)
  assert.deepEqual(contents(log), ['1/1', '2/2'])
  assert.equal(log.durableIndex, 1)
  assert.deepEqual(takeWrite(log).entries, [entry(2, 2)])
})

test('a conflict with what is committed is refused, and nothing changes', () => {
  const log = openLog(withEntries(1, 1, 1))
  log.commitTo(2)
  assert.equal(log.merge([entry(2, 2)]), false)
  assert.deepEqual(contents(log), ['1/1', '1/2', '1/3'])
})

test('memory holds what is not durable or not applied, up to its limit, and reads the rest', () => {
  const storage = new MemoryLogStorage(voters(3))
  const log = openLog(storage, 0, { memoryTailBytesMax: 100 })
  for (let index = 1; index <= 10; index += 1) log.append(entry(index, 1))
  const write = takeWrite(log)
  storage.perform(write)
  log.completeWrite(write.number)
  assert.deepEqual(contents(log).length, 10)
  log.commitTo(10)
  const applied = [...log.takeCommitted(), ...log.takeCommitted()]
  assert.deepEqual(
    applied.map(({ index }) => index),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  )
})

test('storage that is still reading is asked again', () => {
  const storage = withEntries(1, 1)
  const log = openLog(storage)
  const entries = storage.entries.bind(storage)
  storage.entries = () => []
  log.commitTo(2)
  assert.deepEqual(log.takeCommitted(), [])
  storage.entries = entries
  assert.equal(log.takeCommitted().length, 2)
})

test('compaction keeps the base, its term and its configuration', () => {
  const log = openLog(withEntries(1, 2, 2))
  log.commitTo(3)
  log.takeCommitted()
  log.appliedTo(3)
  assert.deepEqual(log.compact(2), { index: 2, term: 2, configuration: voters(3) })
  assert.deepEqual([log.baseIndex, log.termAt(2), log.termAt(1)], [2, 2, null])
  assert.equal(log.compact(2), null)
  assert.throws(() => log.compact(4), /index 4 is not applied/)
})

/** What a crash can leave: all writes up to some number, which is at least the last that was reported in order. */
class DiskModel {
  readonly #writes: StorageWrite[] = []
  #reported = 0

  add(write: StorageWrite): void {
    this.#writes.push(write)
  }

  get count(): number {
    return this.#writes.length
  }

  report(number: number): void {
    this.#reported = number
  }

  /** The log after a crash that kept `keep` writes more than had to be kept. */
  after(keep: number): MemoryLogStorage {
    const storage = new MemoryLogStorage(voters(3))
    for (const write of this.#writes) if (write.number <= this.#reported + keep) storage.perform(write)
    return storage
  }
}

/** One life of a log: what is durable is checked against every disk that a crash could leave. */
function liveOnce(random: RandomValues): void {
  const log = openLog(new MemoryLogStorage(voters(3)))
  const disk = new DiskModel()
  const underWay: number[] = []
  let term = 1
  for (let operation = 0; operation < 80; operation += 1) {
    const choice = random.below(10)
    if (choice < 4) mergeSomething(log, random, term)
    else if (choice === 4) term += 1
    else if (choice === 5) restoreSomething(log, random, term)
    else if (choice < 8 && log.hasUnwritten() && !log.writeMustWait()) {
      const write = takeWrite(log)
      disk.add(write)
      underWay.push(write.number)
    } else if (underWay.length > 0) {
      const [number] = underWay.splice(random.below(underWay.length), 1)
      log.completeWrite(number!)
      disk.report(log.writes.durableNumber)
    }
    checkDurable(log, disk)
  }
}

function mergeSomething(log: Log, random: RandomValues, term: number): void {
  const previous = random.between(log.commit, log.lastIndex)
  const count = random.between(1, 4)
  const first = Math.max(1, log.termAt(previous)!)
  let entryTerm = random.between(first, Math.max(first, term))
  const entries: Entry[] = []
  for (let at = 1; at <= count; at += 1) {
    entries.push(entry(previous + at, entryTerm, `${entryTerm}`))
    entryTerm = random.between(entryTerm, Math.max(entryTerm, term))
  }
  assert.equal(log.merge(entries), true)
  if (random.chance(20)) log.commitTo(random.between(log.commit, log.lastIndex))
}

function restoreSomething(log: Log, random: RandomValues, term: number): void {
  if (log.isInstallingSnapshot || !random.chance(20)) return
  const index = log.lastIndex + random.between(1, 5)
  log.restore({ index, term: Math.max(term, log.lastTerm), configuration: voters(3) })
}

function checkDurable(log: Log, disk: DiskModel): void {
  for (let keep = 0; keep <= disk.count; keep += 1) {
    const storage = disk.after(keep)
    const found = openAt(storage, storage.base().index)
    // A disk that a later snapshot, or a later truncation, got to has moved on; up to what is durable, they agree.
    for (let index = Math.max(log.baseIndex, found.baseIndex) + 1; index <= log.durableIndex; index += 1)
      assert.equal(found.termAt(index), log.termAt(index), `index ${index} after ${keep} more writes`)
    assert.equal(found.lastIndex >= log.durableIndex, true)
  }
}

for (const seed of [1, 2, 3, 4, 5]) {
  test(`what is called durable survives every crash: 40 random lives of seed ${seed}`, () => {
    const random = new RandomValues(seed)
    for (let life = 0; life < 40; life += 1) liveOnce(random)
  })
}
