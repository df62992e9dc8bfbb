/**
 * The record of a run: what happened, when, to whom. It has two uses.
 *
 * Its hash says whether two runs were the same. It is folded from numbers only (time, kind, member, peer,
 * term, index), which costs little, so it is always on; a run that is replayed with `record` on has the same
 * hash as without.
 *
 * Its lines are for people. They are built only when recording, because making text is most of the cost of
 * a simulated event; a failure is found without and replayed with them.
 */

import type { TimeUs } from './event-queue.ts'

/** Every kind of line, in the order of their codes in the hash: add at the end. */
const KINDS = [
  'start',
  'crash',
  'restart',
  'pause',
  'resume',
  'destroy',
  'role',
  'vote',
  'send',
  'receive',
  'drop',
  'write',
  'durable',
  'commit',
  'apply',
  'snapshot',
  'compact',
  'propose',
  'refuse',
  'read',
  'answer',
  'membership',
  'transfer',
  'partition',
  'heal',
  'stall',
  'clock',
  'phase',
  'fault',
] as const
export type TraceKind = (typeof KINDS)[number]

const CODES = new Map<TraceKind, number>(KINDS.map((kind, code) => [kind, code]))

/** What a line is about; 0 where a number does not apply. */
export interface TraceSubject {
  readonly member: number
  readonly peer: number
  readonly term: number
  readonly index: number
}

export interface TraceLine extends TraceSubject {
  readonly timeUs: TimeUs
  readonly kind: TraceKind
  readonly text: string
}

/** What to look for when a failure is explained. Empty lists mean everything. */
export interface TraceInterest {
  readonly members: readonly number[]
  readonly terms: readonly number[]
  readonly indexes: readonly number[]
}

/** More lines than this are not kept: the oldest go first, half of them at a time. */
const LINES_MAX = 2_000_000

export class Trace {
  readonly recording: boolean
  readonly #now: () => TimeUs
  #lines: TraceLine[] = []
  #high = 0x9e3779b9
  #low = 0x85ebca6b
  #count = 0

  constructor(now: () => TimeUs, recording: boolean) {
    this.#now = now
    this.recording = recording
  }

  /** Notes one thing. `text` is called only when recording. */
  note(kind: TraceKind, member: number, peer: number, term: number, index: number, text: () => string): void {
    const timeUs = this.#now()
    this.#count += 1
    this.#fold(timeUs)
    this.#fold(((CODES.get(kind) as number) << 20) ^ (member << 10) ^ peer)
    this.#fold(term)
    this.#fold(index)
    if (!this.recording) return
    this.#lines.push({ timeUs, kind, member, peer, term, index, text: text() })
    if (this.#lines.length > LINES_MAX) this.#lines = this.#lines.slice(LINES_MAX / 2)
  }

  /** 64 bits in hexadecimal. Equal for equal runs; different ones differ but for a chance of 2^-64. */
  get hash(): string {
    return half(this.#high) + half(this.#low ^ this.#count)
  }

  get count(): number {
    return this.#count
  }

  get lines(): readonly TraceLine[] {
    return this.#lines
  }

  #fold(value: number): void {
    const word = value | 0
    this.#low = Math.imul(this.#low ^ word, 0x01000193)
    this.#high = Math.imul(
      (this.#high << 5) ^ (this.#high >>> 27) ^ this.#low ^ (value / 4_294_967_296),
      0x27d4eb2f,
    )
  }
}

/** One word of a hash as eight digits. */
function half(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}

/** The kinds that explain most failures; the rest is shown only where it touches the term or the index. */
const TURNING_POINTS: ReadonlySet<TraceKind> = new Set<TraceKind>([
  'start',
  'crash',
  'restart',
  'pause',
  'resume',
  'destroy',
  'role',
  'vote',
  'membership',
  'transfer',
  'partition',
  'heal',
  'stall',
  'phase',
  'snapshot',
])

/**
 * The last `count` lines that help to understand a failure: turning points of the members concerned, and
 * whatever touches the terms or indexes concerned. Of the very last `lastCount` lines, everything.
 */
export function selectLines(
  lines: readonly TraceLine[],
  interest: TraceInterest,
  count: number,
  lastCount = 12,
): TraceLine[] {
  const { members, terms, indexes } = interest
  const selected: TraceLine[] = []
  const end = lines.length - lastCount
  for (let position = lines.length - 1; position >= 0 && selected.length < count; position -= 1) {
    const line = lines[position] as TraceLine
    const concerns =
      members.length === 0 ||
      line.member === 0 ||
      members.includes(line.member) ||
      members.includes(line.peer)
    if (!concerns) continue
    const focused =
      position >= end ||
      (terms.length === 0 && indexes.length === 0) ||
      TURNING_POINTS.has(line.kind) ||
      (line.index !== 0 && indexes.includes(line.index)) ||
      (line.term !== 0 && terms.includes(line.term) && line.kind !== 'send' && line.kind !== 'receive')
    if (focused) selected.push(line)
  }
  return selected.toReversed()
}

/** `  12.345678  member 2  role      becomes leader of term 4`. */
export function formatLine(line: TraceLine): string {
  const seconds = (line.timeUs / 1_000_000).toFixed(6).padStart(11)
  const who = line.member === 0 ? 'cluster ' : `member ${line.member}`
  return `${seconds}  ${who}  ${line.kind.padEnd(10)} ${line.text}`
}
