/** A verdict for people: what is wrong, and the few operations that show it. */

import type { Anomaly } from './anomaly.ts'
import { BROKEN_PROMISE } from './anomaly.ts'
import type { HistoryVerdict } from './check-history.ts'
import type { RegisterFinding } from './check-registers.ts'
import type { HistoryOperation } from './history-file.ts'
import type { Transaction } from './list-transactions.ts'
import { describeSteps } from './list-transactions.ts'

/** Operations that are shown before the one that does not fit. */
const ORDER_SHOWN_MAX = 6

export function verdictText(verdict: HistoryVerdict): string {
  const { operations, ok, fail, info, processes, keys } = verdict.counts
  const what = verdict.model === 'lists' ? 'transactions on lists' : 'operations on registers'
  const counted = `${operations} ${what} by ${processes} processes, ${keys} keys: ${ok} ok, ${fail} failed, ${info} unknown`
  const promise = verdict.model === 'lists' ? 'strictly serializable' : 'linearizable'
  if (verdict.findings.length === 0) return `${counted}\n${promise}: yes`
  const findings =
    verdict.model === 'lists' ? verdict.findings.map(ofLists) : verdict.findings.map(ofRegister)
  const isKnown =
    verdict.model === 'lists'
      ? verdict.findings.some(({ kind }) => kind !== 'unusable')
      : verdict.findings.some(({ kind }) => kind === 'not-linearizable')
  return [`${counted}`, `${promise}: ${isKnown ? 'NO' : 'not decided'}`, ...findings].join('\n\n')
}

function ofLists({ kind, text, transactions, cycle }: Anomaly): string {
  const title = `${kind}, which breaks ${BROKEN_PROMISE[kind]}`
  if (cycle.length === 0)
    return [title, `  ${text}`, ...transactions.map((one) => `  ${ofTransaction(one)}`)].join('\n')
  const lines = cycle.flatMap(({ kind: edge, reason }, at) => [
    `  ${ofTransaction(transactions[at] as Transaction)}`,
    `    │ ${edge}: ${reason}`,
    `    ▼`,
  ])
  return [title, ...lines, `  T${cycle[0]?.from}, where it began`].join('\n')
}

function ofTransaction({ number, process, outcome, invokedAt, completedAt, steps }: Transaction): string {
  const end = completedAt === null ? '…' : completedAt
  const state = outcome === 'ok' ? '' : outcome === 'fail' ? ', failed' : ', outcome unknown'
  return `T${number} (process ${process}, lines ${invokedAt} to ${end}${state}): ${describeSteps(steps)}`
}

function ofRegister({ key, kind, order, stuck, held }: RegisterFinding): string {
  const hidden = Math.max(0, order.length - ORDER_SHOWN_MAX)
  return [
    `register ${key}: ${kind === 'undecided' ? 'given up after too many steps' : 'no order of its operations explains what was seen'}`,
    ...(hidden > 0 ? [`  ${hidden} operations that fit, then`] : []),
    ...order.slice(hidden).map((operation) => `  ${ofOperation(operation)}`),
    `  now it holds ${held}, and this does not fit:`,
    `✗ ${ofOperation(stuck)}`,
  ].join('\n')
}

function ofOperation({
  process,
  f,
  asked,
  answered,
  outcome,
  invokedAt,
  completedAt,
}: HistoryOperation): string {
  const value = f === 'read' ? `→ ${JSON.stringify(answered ?? null)}` : JSON.stringify(asked)
  const end = completedAt === null ? '…' : completedAt
  return `${f} ${value} (process ${process}, lines ${invokedAt} to ${end}${outcome === 'info' ? ', outcome unknown' : ''})`
}
