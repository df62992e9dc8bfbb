/** Transactions on lists, as far as a history tells: appends and reads, in their order; and their texts for people. */

import type { Outcome } from './history-file.ts'

export type Step =
  | { readonly kind: 'append'; readonly key: string; readonly element: string }
  /** What the list was; null where nobody was told. */
  | { readonly kind: 'read'; readonly key: string; readonly list: readonly string[] | null }

export interface Transaction {
  /** T1, T2, … in order of their calls. */
  readonly number: number
  readonly process: string
  readonly outcome: Outcome
  readonly invokedAt: number
  readonly completedAt: number | null
  readonly steps: readonly Step[]
}

/** `append x 3 · read y [1 2]` */
export function describeSteps(steps: readonly Step[]): string {
  return steps
    .map((step) =>
      step.kind === 'append'
        ? `append ${step.key} ${step.element}`
        : `read ${step.key} ${step.list === null ? '?' : describeList(step.list)}`,
    )
    .join(' · ')
}

const SHOWN_ELEMENTS_MAX = 8

export function describeList(list: readonly string[]): string {
  const hidden = list.length - SHOWN_ELEMENTS_MAX
  return hidden <= 0 ? `[${list.join(' ')}]` : `[… ${hidden} more, ${list.slice(hidden).join(' ')}]`
}
