/** The properties of placement: every member computes the same, roles are spread evenly, little moves. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { must } from '../base/assert.ts'
import { SeededRandom } from '../host/random.ts'
import { freeSeat, placementOf, seatOf, voterCount } from './placement.ts'
import type { Seat } from './placement.ts'

const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, at) => from + at)
const cluster = (count: number): Seat[] =>
  numbers(count).map((seat) => ({ member: seat + 1, seat, isVoter: true }))
const firstOf = (members: readonly Seat[], group: number): number =>
  must(placementOf(members, group).voters[0])

function counts(values: readonly number[]): number[] {
  const found = new Map<number, number>()
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1)
  return [...found.values()].sort((left, right) => left - right)
}

test('one voter alone, both of two, three of three and more; the catalog has five of five and more', () => {
  const databases = numbers(7, 1).map((count) => voterCount(9, count))
  assert.deepEqual(databases, [1, 2, 3, 3, 3, 3, 3])
  const catalog = numbers(7, 1).map((count) => voterCount(0, count))
  assert.deepEqual(catalog, [1, 2, 3, 3, 5, 5, 5])
})

test('determinism: the order of the list does not matter, and voters and learners are all members once', () => {
  const random = new SeededRandom(1n)
  for (const count of numbers(12, 1)) {
    for (const group of numbers(50)) {
      const members = cluster(count)
      const placement = placementOf(members, group)
      const shuffled = members.toSorted(() => random.float() - 0.5)
      assert.deepEqual(placementOf(shuffled, group), placement)
      const all = [...placement.voters, ...placement.learners].sort((left, right) => left - right)
      assert.deepEqual(all, numbers(count, 1))
    }
  }
})

test('balance: of any stretch of groups each member should lead its share, give or take two', () => {
  for (const count of numbers(9, 2)) {
    for (const [from, length] of [
      [1, count],
      [1, 2 * count],
      [17, 100],
      [990, 1_000],
    ] as const) {
      const led = counts(numbers(length, from).map((group) => firstOf(cluster(count), group)))
      const shares = [...Array<number>(count - led.length).fill(0), ...led]
      const share = length / count
      assert.ok(
        shares.every((one) => Math.abs(one - share) <= 2),
        `${count} members, ${length} groups from ${from}: ${shares.join(' ')}`,
      )
    }
  }
})

test('balance: the first databases of three or four members are led by different ones', () => {
  for (const count of [2, 3, 4]) {
    const leaders = numbers(count, 1).map((group) => firstOf(cluster(count), group))
    assert.equal(new Set(leaders).size, count, leaders.join(' '))
  }
})

test('balance: votes are spread, and so are those who follow when the first choice fails', () => {
  const members = cluster(4)
  const placements = numbers(1_000, 1).map((group) => placementOf(members, group))
  for (const spread of [
    counts(placements.flatMap(({ voters }) => voters)).map((votes) => votes / 750),
    counts(placements.map(({ voters }) => must(voters[1]))).map((second) => second / 250),
  ]) {
    assert.equal(spread.length, 4)
    assert.ok(
      spread.every((share) => share > 0.85 && share < 1.15),
      spread.join(' '),
    )
  }
})

test('minimal movement: who joins takes its share of the leaders, and nobody else gains one', () => {
  for (const count of numbers(13, 1)) {
    const groups = numbers(2_520)
    const moved = groups.filter((group) => {
      const [before, after] = [firstOf(cluster(count), group), firstOf(cluster(count + 1), group)]
      assert.ok(before === after || after === count + 1, `group ${group}: ${before} → ${after}`)
      return before !== after
    })
    const share = groups.length / (count + 1)
    assert.ok(Math.abs(moved.length - share) <= share * 0.25, `${count}: ${moved.length} of ${share}`)
  }
})

test('minimal movement: who leaves gives away its own leaders only, to several others', () => {
  const members = cluster(5)
  for (const gone of members) {
    const rest = members.filter((member) => member !== gone)
    const heirs = numbers(500, 1).flatMap((group) => {
      const before = firstOf(members, group)
      const after = firstOf(rest, group)
      if (before !== gone.member && gone.seat < 4) assert.equal(after, before)
      return before === gone.member ? [after] : []
    })
    assert.ok(counts(heirs).length === 4, `member ${gone.member}: ${counts(heirs).join(' ')}`)
  }
})

test('minimal movement: at most one vote of a group moves when one member comes or goes', () => {
  for (const count of numbers(8, 3)) {
    for (const group of numbers(200, 1)) {
      const before = new Set(placementOf(cluster(count), group).voters)
      const after = placementOf(cluster(count + 1), group).voters
      assert.ok(after.filter((member) => !before.has(member)).length <= 1)
    }
  }
})

test('a replacement in the same seat leads what the other led', () => {
  const members = cluster(4)
  const replaced = members.map((one) => (one.member === 2 ? { ...one, member: 9 } : one))
  for (const group of numbers(200)) {
    const before = firstOf(members, group)
    assert.equal(firstOf(replaced, group), before === 2 ? 9 : before)
  }
})

test('members that may not vote only follow', () => {
  const members = cluster(4).map((one) => ({ ...one, isVoter: one.member !== 3 }))
  for (const group of numbers(50)) assert.ok(placementOf(members, group).learners.includes(3))
})

test('seats: the lowest free one is taken, and every seat gets groups', () => {
  assert.equal(freeSeat([]), 0)
  assert.equal(freeSeat([0, 1, 3]), 2)
  for (const count of [1, 5, 10, 14, 40]) {
    assert.equal(new Set(numbers(5_000).map((group) => seatOf(group, count))).size, count)
  }
})
