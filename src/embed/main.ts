/** `import { open } from 'harmonydb'`: everything that an application needs, and nothing else. */

export { HarmonyError, isRetryable } from '../base/errors.ts'
export type { HarmonyErrorCode } from '../base/errors.ts'
export type { Consistency } from '../gateway/session.ts'
export type { PeerOptions } from './cluster-link.ts'
export type { BatchStatement, Database, ExecuteOptions } from './database.ts'
export { type HarmonyDB, open, type OpenOptions } from './open.ts'
export type { Result } from './result.ts'
export type { ServeOptions } from './serve-options.ts'
export type { Statement } from './statement.ts'
export type { Transaction, TransactionOptions } from './transaction.ts'
export type { NamedParameters, Parameter, Row, Value } from './values.ts'
