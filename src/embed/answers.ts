/**
 * What SQLite has answered in one state of a database, so that it is not asked again for the same. The quickest read by node:sqlite costs some 700 ns,
 * of which a look into a table and a new object are a twentieth.
 *
 * An answer is valid for the very state that it was read from, and for no other: all that is known of a database is dropped when `HeldSnapshot`
 * goes on to another state, and nothing is ever invalidated by its key. So it can't be stale, whatever was written, by whom, and by which way.
 *
 *   AnswerBudget   one for each member: how much all of its databases may remember
 *     AnswerMemory one for each database: dropped with the state
 *       Answers    one for each prepared statement, or bucket: a table of slots, by the parameter's hash
 *
 * **A slot** holds the hash of a parameter and a list: the values of the answer, and after them the parameter. A list of the parameter alone says that there
 * is no row. A parameter may be in two neighbouring slots. One of `FREE_SAMPLE` misses takes a free one, and where both are taken one of
 * `SAMPLE` replaces what is in one of them. So a hit changes nothing, a miss touches one line of the processor's cache, what is asked for often is soon there, and
 * a walk through a table that is far larger than the budget costs little and drives little out. The table doubles when half of it is taken.
 *
 * **Who need not pay.** A statement begins after `MISSES_BEFORE` reads of one state. In a database that is written all the time few states last that long.
 *
 * **When the budget is used up** one of `SAMPLE` misses makes room: one answer goes, of each statement in its turn. So what is wanted now comes in, whatever
 * filled it before.
 *
 * Rejected: `Map` (two to four reads of memory for a parameter that is not there: it made reads all over a large table slower than SQLite alone);
 * a list in order of use (as dear as what it saves); dropping by the rows that a write touches (an answer also depends on rows that were not there).
 */

import type { SqlValue } from '../base/value.ts'

/** The values of an answer, and the parameter after them: `[parameter]` if there is none. */
export type Answer = readonly SqlValue[]

/** Of all databases of a member together: some 300,000 small rows. Who reads few takes little of it, and who stops reading gives it back. */
export const ANSWERS_SIZE_BYTES: number = 64 * 2 ** 20

/** An answer larger than this is read again each time: few would fill everything. */
export const ANSWER_SIZE_BYTES_MAX: number = 64 * 1024

/** Reads of a statement in one state that SQLite answers before the first is remembered. */
export const MISSES_BEFORE = 256

/** Of so many misses one takes a free slot, and one the place of another answer. */
export const FREE_SAMPLE = 4
export const SAMPLE = 16

/** Misses are drawn by multiples of this in 32 bits: as even as every fourth of them, and no rhythm of reads can be in step with it. */
const GOLDEN_RATIO = 0x9e37_79b1
const LOTS = 2 ** 32

/** How far a table is searched for an answer that may go. */
const EVICT_STEPS_MAX = 64

/** Longer texts are seldom keys, and their hash would cost as much as it saves. */
export const KEY_LENGTH_MAX = 128

const SLOTS_MIN = 1_024

/** No less than V8 takes for a list with its slots, a place in it, a number that is not small, and a text without its characters. */
const ANSWER_SIZE_BYTES = 96
const PLACE_SIZE_BYTES = 8
const NUMBER_SIZE_BYTES = 16
const TEXT_SIZE_BYTES = 24

/** V8 makes texts of this length or more by reference to those that they were cut from or put together of. */
const REFERRING_LENGTH_MIN = 13

/** Of a slot that is free. */
const NO_HASH = 0

const NO_HASHES = new Int32Array(2)
const NO_ANSWERS: (Answer | undefined)[] = [undefined, undefined]

export class AnswerBudget {
  readonly #sizeBytesMax: number
  readonly #memories = new Set<AnswerMemory>()
  #sizeBytes = 0
  #isFull = false

