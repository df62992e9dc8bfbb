/** A bug of the layers above the core, to be put into a copy of the sources, and who must find it there. */

import type { Patch } from '../../mutants/mutant.ts'
import type { Focus } from './focus.ts'

export interface SystemMutant {
  readonly bug: string
  readonly title: string
  readonly patches: readonly Patch[]
  readonly hunter: Hunter
}

export type Hunter =
  /** The whole system in the simulator, in the kind of run in which the bug is likely to show. */
  | { readonly kind: 'simulator'; readonly focus: Focus }
  /** A test of the layer: what the bug does is undone before anybody outside could see it, or is in a layer that no run of the simulator has. */
  | {
      readonly kind: 'test'
      readonly file: string
      /** Its whole name. */
      readonly name: string
      /** Why the simulator can't see it. */
      readonly why: string
    }

export function simulator(focus: Focus): Hunter {
  return { kind: 'simulator', focus }
}
