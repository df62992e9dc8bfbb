/** What `split-engine.ts` needs of the engine that runs where it can be stopped, beyond what every engine does. */

import type { Engine } from './engine.ts'

export interface Judgement {
  readonly isQuick: boolean
  /** Of the schema under which it was judged. */
  readonly structure: number
}

export interface FarEngine extends Omit<Engine, 'outcomesAt'> {
  /** Another number whenever the schema may have changed, or what SQLite knows of it. As of the last resolved call. */
  readonly structure: number
  /** Another connection of the same owner has committed entries: what the file says is read anew. No transaction may be open. */
  refresh(): Promise<void>
  /** Whether a statement that has run before is quick whatever its arguments are (`quick-write.ts`). */
  judge(sql: string): Promise<Judgement>
  /**
   * Keeps the WAL short. `mayRestart`: no other connection writes before this is over. Whether it could begin the WAL anew if it may: a
   * checkpoint of that kind never finds the lock free beside a connection that writes all the time.
   */
  tend(mayRestart: boolean): Promise<boolean>
}
