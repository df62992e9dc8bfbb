/**
 * A simulated network between members that are named by numbers. Each ordered pair of members has a path
 * of its own, so that a partition may cut one direction only.
 *
 * A message may be lost, delayed, delivered twice (the second time much later), overtaken, stuck behind a
 * clog, or dropped because too many wait on its path. A cut path drops what is sent into it and what
 * arrives through it while it is cut. Nothing is corrupted: checksums are the transport's duty.
 */

import type { EventQueue, TimeUs } from './event-queue.ts'
import type { Random } from './random.ts'

export interface NetworkOptions {
  /** Every message takes at least this long. */
  readonly delayMinUs: TimeUs
  /** Mean of what is added to it, exponentially distributed. */
  readonly delayMeanUs: TimeUs
  /** True: messages of a path arrive in the order of sending, as over one TCP connection. */
  readonly ordered: boolean
  readonly lossProbability: number
  readonly duplicateProbability: number
  /** Mean of how much later a duplicate arrives than the first copy. */
  readonly duplicateDelayMeanUs: TimeUs
  /** Probability that a message clogs its path: neither it nor later ones arrive until the clog has cleared. */
  readonly clogProbability: number
  readonly clogMeanUs: TimeUs
  /** Messages that may be under way on a path; more are dropped. */
  readonly pathCapacity: number
}

/** A quiet local network: every fault off. */
export const CALM_NETWORK: NetworkOptions = {
  delayMinUs: 200,
  delayMeanUs: 800,
  ordered: false,
  lossProbability: 0,
  duplicateProbability: 0,
  duplicateDelayMeanUs: 0,
  clogProbability: 0,
  clogMeanUs: 0,
  pathCapacity: Infinity,
}

export interface NetworkCounts {
  sent: number
  delivered: number
  lost: number
  duplicated: number
  cut: number
  overflowed: number
}

interface Path {
  readonly from: number
  readonly to: number
  underWay: number
  cut: boolean
  clogUntilUs: TimeUs
  /** For ordered paths: nothing may arrive before this. */
  lastArrivalUs: TimeUs
}

/** Paths are numbered `from * MEMBERS_MAX + to`. */
const MEMBERS_MAX = 1024

export class SimulatedNetwork<Message> {
  readonly counts: NetworkCounts = { sent: 0, delivered: 0, lost: 0, duplicated: 0, cut: 0, overflowed: 0 }
  readonly #queue: EventQueue
  readonly #random: Random
  readonly #deliver: (from: number, to: number, message: Message) => void
  readonly #paths = new Map<number, Path>()
  #options: NetworkOptions
  #underWay = 0

  /** `deliver` is called for each message that arrives, in an event of its own. */
  constructor(
    queue: EventQueue,
    random: Random,
    options: NetworkOptions,
    deliver: (from: number, to: number, message: Message) => void,
  ) {
    this.#queue = queue
    this.#random = random
    this.#options = options
    this.#deliver = deliver
  }

  /** Messages that will still arrive somewhere. */
  get underWay(): number {
    return this.#underWay
  }

  /** For messages sent from now on. Those under way keep the fate that was drawn for them. */
  setOptions(options: NetworkOptions): void {
    this.#options = options
  }

  send(from: number, to: number, message: Message): void {
    this.counts.sent += 1
    const path = this.#path(from, to)
    const { lossProbability, duplicateProbability, duplicateDelayMeanUs } = this.#options
    if (this.#random.chance(lossProbability)) {
      this.counts.lost += 1
      return
    }
    const delayUs = this.#delay(path)
    this.#launch(path, message, delayUs)
    if (!this.#random.chance(duplicateProbability)) return
    this.counts.duplicated += 1
    this.#launch(path, message, delayUs + this.#random.exponential(duplicateDelayMeanUs))
  }

  cut(from: number, to: number): void {
    this.#path(from, to).cut = true
  }

  mend(from: number, to: number): void {
    this.#path(from, to).cut = false
  }

  isCut(from: number, to: number): boolean {
    return this.#path(from, to).cut
  }

  /** Removes every cut and every clog. Messages under way still arrive. */
  mendAll(): void {
    for (const path of this.#paths.values()) {
      path.cut = false
      path.clogUntilUs = 0
    }
  }

  #path(from: number, to: number): Path {
    const number = from * MEMBERS_MAX + to
    let path = this.#paths.get(number)
    if (path === undefined) {
      path = { from, to, underWay: 0, cut: false, clogUntilUs: 0, lastArrivalUs: 0 }
      this.#paths.set(number, path)
    }
    return path
  }

  #delay(path: Path): number {
    const { delayMinUs, delayMeanUs, ordered, clogProbability, clogMeanUs } = this.#options
    const nowUs = this.#queue.nowUs
    if (this.#random.chance(clogProbability)) {
      path.clogUntilUs = Math.max(path.clogUntilUs, nowUs + this.#random.exponential(clogMeanUs))
    }
    let arrivalUs = nowUs + delayMinUs + this.#random.exponential(delayMeanUs)
    if (arrivalUs < path.clogUntilUs) arrivalUs = path.clogUntilUs + this.#random.exponential(delayMeanUs)
    if (ordered) arrivalUs = Math.max(arrivalUs, path.lastArrivalUs)
    path.lastArrivalUs = Math.max(path.lastArrivalUs, Math.round(arrivalUs))
    return Math.max(0, arrivalUs - nowUs)
  }

  #launch(path: Path, message: Message, delayUs: number): void {
    if (path.cut) {
      this.counts.cut += 1
      return
    }
    if (path.underWay >= this.#options.pathCapacity) {
      this.counts.overflowed += 1
      return
    }
    path.underWay += 1
    this.#underWay += 1
    this.#queue.after(delayUs, () => this.#arrive(path, message))
  }

  #arrive(path: Path, message: Message): void {
    path.underWay -= 1
    this.#underWay -= 1
    if (path.cut) {
      this.counts.cut += 1
      return
    }
    this.counts.delivered += 1
    this.#deliver(path.from, path.to, message)
  }
}
