/**
 * An interactive transaction on the near connection, which can be moved to the far one at any time: statements on the same state with the same stamp do the same
 * again, which is what replicas live from. So it need not be known at BEGIN whether all of its statements will be quick.
 *
 *   begin near ──quick statements, COMMIT──▶ done
 *        └── any other statement, too many of them, trouble ──▶ undone near, begun and run again far, which goes on with it
 */

import type { SqlStatement } from '../base/value.ts'
import type { BeginRequest, StatementOutcome } from './engine.ts'

/** More would take a moment to run again. */
const STEPS_MAX = 256
/** So many transactions begin far after several in a row that had to move. */
const PAUSE_MAX = 64

export interface NearStep {
  readonly statement: SqlStatement
  readonly resultSizeBytesMax: number
  /** What it came to; it comes to the same again. */
  readonly kind: StatementOutcome['kind']
}

export class NearTransaction {
  readonly request: BeginRequest
  readonly #steps: NearStep[] = []

  constructor(request: BeginRequest) {
    this.request = request
  }

  get steps(): readonly NearStep[] {
    return this.#steps
  }

  get isLong(): boolean {
    return this.#steps.length >= STEPS_MAX
  }

  ran(statement: SqlStatement, resultSizeBytesMax: number, kind: StatementOutcome['kind']): void {
    this.#steps.push({ statement, resultSizeBytesMax, kind })
  }
}

/** Whether transactions begin near: those of most applications are alike, so that what the last ones came to tells. */
export class NearBegins {
  #pause = 0
  #pauseLeft = 0

  /** To be asked once for each. */
  isWorthATry(): boolean {
    if (this.#pauseLeft === 0) return true
    this.#pauseLeft--
    return false
  }

  moved(): void {
    this.#pause = Math.min(Math.max(this.#pause * 2, 1), PAUSE_MAX)
    this.#pauseLeft = this.#pause
  }

  /** One was committed near. */
  stayed(): void {
    this.#pause = 0
  }
}
