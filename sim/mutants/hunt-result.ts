/** What became of the search for a mutant. */

export interface HuntResult {
  readonly killed: boolean
  /** How many seeds were run. */
  readonly seeds: number
  readonly seconds: number
  /** The checker or the assertion that found it, the seed, and what it said; empty if it survived. */
  readonly by: string
  readonly seed: number
  readonly message: string
}
