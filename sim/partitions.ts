/**
 * Which paths a partition cuts. The shapes follow TigerBeetle's simulator: one member isolated, a split of
 * uniform size, a split that puts each member on a side by a coin, and single cut paths; each may be
 * symmetric or cut one direction only.
 */

import { unreachable } from '../src/base/assert.ts'
import type { Random } from './random.ts'

export const PARTITION_SHAPES = ['isolate-one', 'uniform-size', 'uniform-member', 'single-path'] as const
export type PartitionShape = (typeof PARTITION_SHAPES)[number]

/**
 * The paths between the side of `newer` and that of `older`; each of the others is on either side by a coin. Two
 * leaders that can't hear each other are the beginning of most stories that end with two truths.
 */
export function drawApart(
  random: Random,
  members: readonly number[],
  newer: number,
  older: number,
): CutPath[] {
  const side = members.filter((member) => member === older || (member !== newer && random.chance(0.5)))
  const others = members.filter((member) => !side.includes(member))
  return both(side.flatMap((from) => others.map((to): CutPath => [from, to])))
}

export type CutPath = readonly [from: number, to: number]

/**
 * The paths that a partition of this shape cuts among `members`, at least one.
 * One-way partitions cut the paths from the first side to the second only.
 */
export function drawPartition(
  random: Random,
  members: readonly number[],
  shape: PartitionShape,
  oneWay: boolean,
): CutPath[] {
  if (members.length < 2) return []
  const order = random.shuffled(members)
  if (shape === 'single-path') {
    const [from, to] = order as [number, number]
    return oneWay ? [[from, to]] : both([[from, to]])
  }
  const side = new Set(drawSide(random, order, shape))
  const others = members.filter((member) => !side.has(member))
  const paths = [...side].flatMap((from) => others.map((to): CutPath => [from, to]))
  if (!oneWay) return both(paths)
  return random.chance(0.5) ? paths : paths.map(([from, to]): CutPath => [to, from])
}

function drawSide(
  random: Random,
  order: readonly number[],
  shape: Exclude<PartitionShape, 'single-path'>,
): readonly number[] {
  switch (shape) {
    case 'isolate-one':
      return order.slice(0, 1)
    case 'uniform-size':
      return order.slice(0, random.integer(1, order.length - 1))
    case 'uniform-member': {
      const side = order.filter(() => random.chance(0.5))
      return side.length === 0 || side.length === order.length ? order.slice(0, 1) : side
    }
    default:
      return unreachable(shape)
  }
}

function both(paths: readonly CutPath[]): CutPath[] {
  return paths.flatMap(([from, to]): CutPath[] => [
    [from, to],
    [to, from],
  ])
}
