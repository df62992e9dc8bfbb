/** Histories with known anomalies (Adya; Kingsbury and Alvaro, "Elle"), and long ones that have none. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Random } from '../../sim/random.ts'
import type { AnomalyKind } from './anomaly.ts'
import { checkLists } from './check-lists.ts'
import type { Outcome } from './history-file.ts'
import type { Step, Transaction } from './list-transactions.ts'

const append = (key: string, element: number): Step => ({ kind: 'append', key, element: String(element) })
const read = (key: string, ...list: number[]): Step => ({ kind: 'read', key, list: list.map(String) })

/** `at` is [call, return]; a return of null is an unknown outcome. */
function transaction(
  number: number,
  at: readonly [number, number | null],
  steps: readonly Step[],
  outcome: Outcome = at[1] === null ? 'info' : 'ok',
): Transaction {
  const [invokedAt, completedAt] = at
  return { number, process: String(number), outcome, invokedAt, completedAt, steps }
}

/** All at the same time, so that only what they read and wrote orders them. */
const together = (...transactions: readonly (readonly Step[])[]): Transaction[] =>
  transactions.map((steps, at) => transaction(at + 1, [at + 1, 100 + at], steps))

const kinds = (history: readonly Transaction[]): AnomalyKind[] => checkLists(history).map(({ kind }) => kind)

test('one after another, each sees what was there', () => {
  const history = [
    transaction(1, [1, 2], [append('x', 1)]),
    transaction(2, [3, 4], [read('x', 1), append('x', 2), read('x', 1, 2)]),
    transaction(3, [5, 6], [read('x', 1, 2), read('y')]),
  ]
  assert.deepEqual(kinds(history), [])
})

test('G0: writes of two transactions are mixed', () => {
  const history = together(
    [append('x', 1), append('y', 1)],
    [append('x', 2), append('y', 2)],
    [read('x', 1, 2)],
    [read('y', 2, 1)],
  )
  assert.ok(kinds(history).includes('G0'))
})

test('G1a: an aborted write is read', () => {
  const history = [transaction(1, [1, 2], [append('x', 1)], 'fail'), transaction(2, [3, 4], [read('x', 1)])]
  assert.deepEqual(kinds(history), ['G1a'])
})

test('G1b: a transaction is read before it has finished', () => {
  assert.ok(kinds(together([append('x', 1), append('x', 2)], [read('x', 1)])).includes('G1b'))
})

test('G1c: two transactions read from each other', () => {
  assert.deepEqual(kinds(together([append('x', 1), read('y', 1)], [append('y', 1), read('x', 1)])), ['G1c'])
})

test('G-single: read skew', () => {
  const history = together([append('x', 1), append('y', 1)], [read('x'), read('y', 1)])
  assert.deepEqual(kinds(history), ['G-single'])
})

test('G2: write skew, each misses what the other writes', () => {
  const history = together(
    [read('x'), append('y', 1)],
    [read('y'), append('x', 1)],
    [read('x', 1), read('y', 1)],
  )
  assert.deepEqual(kinds(history), ['G2'])
})

test('G-single with real time: a stale read, and the reason is told', () => {
  const history = [transaction(1, [1, 2], [append('x', 1)]), transaction(2, [3, 4], [read('x')])]
  const [anomaly, ...others] = checkLists(history)
  assert.equal(anomaly?.kind, 'G-single-realtime')
  assert.deepEqual(others, [])
  assert.deepEqual(
    anomaly?.cycle.map(({ kind, from, to }) => [kind, from, to]),
    [
      ['rw', 2, 1],
      ['realtime', 1, 2],
    ],
  )
})

test('an acknowledged append that nobody reads is missed by reads that come later', () => {
  const history = [
    transaction(1, [1, 2], [append('x', 1)]),
    transaction(2, [3, 4], [append('x', 2)]),
    transaction(3, [5, 6], [read('x', 1)]),
  ]
  assert.deepEqual(kinds(history), ['G-single-realtime'])
})

test('G1c with real time: read from the future', () => {
  const history = [transaction(1, [1, 2], [read('x', 1)]), transaction(2, [3, 4], [append('x', 1)])]
  assert.deepEqual(kinds(history), ['G1c-realtime'])
})

