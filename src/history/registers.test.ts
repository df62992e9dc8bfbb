import { test } from 'node:test'
import assert from 'node:assert/strict'
import { checkLinearizable } from './linearizability.ts'
import { REGISTER, findNonLinearizableKey, isLinearization } from './registers.ts'
import type { RegisterAction, RegisterOperation } from './registers.ts'
import { Random } from '../../sim/random.ts'

/** `at` is [call, return]; a return of null is an unknown outcome. */
function operation(
  client: number,
  at: readonly [number, number | null],
  action: RegisterAction,
  seen: number | null = null,
  key = 0,
): RegisterOperation {
  return { client, key, action, seen, calledAt: at[0], returnedAt: at[1], position: null }
}
const write = (value: number): RegisterAction => ({ kind: 'write', value })
const read: RegisterAction = { kind: 'read' }
const swap = (expected: number, value: number): RegisterAction => ({
  kind: 'compare-and-set',
  expected,
  value,
})

test('reads of the last write are linearizable', () => {
  const history = [operation(1, [1, 2], write(10)), operation(1, [3, 4], read, 10)]
  assert.equal(findNonLinearizableKey(history), null)
})

test('a read of an overwritten value is stale', () => {
  const history = [
    operation(1, [1, 2], write(10)),
    operation(1, [3, 4], write(11)),
    operation(2, [5, 6], read, 10),
  ]
  const found = findNonLinearizableKey(history)
  assert.equal(found?.key, 0)
  assert.equal(found?.result.stuck, history[2])
})

test('overlapping operations may take effect in either order, but readers must agree', () => {
  const writes = [operation(1, [1, 10], write(10)), operation(2, [2, 9], write(11))]
  const agree = [operation(3, [11, 12], read, 10), operation(3, [13, 14], read, 10)]
  const differ = [operation(3, [11, 12], read, 10), operation(3, [13, 14], read, 11)]
  assert.equal(findNonLinearizableKey([...writes, ...agree]), null)
  assert.notEqual(findNonLinearizableKey([...writes, ...differ]), null)
})

test('a read may see a write that has not returned, and then none may see the older value', () => {
  const history = [operation(1, [1, 20], write(10)), operation(2, [3, 4], read, 10)]
  assert.equal(findNonLinearizableKey(history), null)
  assert.notEqual(findNonLinearizableKey([...history, operation(2, [5, 6], read, 0)]), null)
})

test('a lost acknowledged write is found', () => {
  const history = [operation(1, [1, 2], write(10)), operation(2, [3, 4], read, 0)]
  assert.notEqual(findNonLinearizableKey(history), null)
})

test('a write with unknown outcome may happen late or never, and only once', () => {
  const unknown = operation(1, [1, null], write(10))
  assert.equal(findNonLinearizableKey([unknown, operation(2, [5, 6], read, 0)]), null)
  const late = [unknown, operation(2, [5, 6], read, 0), operation(2, [7, 8], read, 10)]
  assert.equal(findNonLinearizableKey(late), null)
  assert.notEqual(findNonLinearizableKey([...late, operation(2, [9, 10], read, 0)]), null)
  const twice = [...late, operation(2, [9, 10], write(11)), operation(2, [11, 12], read, 10)]
  assert.notEqual(findNonLinearizableKey(twice), null)
})

test('a value that was read before its write was called is found', () => {
  const history = [operation(2, [1, 2], read, 10), operation(1, [3, null], write(10))]
  assert.notEqual(findNonLinearizableKey(history), null)
})

test('compare-and-set must see what it claims to have seen', () => {
  assert.equal(
    findNonLinearizableKey([
      operation(1, [1, 2], swap(0, 10), 0),
      operation(2, [3, 4], swap(0, 11), 10),
      operation(2, [5, 6], read, 10),
    ]),
    null,
  )
  // Two successes from the same value: one of them overwrote the other.
  assert.notEqual(
    findNonLinearizableKey([operation(1, [1, 4], swap(0, 10), 0), operation(2, [2, 5], swap(0, 11), 0)]),
    null,
  )
})

test('a chain of unknown compare-and-sets is followed back from what was seen', () => {
  const history = [
    operation(1, [1, null], swap(0, 10)),
    operation(2, [2, null], swap(10, 11)),
    operation(3, [5, 6], read, 11),
  ]
  assert.equal(findNonLinearizableKey(history), null)
  assert.notEqual(findNonLinearizableKey([...history, operation(3, [7, 8], read, 10)]), null)
  assert.notEqual(findNonLinearizableKey([history[1], history[2]].filter((each) => each !== undefined)), null)
})

test('keys are independent', () => {
  const history = [
    operation(1, [1, 2], write(10), null, 1),
    operation(2, [3, 4], read, 0, 2),
    operation(2, [5, 6], read, 10, 1),
  ]
  assert.equal(findNonLinearizableKey(history), null)
})

