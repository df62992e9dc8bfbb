/** Every mutant, in the order of the table of known bugs in docs/internals/simulation.md, then our own. */

import { ELECTION_MUTANTS } from './elections.ts'
import { MEMBERSHIP_MUTANTS } from './membership.ts'
import type { Mutant, NotApplicable } from './mutant.ts'
import { OWN_MUTANTS } from './own.ts'
import { READ_MUTANTS } from './reads.ts'
import { REPLICATION_MUTANTS } from './replication.ts'
import { STORAGE_MUTANTS } from './storage.ts'

const numberOf = ({ bug }: { bug: string }): number => Number(bug.slice(1).replace(/[a-z]$/, ''))

const KNOWN_BUG_MUTANTS: readonly Mutant[] = [
  ...ELECTION_MUTANTS,
  ...MEMBERSHIP_MUTANTS,
  ...READ_MUTANTS,
  ...REPLICATION_MUTANTS,
  ...STORAGE_MUTANTS,
].sort((a, b) => numberOf(a) - numberOf(b) || a.bug.localeCompare(b.bug, 'en'))

export const MUTANTS: readonly Mutant[] = [...KNOWN_BUG_MUTANTS, ...OWN_MUTANTS]

export const NOT_APPLICABLE: readonly NotApplicable[] = []