test('an unknown outcome may have happened or not, but not both', () => {
  const unknown = transaction(1, [1, null], [append('x', 1)])
  assert.deepEqual(kinds([unknown, transaction(2, [2, 3], [read('x')])]), [])
  assert.deepEqual(kinds([unknown, transaction(2, [2, 3], [read('x', 1)])]), [])
  const both = [transaction(2, [2, 3], [read('x', 1)]), transaction(3, [4, 5], [read('x')])]
  assert.deepEqual(kinds([unknown, ...both]), ['G-single-realtime'])
})

test('what is read can’t be garbage, twice, or another past', () => {
  assert.deepEqual(kinds([transaction(1, [1, 2], [read('x', 7)])]), ['garbage'])
  assert.ok(kinds(together([append('x', 1)], [read('x', 1, 1)])).includes('duplicate'))
  const twoPasts = together([append('x', 1)], [append('x', 2)], [read('x', 1)], [read('x', 2)])
  assert.ok(kinds(twoPasts).includes('incompatible-order'))
})

test('what one transaction appended stands in its order, whoever came after it', () => {
  const history = [
    transaction(1, [1, 2], [append('x', 1), append('x', 2)]),
    transaction(2, [3, 4], [append('x', 3)]),
    transaction(3, [5, 6], [read('x', 2, 1, 3)]),
  ]
  assert.deepEqual(kinds(history), ['incompatible-order'])
  assert.deepEqual(kinds([...history.slice(0, 1), transaction(2, [3, 4], [read('x', 2, 1)])]), [
    'incompatible-order',
  ])
})

test('internal: own appends are seen, and a list is the same twice', () => {
  assert.ok(kinds(together([append('x', 1), read('x')])).includes('internal'))
  assert.ok(kinds(together([append('x', 1)], [read('x'), read('x', 1)])).includes('internal'))
  assert.deepEqual(kinds(together([append('x', 1), read('x', 1), append('x', 2), read('x', 1, 2)])), [])
})

test('elements that are appended twice make a history useless', () => {
  assert.deepEqual(kinds(together([append('x', 1)], [append('x', 1)], [read('x', 7)])), ['unusable'])
})

/** A system that does one transaction after another, at some moment between call and return; `tamper` may spoil a transaction. */
function simulate(
  random: Random,
  count: number,
  tamper: (at: number, steps: Step[]) => Step[],
): Transaction[] {
  const lists = new Map<string, string[]>()
  const ends: number[] = []
  let next = 0
  return Array.from({ length: count }, (_, at) => {
    const steps = Array.from({ length: random.integer(1, 4) }, (): Step => {
      const key = `k${random.integer(1, 5)}`
      const list = lists.get(key) ?? []
      if (random.integer(0, 1) === 0) return { kind: 'read', key, list: [...list] }
      lists.set(key, [...list, String(++next)])
      return append(key, next)
    })
    const returned = 10 * at + random.integer(1, 60)
    ends.push(returned)
    // The call is anywhere before the moment 10 · at, at which it happens.
    return transaction(at + 1, [10 * at - random.integer(0, 50) + 0.5, returned], tamper(at, steps))
  })
}

test('2,000 transactions of a serial system are strictly serializable, whatever overlaps', () => {
  for (let seed = 1; seed <= 5; seed++)
    assert.deepEqual(kinds(simulate(new Random(seed), 2_000, (_, steps) => steps)), [], `seed ${seed}`)
})

test('one stale read among 500 transactions is found', () => {
  let found = 0
  for (let seed = 1; seed <= 10; seed++) {
    const random = new Random(seed)
    const history = simulate(random, 500, (at, steps) =>
      at !== 400
        ? steps
        : steps.flatMap((step) =>
            step.kind === 'read' ? [{ ...step, list: (step.list ?? []).slice(0, -20) }] : [],
          ),
    )
    const hadRead = history[400]?.steps.some(({ kind }) => kind === 'read') === true
    if (!hadRead) continue
    found++
    assert.ok(
      kinds(history).some((kind) => kind.startsWith('G') || kind === 'internal'),
      `seed ${seed}`,
    )
  }
  assert.ok(found > 3)
})