/** A true register with clients whose operations overlap and take effect somewhere inside. */
function randomHistory(seed: number, clients: number, length: number): RegisterOperation[] {
  const random = new Random(seed)
  const waiting = new Map<
    number,
    { calledAt: number; action: RegisterAction; seen: number | null; done: boolean }
  >()
  const history: RegisterOperation[] = []
  let value = 0
  let nextValue = 1
  for (let stamp = 1; history.length < length; stamp += 1) {
    const client = random.integer(1, clients)
    const current = waiting.get(client)
    if (current === undefined) {
      const action = random.pick<() => RegisterAction>([
        () => read,
        () => write(nextValue++),
        () => swap(random.chance(0.7) ? value : nextValue, nextValue++),
      ])()
      waiting.set(client, { calledAt: stamp, action, seen: null, done: false })
    } else if (!current.done) {
      current.done = true
      if (current.action.kind !== 'write') current.seen = value
      const lost = random.chance(0.1)
      const took = !(lost && random.chance(0.5))
      if (took && current.action.kind === 'write') value = current.action.value
      if (took && current.action.kind === 'compare-and-set' && current.action.expected === value) {
        value = current.action.value
      }
      if (!lost) continue
      history.push(operation(client, [current.calledAt, null], current.action))
      waiting.delete(client)
    } else {
      history.push(operation(client, [current.calledAt, stamp], current.action, current.seen))
      waiting.delete(client)
    }
  }
  // The run ends while operations are under way: their outcome is unknown.
  for (const [client, { calledAt, action }] of waiting)
    history.push(operation(client, [calledAt, null], action))
  return history
}

test('long random histories of a true register are linearizable, and one wrong read in them is found', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const history = randomHistory(seed, 6, 3000)
    assert.equal(findNonLinearizableKey(history), null, `seed ${seed}`)
    const random = new Random(`corrupt ${seed}`)
    const reads = history.filter((each) => each.action.kind === 'read' && each.returnedAt !== null)
    const victim = random.pick(reads.slice(reads.length / 2))
    const early = random.pick(reads.slice(0, reads.length / 4))
    const corrupted = history.map((each) => (each === victim ? { ...each, seen: early.seen } : each))
    assert.notEqual(early.seen, victim.seen)
    assert.notEqual(findNonLinearizableKey(corrupted), null, `seed ${seed} corrupted`)
  }
})

/** The definition itself: some order that respects real time is accepted. */
function bruteForce(history: readonly RegisterOperation[], state = 0): boolean {
  const required = history.filter((each) => each.returnedAt !== null)
  if (required.length === 0) return true
  const firstReturn = Math.min(...required.map((each) => each.returnedAt as number))
  return history.some((each) => {
    if (each.calledAt > firstReturn) return false
    const after = REGISTER.apply(state, each)
    return (
      after !== null &&
      bruteForce(
        history.filter((other) => other !== each),
        after,
      )
    )
  })
}

test('it agrees with the definition on thousands of small histories, good and bad', () => {
  const verdicts = { good: 0, bad: 0 }
  for (let seed = 1; seed <= 4000; seed += 1) {
    const random = new Random(`small ${seed}`)
    const history = randomHistory(seed, 3, 6).map((each) =>
      each.seen !== null && random.chance(0.15) ? { ...each, seen: random.integer(0, 4) } : each,
    )
    const expected = bruteForce(history)
    verdicts[expected ? 'good' : 'bad'] += 1
    assert.equal(findNonLinearizableKey(history) === null, expected, `seed ${seed}`)
    assert.equal(checkLinearizable(history, REGISTER).kind === 'linearizable', expected, `seed ${seed} raw`)
  }
  assert.ok(verdicts.good > 500 && verdicts.bad > 500, JSON.stringify(verdicts))
})

function at(position: number, each: RegisterOperation): RegisterOperation {
  return { ...each, position }
}

test('an order by position is accepted only if it is a linearization', () => {
  const first = operation(1, [1, 4], write(10))
  const second = operation(2, [2, 5], write(11))
  const seen = operation(3, [6, 7], read, 10)
  assert.equal(isLinearization([at(1, second), at(2, first), at(2.5, seen)]), true)
  assert.equal(
    isLinearization([at(1, first), at(2, second), at(2.5, seen)]),
    false,
    'the read saw another value',
  )
  assert.equal(isLinearization([at(2, second), at(3, first), at(1, seen)]), false, 'a value before its write')
  const late = operation(3, [6, 7], write(12))
  assert.equal(isLinearization([at(2, first), at(1, late)]), false, 'against the order of time')
  assert.equal(isLinearization([at(1, first), late]), false, 'a known outcome needs a position')
  assert.equal(isLinearization([at(1, first), operation(3, [6, null], write(12))]), true)
})
