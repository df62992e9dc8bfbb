import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import {
  ANSWER_SIZE_BYTES_MAX,
  AnswerBudget,
  AnswerMemory,
  Answers,
  FREE_SAMPLE,
  KEY_LENGTH_MAX,
  MISSES_BEFORE,
  SAMPLE,
} from './answers.ts'

/** As a statement does: what is not known is asked for. Whether it was known. */
function read(answers: Answers, key: unknown, value: string | number | null = 'x', state = 1): boolean {
  const isKnown = answers.find(key) !== undefined
  if (!isKnown) answers.note(key, value === null ? null : [value], state)
  return isKnown
}

function begun(memory: AnswerMemory, state = 1): Answers {
  const answers = new Answers(memory)
  for (let count = 0; count < MISSES_BEFORE; count++) read(answers, 0, 'x', state)
  return answers
}

function shareKnown(answers: Answers, keys: readonly unknown[]): number {
  return keys.filter((key) => answers.find(key) !== undefined).length / keys.length
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1)

test('nothing is remembered before a state has answered some reads, and each state counts anew', () => {
  const memory = new AnswerMemory(new AnswerBudget())
  const answers = new Answers(memory)
  for (let state = 1; state <= 10; state++)
    for (let count = 0; count < MISSES_BEFORE; count++) assert.equal(read(answers, 1, 'x', state), false)
  assert.ok(memory.isEmpty)
  assert.equal(answers.misses, MISSES_BEFORE * 10)
  for (let count = 0; count < 2 * SAMPLE; count++) read(answers, 1, 'x', 10)
  assert.equal(read(answers, 1, 'x', 10), true)
  assert.ok(answers.misses <= MISSES_BEFORE * 10 + 2 * FREE_SAMPLE)
})

test('an answer has its values and then the parameter; no row is an answer, too', () => {
  const answers = begun(new AnswerMemory(new AnswerBudget()))
  for (let count = 0; count < SAMPLE; count++) answers.note(7, ['a', null, 5], 1)
  for (let count = 0; count < SAMPLE; count++) answers.note(8, null, 1)
  assert.deepEqual(answers.find(7), ['a', null, 5, 7])
  assert.deepEqual(answers.find(8), [8])
  assert.equal(answers.find(9), undefined)
})

test('a parameter is told from every other', () => {
  const answers = begun(new AnswerMemory(new AnswerBudget()))
  const keys = [1, '1', -1, 1.5, '1.5', 2 ** 31, 2 ** 32 + 1, 2 ** 53, '', 'a', 'é', '\ud800', 'null', 'NaN']
  for (let round = 0; round < 2 * SAMPLE; round++)
    for (const key of keys) read(answers, key, `${typeof key} ${key}`)
  for (const key of keys)
    if (answers.find(key) !== undefined)
      assert.deepEqual(answers.find(key), [`${typeof key} ${key}`, key], `${typeof key} ${key}`)
  assert.ok(shareKnown(answers, keys) > 0.6, `${shareKnown(answers, keys)}`)
  for (const other of [1n, true, null, undefined, NaN, 2, '2', 1.25, {}])
    assert.equal(answers.find(other), undefined)
})

test('what is no unmistakable parameter, or what may be changed by its reader, is not remembered', () => {
  const memory = new AnswerMemory(new AnswerBudget())
  const answers = begun(memory)
  const bytes = new Uint8Array(1)
  for (const key of [0, -0, NaN, 1n, true, null, undefined, bytes, 'k'.repeat(KEY_LENGTH_MAX + 1)])
    for (let count = 0; count < 2 * SAMPLE; count++) assert.equal(read(answers, key), false)
  for (let count = 0; count < 2 * SAMPLE; count++) {
    answers.note(1, [bytes], 1)
    answers.note(2, ['x'.repeat(ANSWER_SIZE_BYTES_MAX)], 1)
  }
  assert.equal(answers.find(1), undefined)
  assert.equal(answers.find(2), undefined)
  assert.ok(memory.isEmpty)
})

test('all of a table that fits is soon remembered, whatever its parameters are', () => {
  for (const keys of [
    numbers(10_000),
    numbers(10_000).map((id) => id * 65_536),
    numbers(10_000).map((id) => `user ${id}`),
  ]) {
    const answers = begun(new AnswerMemory(new AnswerBudget()))
    for (let round = 0; round < 20; round++) for (const key of keys) read(answers, key)
    assert.ok(shareKnown(answers, keys) > 0.9, `${keys[0]}: ${shareKnown(answers, keys)}`)
  }
})