  constructor(sizeBytes: number = ANSWERS_SIZE_BYTES) {
    this.#sizeBytesMax = sizeBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Something was refused, and nothing was given back since. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** Whether `memory` may have so many bytes more. */
  take(memory: AnswerMemory, sizeBytes: number): boolean {
    if (this.#sizeBytes + sizeBytes > this.#sizeBytesMax) {
      this.#isFull = true
      return false
    }
    this.#memories.add(memory)
    this.#sizeBytes += sizeBytes
    return true
  }

  /** `memory` has nothing any more, and had so many bytes. */
  giveBack(memory: AnswerMemory, sizeBytes: number): void {
    this.#memories.delete(memory)
    this.#sizeBytes -= sizeBytes
    this.#isFull = false
  }

  /** Lets go of one answer, if one is found quickly: of each database in its turn. */
  evict(): void {
    nextInTurn(this.#memories)?.evict()
  }
}

export class AnswerMemory {
  readonly #budget: AnswerBudget
  readonly #holders = new Set<Answers>()
  #sizeBytes = 0

  constructor(budget: AnswerBudget) {
    this.#budget = budget
  }

  get isEmpty(): boolean {
    return this.#holders.size === 0
  }

  get isFull(): boolean {
    return this.#budget.isFull
  }

  /** Whether `holder` may have so many bytes more. */
  take(holder: Answers, sizeBytes: number): boolean {
    if (!this.#budget.take(this, sizeBytes)) return false
    this.#holders.add(holder)
    this.#sizeBytes += sizeBytes
    return true
  }

  /** Lets go of one answer, of whatever database. */
  makeRoom(): void {
    this.#budget.evict()
  }

  /** Of each statement in its turn. */
  evict(): void {
    nextInTurn(this.#holders)?.evict()
  }

  /** Another state is read from here on. */
  drop(): void {
    if (this.isEmpty) return
    for (const holder of this.#holders) holder.drop()
    this.#holders.clear()
    this.#budget.giveBack(this, this.#sizeBytes)
    this.#sizeBytes = 0
  }
}

/** Answers to one question, by its parameter. */
export class Answers {
  readonly #memory: AnswerMemory
  #hashes: Int32Array = NO_HASHES
  #answers: (Answer | undefined)[] = NO_ANSWERS
  /** Of the slots. */
  #mask = 0
  #taken = 0
  /** Of the slot that was let go last. */
  #hand = 0
  /** `HeldSnapshot.renewals` in which `#misses` are counted. */
  #renewals = -1
  #misses = 0
  #missesBefore = 0

  constructor(memory: AnswerMemory) {
    this.#memory = memory
  }

  /** How often SQLite had to answer, in all states. */
  get misses(): number {
    return this.#missesBefore + this.#misses
  }

  /** Undefined if it is not known. The state must be the newest: ask after `HeldSnapshot.use`. */
  find(key: unknown): Answer | undefined {
    const hash = hashOf(key)
    const slot = hash & this.#mask
    if (this.#hashes[slot] === hash) {
      const answer = this.#answers[slot]
      if (answer !== undefined && answer[answer.length - 1] === key) return answer
    }
    const other = slot ^ 1
    if (this.#hashes[other] !== hash) return undefined
    const answer = this.#answers[other]
    return answer !== undefined && answer[answer.length - 1] === key ? answer : undefined
  }

  /** SQLite has answered in the state that `renewals` counts: these values, or null for no row. */
  note(key: unknown, values: Answer | null, renewals: number): void {
    if (renewals !== this.#renewals) {
      this.#renewals = renewals
      this.#missesBefore += this.#misses
      this.#misses = 0
    }
    this.#misses++
    if (this.#misses > MISSES_BEFORE) this.#consider(key, values)
  }

  drop(): void {
    this.#hashes = NO_HASHES
    this.#answers = NO_ANSWERS
    this.#mask = 0
    this.#taken = 0
  }

  #consider(key: unknown, values: Answer | null): void {
    const lot = Math.imul(this.#misses, GOLDEN_RATIO) >>> 0
    const isSampled = lot < LOTS / SAMPLE
    if (lot >= LOTS / FREE_SAMPLE || (!isSampled && this.#memory.isFull)) return
    const hash = hashOf(key)
    const slot = this.#slotFor(hash)
    if (hash === NO_HASH || (!isSampled && this.#hashes[slot] !== NO_HASH)) return
    const earlier = this.#answers[slot]
    // `concat` allocates what is needed; a literal with `...` a third more, and 16 places.
    const answer = (values ?? []).concat(ownKey(key as string | number))
    const sizeBytes = sizeOf(answer)
    if (sizeBytes > ANSWER_SIZE_BYTES_MAX) return
    const isTaken = this.#memory.take(this, sizeBytes - (earlier === undefined ? 0 : sizeOf(earlier)))
    if (!isTaken) {
      this.#memory.makeRoom()
      return
    }
    if (this.#mask === 0) this.#resize(SLOTS_MIN)
    else if (this.#taken * 2 > this.#mask) this.#resize((this.#mask + 1) * 2)
    this.#put(hash, answer)
  }

  /** Lets go of one answer, the next one round the table. */
  evict(): void {
    for (let step = 0; step < EVICT_STEPS_MAX; step++) {
      this.#hand = (this.#hand + 1) & this.#mask
      const answer = this.#answers[this.#hand]
      if (answer === undefined) continue
      this.#hashes[this.#hand] = NO_HASH
      this.#answers[this.#hand] = undefined
      this.#taken--
      this.#memory.take(this, -sizeOf(answer))
      return
    }
  }

  /** One of the two of a hash: a free one if there is one. */
  #slotFor(hash: number): number {
    const slot = hash & this.#mask
    if (this.#hashes[slot] === NO_HASH) return slot
    if (this.#hashes[slot ^ 1] === NO_HASH) return slot ^ 1
    return (this.#misses & 1) === 0 ? slot : slot ^ 1
  }

  #put(hash: number, answer: Answer): void {
    const slot = this.#slotFor(hash)
    if (this.#hashes[slot] === NO_HASH) this.#taken++
    this.#hashes[slot] = hash
    this.#answers[slot] = answer
  }

  /** All have a place in the larger table: each pair of slots becomes two. */
  #resize(slots: number): void {
    const [hashes, answers] = [this.#hashes, this.#answers]
    this.#mask = slots - 1
    this.#taken = 0
    this.#hashes = new Int32Array(slots)
    this.#answers = Array.from({ length: slots })
    for (const [at, answer] of answers.entries())
      if (answer !== undefined) this.#put(hashes[at] as number, answer)
  }
}

/**
 * Of 32 bits; neighbouring numbers get neighbouring slots. `NO_HASH` for what is not remembered: whatever is neither a number nor a text; 0 and -0, which
 * are equal to JavaScript and two values to SQLite; NaN, which is not even equal to itself; and a few more that are as rare.
 */
function hashOf(key: unknown): number {
  if (typeof key === 'number') return key ^ (key >>> 16)
  return typeof key === 'string' && key.length <= KEY_LENGTH_MAX ? hashOfText(key) : NO_HASH
}

/** FNV-1a over 16-bit units; its upper bits are the better ones. Nobody can make reads slow by texts of one hash: there are no chains. */
function hashOfText(text: string): number {
  let hash = 0x811c_9dc5 | 0
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193)
  return hash ^ (hash >>> 15)
}

function sizeOf(answer: Answer): number {
  return answer.reduce<number>((sum, value) => sum + PLACE_SIZE_BYTES + sizeOfValue(value), ANSWER_SIZE_BYTES)
}

/** Bytes may be changed by whoever gets them: too large, whatever they are. */
function sizeOfValue(value: SqlValue): number {
  if (typeof value === 'string') return TEXT_SIZE_BYTES + value.length * (BEYOND_LATIN_1.test(value) ? 2 : 1)
  if (typeof value === 'object' && value !== null) return Infinity
  return typeof value === 'number' && (value | 0) === value ? 0 : NUMBER_SIZE_BYTES
}

/** V8 takes two bytes for each character of a text with one of these. */
const BEYOND_LATIN_1 = /[^\0-\xff]/

/** So that a key that was cut out of a long text does not keep that in memory. */
function ownKey(key: string | number): string | number {
  if (typeof key !== 'string' || key.length < REFERRING_LENGTH_MIN) return key
  return JSON.parse(JSON.stringify(key)) as string
}

/** The one that has waited longest, and waits behind all others from now on. */
function nextInTurn<T>(waiting: Set<T>): T | undefined {
  const [next] = waiting
  if (next === undefined) return undefined
  waiting.delete(next)
  waiting.add(next)
  return next
}
