/** `import { drizzle, drizzleReader, migrate } from 'harmonydb/drizzle'`. */

export type { ReadMode } from '../local-reads.ts'
export { drizzle, HarmonyDrizzle, type HarmonyDrizzleConfig } from './database.ts'
export { migrate } from './migrate.ts'
export { drizzleReader, type HarmonyDrizzleReader } from './reader.ts'
