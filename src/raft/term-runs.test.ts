import { test } from 'node:test'
import assert from 'node:assert/strict'
import { TermRuns } from './term-runs.ts'
import { RandomValues } from './testing/random-values.ts'

test('terms of random logs are those of a plain list', () => {
  const random = new RandomValues(1)
  for (let round = 0; round < 200; round += 1) checkAgainstList(random)
})

function checkAgainstList(random: RandomValues): void {
  let base = random.below(5)
  const runs = new TermRuns(base, base === 0 ? 0 : 1)
  /** Terms by index. */
  const terms: number[] = []
  terms[base] = base === 0 ? 0 : 1
  for (let operation = 0; operation < 60; operation += 1) {
    const last = terms.length - 1
    const choice = random.below(10)
    if (choice < 7) {
      const term = Math.max(1, terms[last]!) + (random.chance(30) ? random.between(1, 3) : 0)
      runs.append(last + 1, term)
      terms.push(term)
    } else if (choice === 7 && last > base) {
      const from = random.between(base + 1, last)
      runs.truncate(from)
      terms.length = from
    } else if (choice === 8) {
      base = random.between(base, last)
      runs.compact(base)
    }
    check(runs, terms, base, random)
  }
}

function check(runs: TermRuns, terms: readonly number[], base: number, random: RandomValues): void {
  assert.equal(runs.baseIndex, base)
  for (let index = base; index < terms.length; index += 1) assert.equal(runs.termAt(index), terms[index])
  const limit = random.between(base, terms.length - 1)
  const term = random.below(12)
  let expected = limit
  while (expected > base && terms[expected]! > term) expected -= 1
  assert.equal(runs.lastIndexNotAbove(term, limit), expected)
}

test('what is before the base is not known', () => {
  assert.throws(() => new TermRuns(5, 2).termAt(4), /index 4 is before the base 5/)
})
