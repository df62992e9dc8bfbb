/** `import { HarmonyDialect } from 'harmonydb/kysely'`. */

export type { ReadMode } from '../local-reads.ts'
export { HarmonyDialect, type HarmonyDialectOptions } from './dialect.ts'
