/**
 * What calls reject with whose engine has lost its process: the open transaction is gone, and nothing of it was done. The engine
 * can't be used any more; whoever owns it opens another.
 */

import { HarmonyError } from '../base/errors.ts'

export type EngineEnd =
  /** The call ran longer than allowed, and the process was killed for it. */
  | 'timeout'
  /** The process ended by itself while it ran this call: no memory left, killed by the system, a bug. */
  | 'death'
  /** The process ended for another call, or while it had nothing to do. */
  | 'bystander'
  /** Whoever owns the process stopped it. */
  | 'stopped'

const CODES = {
  timeout: 'STATEMENT_TIMEOUT',
  death: 'INTERNAL',
  bystander: 'INTERNAL',
  stopped: 'SHUTTING_DOWN',
} as const

export class EngineEndedError extends HarmonyError {
  readonly end: EngineEnd

  constructor(end: EngineEnd, message: string) {
    super(CODES[end], message)
    this.end = end
  }

  /** True if this call is, or may be, why the process ended. */
  get isSuspect(): boolean {
    return this.end === 'timeout' || this.end === 'death'
  }
}
