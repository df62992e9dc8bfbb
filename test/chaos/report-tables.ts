/** The tables of a report: faults and how long their recovery took, operations and how long they took, and what clients heard instead. */

import type { Moment } from './recorder.ts'
import type { Band } from './report.ts'
import { escapeHtml } from '../../src/base/html.ts'
import { clock } from './timeline.ts'

const REASONS_SHOWN = 20
const REASON_LENGTH = 110

export function faultTable(bands: readonly Band[]): string {
  const byName = [...Map.groupBy(bands, ({ name }) => name)].toSorted(([left], [right]) =>
    left < right ? -1 : 1,
  )
  const lines = byName.map(([name, all]) => {
    const recoveries = sorted(all.map(({ healedMs, wholeMs }) => wholeMs - healedMs))
    return [name, String(all.length), seconds(share(recoveries, 0.5)), seconds(recoveries.at(-1) ?? 0)]
  })
  return table(['fault', 'times', 'healed until whole, median', 'longest'], lines)
}

export function faultList(bands: readonly Band[]): string {
  const lines = bands.map(({ what, fromMs, healedMs, wholeMs }, at) => [
    `${at + 1}. ${escapeHtml(what)}`,
    clock(fromMs),
    seconds(healedMs - fromMs),
    seconds(wholeMs - healedMs),
  ])
  return table(['fault', 'at', 'lasted', 'until whole'], lines)
}

export function answerTable(moments: readonly Moment[]): string {
  const byWhat = [...Map.groupBy(moments, ({ what }) => what)].toSorted(([left], [right]) =>
    left < right ? -1 : 1,
  )
  const lines = byWhat.map(([what, all]) => {
    const took = sorted(all.filter(({ outcome }) => outcome === 'ok').map(({ tookMs }) => tookMs))
    const count = (outcome: string): string =>
      all.filter((one) => one.outcome === outcome).length.toLocaleString('en')
    const times = [
      `${share(took, 0.5).toFixed(1)} ms`,
      `${share(took, 0.99).toFixed(0)} ms`,
      seconds(took.at(-1) ?? 0),
    ]
    return [what, count('ok'), count('fail'), count('info'), ...times]
  })
  const operations = table(['operation', 'done', 'not done', 'unknown', 'p50', 'p99', 'longest'], lines)
  return `${operations}<h3>What the others were told</h3>${reasonTable(moments)}`
}

function reasonTable(moments: readonly Moment[]): string {
  const others = moments.filter(({ outcome }) => outcome !== 'ok')
  const reasons = [...Map.groupBy(others, ({ outcome, reason }) => `${WORDS[outcome]}: ${shorten(reason)}`)]
    .toSorted(([, left], [, right]) => right.length - left.length)
    .slice(0, REASONS_SHOWN)
    .map(([reason, all]) => [escapeHtml(reason), all.length.toLocaleString('en')])
  return table(['answer', 'times'], reasons)
}

const WORDS = { ok: 'done', fail: 'not done', info: 'unknown' } as const

/** Numbers differ from one message to the next. */
function shorten(reason: string): string {
  const plain = reason.replace(/\d+/g, 'N')
  return plain.length > REASON_LENGTH ? `${plain.slice(0, REASON_LENGTH)}…` : plain
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  return `<div class="scroll"><table>${row(head, 'th')}${lines.map((line) => row(line, 'td')).join('')}</table></div>`
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((left, right) => left - right)
}

function share(values: readonly number[], part: number): number {
  return values[Math.floor(values.length * part)] ?? 0
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