test('dropped is dropped, and given back to the budget', () => {
  const budget = new AnswerBudget()
  const [memory, other] = [new AnswerMemory(budget), new AnswerMemory(budget)]
  const all = [begun(memory), begun(memory), begun(other)]
  for (const answers of all)
    for (let round = 0; round < 20; round++) for (const key of numbers(2_000)) read(answers, key)
  const sizeBytes = budget.sizeBytes
  memory.drop()
  assert.deepEqual(
    all.map((answers) => answers.find(5) !== undefined),
    [false, false, true],
  )
  assert.ok(budget.sizeBytes > 0 && budget.sizeBytes < sizeBytes / 2)
  other.drop()
  assert.equal(budget.sizeBytes, 0)
})

test('never more than the budget is taken, by all databases together', () => {
  const budget = new AnswerBudget(1_000_000)
  const all = [begun(new AnswerMemory(budget)), begun(new AnswerMemory(budget))]
  for (const key of numbers(50_000))
    for (const answers of all) {
      read(answers, key, 'x'.repeat(key % 200))
      assert.ok(budget.sizeBytes <= 1_000_000)
    }
  assert.ok(budget.sizeBytes > 900_000)
})

test('a size is no less than what the heap has grown by', () => {
  const script = `
    import { AnswerBudget, AnswerMemory, Answers } from ${JSON.stringify(new URL('./answers.ts', import.meta.url).href)}
    const budget = new AnswerBudget()
    const answers = new Answers(new AnswerMemory(budget))
    const fresh = (text) => Buffer.from(text).toString()
    globalThis.gc()
    const before = process.memoryUsage()
    for (let id = 1; id <= 50_000; id++)
      for (let count = 0; count < ${SAMPLE}; count++) answers.note(id, [id, fresh('user ' + id), fresh('grüße an ' + id + ' €'), id / 3], 1)
    globalThis.gc()
    const after = process.memoryUsage()
    const grown = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers
    console.log(JSON.stringify({ told: budget.sizeBytes, grown, known: answers.find(49_999) !== undefined }))`
  const { told, grown, known } = inChild(script) as { told: number; grown: number; known: boolean }
  assert.ok(known && grown > 1_000_000)
  assert.ok(told >= grown && told < grown * 2, `${told} told, ${grown} grown`)
})

test('a parameter that was cut out of a long text does not keep that in memory', () => {
  const script = `
    import { AnswerBudget, AnswerMemory, Answers } from ${JSON.stringify(new URL('./answers.ts', import.meta.url).href)}
    const answers = new Answers(new AnswerMemory(new AnswerBudget()))
    globalThis.gc()
    const before = process.memoryUsage().heapUsed
    for (let id = 1; id <= 400; id++) {
      const text = Buffer.alloc(1_000_000, 'key ' + id + ' ').toString('latin1')
      for (let count = 0; count < ${SAMPLE}; count++) answers.note(text.slice(0, 40), ['x'], 1)
    }
    globalThis.gc()
    console.log(JSON.stringify({ grown: process.memoryUsage().heapUsed - before }))`
  const { grown } = inChild(script) as { grown: number }
  assert.ok(grown < 20_000_000, `${grown} bytes`)
})

function inChild(script: string): unknown {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', '--input-type=module', '-e', script],
    { encoding: 'utf8' },
  )
  assert.equal(stderr, '')
  return JSON.parse(stdout)
}

test('a walk through far more than the budget drives little out of what is there', () => {
  const answers = begun(new AnswerMemory(new AnswerBudget(1_000_000)))
  const often = numbers(1_000)
  for (let round = 0; round < 20; round++) for (const key of often) read(answers, key)
  for (let key = 10_000; key < 30_000; key++) read(answers, key)
  assert.ok(shareKnown(answers, often) > 0.5, `${shareKnown(answers, often)}`)
})

test('what is asked for now comes in, though others filled the budget first', () => {
  const budget = new AnswerBudget(1_000_000)
  const memory = new AnswerMemory(budget)
  const earlier = begun(memory)
  for (const key of numbers(50_000)) read(earlier, key)
  const now = begun(new AnswerMemory(budget))
  const often = numbers(100)
  // Of one statement that asks for other rows now, and of another statement in another database.
  for (const answers of [earlier, now]) {
    const rows = answers === now ? often : numbers(100).map((id) => id + 1_000_000)
    for (let round = 0; round < 300; round++) for (const key of rows) read(answers, key)
    assert.ok(shareKnown(answers, rows) > 0.9, `${shareKnown(answers, rows)}`)
  }
})
