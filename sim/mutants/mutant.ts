/**
 * A mutant: the project with one known bug put in.
 *
 * The production code has no switches for them. A mutant is a text to find, exactly once, in a file, and what
 * replaces it, applied to a copy of the sources; so a refactoring that moves the code is noticed by the test
 * that tries all patches, and nobody can turn a bug on by accident.
 */

import type { ProfileName } from '../cluster/profiles.ts'

export interface Patch {
  /** Relative to the root of the repository. */
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
}

export interface Mutant {
  /** The row of the table of known bugs, with a letter where it has several mutants: `B8a`. */
  readonly bug: string
  /** What is wrong, and in whose code it was found first. */
  readonly title: string
  readonly patches: readonly Patch[]
  /** The mix of faults that makes it likely to show. */
  readonly profile: ProfileName
}

/** A known bug that no mutant can stand for, and why. */
export interface NotApplicable {
  readonly bug: string
  readonly title: string
  readonly reason: string
}
