export const MUTANTS: readonly import('./mutant.ts').Mutant[] = []
export const NOT_APPLICABLE: readonly import('./mutant.ts').NotApplicable[] = []
