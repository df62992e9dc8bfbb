/** The clients' history is linearizable: reads, writes and compare-and-sets of each register (promise P2). */

import { unreachable } from '../../src/base/assert.ts'
import { findNonLinearizableKey } from '../../src/history/registers.ts'
import type { RegisterOperation } from '../../src/history/registers.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

export class LinearizableHistory implements Checker {
  readonly name = 'linearizable history'
  readonly #history: () => readonly RegisterOperation[]

  constructor(history: () => readonly RegisterOperation[]) {
    this.#history = history
  }

  finished(): void {
    const found = findNonLinearizableKey(this.#history())
    if (found === null) return
    const { key, result } = found
    const undecided =
      result.kind === 'undecided' ? ' that was found, and it is none in the order of commits' : ''
    const recent = result.order.slice(-6).map((operation) => `  ${describe(operation)}`)
    throw new Violation(
      this.name,
      [
        `register ${key} has no linearizable history${undecided}; the longest order ends with`,
        ...recent,
        `and this one fits nowhere: ${describe(result.stuck)}`,
      ].join('\n'),
    )
  }
}

function describe({ client, action, seen, calledAt, returnedAt }: RegisterOperation): string {
  const when = `[${calledAt}, ${returnedAt ?? 'unknown'}]`
  switch (action.kind) {
    case 'read':
      return `client ${client} reads ${seen} ${when}`
    case 'write':
      return `client ${client} writes ${action.value} ${when}`
    case 'compare-and-set':
      return `client ${client} sets ${action.expected} to ${action.value}, seeing ${seen ?? 'nothing'} ${when}`
    default:
      return unreachable(action)
  }
}
