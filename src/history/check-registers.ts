/** Is a history of reads, writes and compare-and-sets of registers linearizable? Each register is looked at alone (`registers.ts`, fact 1). */

import { assertExact } from './exact-number.ts'
import type { Linearizability } from './linearizability.ts'
import { checkLinearizable } from './linearizability.ts'
import type { HistoryOperation } from './history-file.ts'
import { HistoryFormatError } from './history-format-error.ts'
import type { RegisterAction, RegisterOperation } from './registers.ts'
import { INITIAL_VALUE, narrowUnknown, REGISTER } from './registers.ts'

/** What is wrong with one register. */
export interface RegisterFinding {
  readonly key: string
  readonly kind: 'not-linearizable' | 'undecided'
  /** The longest order that could be built, and what does not fit behind it. */
  readonly order: readonly HistoryOperation[]
  readonly stuck: HistoryOperation
  /** What the register held at that point. */
  readonly held: string
}

/** Throws HistoryFormatError. */
export function checkRegisters(operations: readonly HistoryOperation[]): RegisterFinding[] {
  return [...Map.groupBy(operations, ({ key }) => key)].flatMap(([key, ofKey]) => checkRegister(key, ofKey))
}

function checkRegister(key: string, operations: readonly HistoryOperation[]): RegisterFinding[] {
  const values = new ValueNumbers()
  const origins = new Map<number, HistoryOperation>()
  const history = operations
    .filter(({ outcome, f }) => outcome !== 'fail' && !(outcome === 'info' && f === 'read'))
    .map((operation) => {
      origins.set(operation.invokedAt, operation)
      return toRegisterOperation(operation, values)
    })
  const result = checkLinearizable(isWrittenOnce(history) ? narrowUnknown(history) : history, REGISTER)
  return result.kind === 'linearizable' ? [] : [toFinding(key, result, origins, values)]
}

function toFinding(
  key: string,
  result: Exclude<Linearizability<RegisterOperation>, { kind: 'linearizable' }>,
  origins: ReadonlyMap<number, HistoryOperation>,
  values: ValueNumbers,
): RegisterFinding {
  const originOf = ({ calledAt }: RegisterOperation): HistoryOperation =>
    origins.get(calledAt) as HistoryOperation
  const held = result.order.reduce((state, operation) => REGISTER.apply(state, operation) ?? state, 0)
  return {
    key,
    kind: result.kind,
    order: result.order.map(originOf),
    stuck: originOf(result.stuck),
    held: values.textOf(held),
  }
}

function toRegisterOperation(operation: HistoryOperation, values: ValueNumbers): RegisterOperation {
  const { process, outcome, invokedAt, completedAt, answered } = operation
  const action = actionOf(operation, values)
  const seen =
    outcome !== 'ok'
      ? null
      : action.kind === 'read'
        ? values.numberOf(answered, completedAt ?? invokedAt)
        : action.kind === 'compare-and-set'
          ? action.expected
          : null
  return {
    client: Number(process),
    key: 0,
    action,
    seen,
    calledAt: invokedAt,
    returnedAt: outcome === 'ok' ? completedAt : null,
    position: null,
  }
}

function actionOf({ f, asked, invokedAt }: HistoryOperation, values: ValueNumbers): RegisterAction {
  if (f === 'read') return { kind: 'read' }
  if (f === 'write') return { kind: 'write', value: values.numberOf(asked, invokedAt) }
  if (f !== 'cas')
    throw new HistoryFormatError(invokedAt, `"f" is ${JSON.stringify(f)}; a register knows read, write, cas`)
  if (!Array.isArray(asked) || asked.length !== 2)
    throw new HistoryFormatError(invokedAt, 'the value of a cas is no [expected, new]')
  const [expected, value] = asked as unknown[]
  return {
    kind: 'compare-and-set',
    expected: values.numberOf(expected, invokedAt),
    value: values.numberOf(value, invokedAt),
  }
}

/** Then unknown outcomes can be narrowed; else each of them may have happened at any time. */
function isWrittenOnce(history: readonly RegisterOperation[]): boolean {
  const written = history.flatMap(({ action }) => (action.kind === 'read' ? [] : [action.value]))
  return new Set([INITIAL_VALUE, ...written]).size === written.length + 1
}

/** Any JSON value as a number; null, which is never written, is the initial one. */
class ValueNumbers {
  readonly #numbers = new Map<string, number>([['null', INITIAL_VALUE]])

  numberOf(value: unknown, line: number): number {
    if (typeof value === 'number') assertExact(value, line)
    const text = JSON.stringify(value ?? null)
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.#numbers.size)
    return this.#numbers.size - 1
  }

  textOf(number: number): string {
    return [...this.#numbers.keys()][number] ?? '?'
  }
}
