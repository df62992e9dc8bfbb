/** Aggregates that SQLite lacks. Rows come in the order in which SQLite reads them, which is the same on every replica. */

import type { SqlValue } from '../../base/value.ts'
import { failure } from './failure.ts'
import { intervalKey } from './order.ts'
import { addIntervals, multiplyInterval } from './time.ts'

export interface Aggregate {
  readonly start: () => unknown
  readonly step: (state: never, ...values: SqlValue[]) => unknown
  readonly result: (state: never) => SqlValue
}

function aggregate<S>(
  start: () => S,
  step: (state: S, ...values: SqlValue[]) => S,
  result: (state: S) => SqlValue,
): Aggregate {
  return { start, step, result }
}

/** Welford's method: no difference of two large sums. */
interface Moments {
  readonly count: number
  readonly meanX: number
  readonly meanY: number
  readonly squaresX: number
  readonly squaresY: number
  readonly products: number
}

const NO_MOMENTS: Moments = { count: 0, meanX: 0, meanY: 0, squaresX: 0, squaresY: 0, products: 0 }

function withPair(state: Moments, x: number, y: number): Moments {
  const count = state.count + 1
  const [differenceX, differenceY] = [x - state.meanX, y - state.meanY]
  const meanX = state.meanX + differenceX / count
  const meanY = state.meanY + differenceY / count
  return {
    count,
    meanX,
    meanY,
    squaresX: state.squaresX + differenceX * (x - meanX),
    squaresY: state.squaresY + differenceY * (y - meanY),
    products: state.products + differenceX * (y - meanY),
  }
}

function overPairs(result: (moments: Moments) => number | null): Aggregate {
  return aggregate<Moments>(
    () => NO_MOMENTS,
    (state, x = null, y = 0n) => (x === null || y === null ? state : withPair(state, Number(x), Number(y))),
    (state) => (state.count === 0 ? null : result(state)),
  )
}

const ifSeveral = ({ count }: Moments, value: number): number | null => (count < 2 ? null : value)
const ifVaried = (squares: number, value: number): number | null => (squares === 0 ? null : value)

function collected(result: (values: readonly SqlValue[], argument: SqlValue) => SqlValue): Aggregate {
  return aggregate<{ values: SqlValue[]; argument: SqlValue }>(
    () => ({ values: [], argument: null }),
    (state, value = null, argument = null) => {
      if (value !== null) state.values.push(value)
      return { values: state.values, argument }
    },
    ({ values, argument }) => (values.length === 0 ? null : result(values, argument)),
  )
}

function compare(left: SqlValue, right: SqlValue): number {
  const [a, b] = [left, right] as [string | number | bigint, string | number | bigint]
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : a > b ? 1 : 0
}

function checkedFraction(fraction: SqlValue): number {
  const value = Number(fraction)
  if (value >= 0 && value <= 1) return value
  throw failure(`percentile value ${value} is not between 0 and 1`)
}

function percentileOf(values: readonly SqlValue[], fraction: SqlValue): number {
  const numbers = values.map(Number).toSorted((left, right) => left - right)
  const place = checkedFraction(fraction) * (numbers.length - 1)
  const low = numbers[Math.floor(place)] as number
  const high = numbers[Math.ceil(place)] as number
  return low + (high - low) * (place - Math.floor(place))
}

function modeOf(values: readonly SqlValue[]): SqlValue {
  let best: SqlValue = null
  let bestCount = 0
  for (const group of Map.groupBy(values.toSorted(compare), (value) => value).values()) {
    if (group.length > bestCount) [best, bestCount] = [group[0] as SqlValue, group.length]
  }
  return best
}

function bits(fold: (left: bigint, right: bigint) => bigint): Aggregate {
  return aggregate<bigint | null>(
    () => null,
    (state, value = null) =>
      value === null
        ? state
        : state === null
          ? BigInt(value as bigint)
          : fold(state, BigInt(value as bigint)),
    (state) => state,
  )
}

function extremeInterval(isBetter: (left: bigint, right: bigint) => boolean): Aggregate {
  return aggregate<string | null>(
    () => null,
    (state, value = null) => {
      if (value === null) return state
      const text = String(value)
      return state === null || isBetter(intervalKey(text), intervalKey(state)) ? text : state
    },
    (state) => state,
  )
}

function intervalSum(result: (sum: string, count: number) => string): Aggregate {
  return aggregate<{ sum: string; count: number }>(
    () => ({ sum: '00:00:00', count: 0 }),
    (state, value = null) =>
      value === null ? state : { sum: addIntervals(state.sum, '+', String(value)), count: state.count + 1 },
    ({ sum, count }) => (count === 0 ? null : result(sum, count)),
  )
}

export const AGGREGATES: Readonly<Record<string, Aggregate>> = {
  pg_var_pop: overPairs(({ squaresX, count }) => squaresX / count),
  pg_var_samp: overPairs((moments) => ifSeveral(moments, moments.squaresX / (moments.count - 1))),
  pg_stddev_pop: overPairs(({ squaresX, count }) => Math.sqrt(squaresX / count)),
  pg_stddev_samp: overPairs((moments) =>
    ifSeveral(moments, Math.sqrt(moments.squaresX / (moments.count - 1))),
  ),
  pg_covar_pop: overPairs(({ products, count }) => products / count),
  pg_covar_samp: overPairs((moments) => ifSeveral(moments, moments.products / (moments.count - 1))),
  pg_corr: overPairs(({ products, squaresX, squaresY }) =>
    ifVaried(squaresX * squaresY, products / Math.sqrt(squaresX * squaresY)),
  ),
  // regr_…(y, x): the dependent variable comes first.
  pg_regr_slope: overPairs(({ products, squaresY }) => ifVaried(squaresY, products / squaresY)),
  pg_regr_intercept: overPairs(({ products, squaresY, meanX, meanY }) =>
    ifVaried(squaresY, meanX - (products / squaresY) * meanY),
  ),
  pg_regr_r2: overPairs(({ products, squaresX, squaresY }) =>
    squaresY === 0 ? null : squaresX === 0 ? 1 : (products * products) / (squaresX * squaresY),
  ),
  pg_percentile_cont: collected(percentileOf),
  pg_percentile_disc: collected((values, fraction) => {
    const place = Math.ceil(checkedFraction(fraction) * values.length)
    return values.toSorted(compare)[Math.max(0, place - 1)] ?? null
  }),
  pg_mode: collected(modeOf),
  pg_bit_and: bits((left, right) => left & right),
  pg_bit_or: bits((left, right) => left | right),
  pg_bit_xor: bits((left, right) => left ^ right),
  pg_interval_sum: intervalSum((sum) => sum),
  pg_interval_avg: intervalSum((sum, count) => multiplyInterval(sum, 1 / count)),
  pg_interval_max: extremeInterval((left, right) => left >= right),
  pg_interval_min: extremeInterval((left, right) => left <= right),
}