/** What a system does that lets the steps of transactions run one by one, `spoilt` more or less; at its end each list is read, unless `isRead` is false. */
function smallHistory(random: Random, spoilt: number, isRead: boolean): Transaction[] {
  const lists = new Map<string, string[]>()
  const count = random.integer(2, 5)
  const plans = Array.from({ length: count }, (_, at) => {
    const calledAt = random.integer(0, 4) * 10
    const returnedAt = calledAt + random.integer(1, 6) * 10
    const momentAt = random.integer(calledAt, returnedAt)
    const steps = Array.from({ length: random.integer(1, 4) }, (_unused, step) => ({
      at: random.chance(spoilt) ? random.integer(calledAt, returnedAt) : momentAt,
      key: random.pick(['x', 'y']),
      element: random.chance(0.5) ? null : at * 10 + step,
      isStale: random.chance(spoilt / 3),
    }))
    const fate = random.pick(['ok', 'ok', 'ok', 'ok', 'ok', 'took', 'lost', 'failed'] as const)
    return { calledAt, returnedAt, steps, fate, done: [] as Step[] }
  })
  const moments = plans.flatMap((plan) => plan.steps.map((step, order) => ({ plan, step, order })))
  // Steps of one transaction stay in their order; those of one moment belong together.
  moments.sort(
    (one, other) => one.step.at - other.step.at || plans.indexOf(one.plan) - plans.indexOf(other.plan),
  )
  for (const { plan, step } of moments) {
    const list = lists.get(step.key) ?? []
    const { key, element } = step
    plan.done.push(
      element === null
        ? { kind: 'read', key, list: step.isStale ? list.slice(0, -1) : [...list] }
        : append(key, element),
    )
    if (element !== null && plan.fate !== 'lost' && plan.fate !== 'failed')
      lists.set(key, [...list, String(element)])
  }
  const history = plans.map(({ calledAt, returnedAt, fate, done }, at) => {
    const isUnknown = fate === 'took' || fate === 'lost'
    const steps =
      fate === 'ok' ? done : done.map((step) => (step.kind === 'read' ? { ...step, list: null } : step))
    const at0 = calledAt + at / 10
    const outcome = isUnknown ? 'info' : fate === 'failed' ? 'fail' : 'ok'
    return transaction(at + 1, [at0, isUnknown ? null : returnedAt + at / 10 + 0.05], steps, outcome)
  })
  if (!isRead) return history
  const last = [...lists].map(([key, list]): Step => ({
    kind: 'read',
    key,
    list: random.chance(spoilt / 8) ? random.shuffled(list) : list,
  }))
  return [...history, transaction(count + 1, [1_000, 1_001], last)]
}

/** The definition itself: some order that respects real time explains every read. */
function isStrictlySerializable(
  history: readonly Transaction[],
  lists: ReadonlyMap<string, readonly string[]> = new Map(),
): boolean {
  const required = history.filter(({ outcome }) => outcome === 'ok')
  if (required.length === 0) return true
  const firstReturn = Math.min(...required.map(({ completedAt }) => completedAt as number))
  return history.some((each) => {
    if (each.outcome === 'fail' || each.invokedAt > firstReturn) return false
    const after = applied(each, lists)
    return (
      after !== null &&
      isStrictlySerializable(
        history.filter((other) => other !== each),
        after,
      )
    )
  })
}

/** The lists after a transaction, or null where a read of it finds something else. */
function applied(
  { steps }: Transaction,
  before: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, readonly string[]> | null {
  const lists = new Map(before)
  for (const step of steps) {
    const list = lists.get(step.key) ?? []
    if (step.kind === 'append') lists.set(step.key, [...list, step.element])
    else if (step.list !== null && step.list.join() !== list.join()) return null
  }
  return lists
}

test('it agrees with the definition on thousands of small histories, good and bad', () => {
  const verdicts = { good: 0, bad: 0 }
  for (let seed = 1; seed <= 3_000; seed++) {
    const random = new Random(`small ${seed}`)
    const history = smallHistory(random, random.pick([0, 0.4, 1]), true)
    const expected = isStrictlySerializable(history)
    verdicts[expected ? 'good' : 'bad']++
    assert.equal(kinds(history).length === 0, expected, `seed ${seed}`)
  }
  assert.ok(verdicts.good > 600 && verdicts.bad > 600, JSON.stringify(verdicts))
})

test('where lists are not read at the end, nothing is called wrong that can be explained', () => {
  let bad = 0
  for (let seed = 1; seed <= 3_000; seed++) {
    const random = new Random(`unread ${seed}`)
    const history = smallHistory(random, random.pick([0, 0.4, 1]), false)
    if (kinds(history).length === 0) continue
    bad++
    assert.ok(!isStrictlySerializable(history), `seed ${seed}`)
  }
  assert.ok(bad > 500, String(bad))
})
