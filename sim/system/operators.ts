/**
 * Operators, who change a cluster under load: leaderships handed over, members restarted one after another, a member removed for good and another
 * one added in its place. What has begun is carried through, also when the faults are over: a cluster is not left half changed.
 */

import { MILLISECOND, SECOND } from '../event-queue.ts'
import type { TimeUs } from '../event-queue.ts'
import type { Random } from '../random.ts'
import type { Machine } from './machine.ts'
import type { MemberHere } from './member-here.ts'
import { DATABASE, PEER_PORT } from './open-member.ts'
import { READING, WRITING } from './release.ts'
import type { World } from './world.ts'

/** Mean time between two of a kind; 0 for never. */
export interface OperatorRates {
  readonly transferEveryUs: TimeUs
  readonly rollingRestartEveryUs: TimeUs
  /** Once in a run; null for never. */
  readonly replaceAtUs: TimeUs | null
  /** Once in a run all members get the next version of the program; null for never. */
  readonly upgrade: Upgrade | null
}

export interface Upgrade {
  readonly atUs: TimeUs
  /**
   * Every member reads the new formats before the first one writes them. Without that, those that are still old can't go on with what the others
   * write: nothing may be lost, but they serve only when they are upgraded, too.
   */
  readonly isInTwoSteps: boolean
}

const PAUSE_US = 200 * MILLISECOND
/** How long a cluster is left with members of versions that do not understand each other. */
const MIXED_US = 2 * SECOND
/** A supervisor waits only so long for a member to stop. */
const STOP_TIMEOUT_US = 15 * SECOND

type Change = (random: Random) => Promise<void>

export class Operators {
  readonly #world: World
  readonly #machines: readonly Machine[]
  #isStopped = false
  /** Carried through one after another. */
  #last: Promise<void> = Promise.resolve()
  #underWay = 0
  #stepCount = 0
  #replaced: Machine | null = null

  constructor(world: World, machines: readonly Machine[], rates: OperatorRates, random: Random) {
    this.#world = world
    this.#machines = machines
    void this.#repeat(rates.transferEveryUs, random.fork('transfer'), (draw) => this.#transfer(draw))
    void this.#repeat(rates.rollingRestartEveryUs, random.fork('restart'), () => this.#restartAll())
    const { replaceAtUs, upgrade } = rates
    if (upgrade !== null)
      world.after(null, upgrade.atUs, () => this.#begin(random, () => this.#upgradeAll(upgrade)))
    if (replaceAtUs !== null)
      world.after(null, replaceAtUs, () => this.#begin(random, (draw) => this.#replace(draw)))
  }

  /** Nothing is half done. */
  get isDone(): boolean {
    return this.#underWay === 0
  }

  /** How many steps have begun: a member that is restarted is one. */
  get stepCount(): number {
    return this.#stepCount
  }

  /** It is being replaced: nobody else starts it. */
  holds(machine: Machine): boolean {
    return this.#replaced === machine
  }

  /** Nothing new begins. */
  stop(): void {
    this.#isStopped = true
  }

  async #repeat(everyUs: TimeUs, random: Random, change: Change): Promise<void> {
    while (everyUs > 0 && !this.#isStopped) {
      await this.#world.sleep(random.exponential(everyUs))
      this.#begin(random, change)
    }
  }

  #begin(random: Random, change: Change): void {
    if (this.#isStopped) return
    this.#underWay++
    this.#last = this.#last
      .then(() => change(random))
      .catch((error: unknown) => this.#world.fail(error))
      .then(() => void this.#underWay--)
  }

  async #transfer(random: Random): Promise<void> {
    const leader = this.#machines.find(({ leads }) => leads)
    const to = random.pick(this.#machines)
    const member = to.member?.number
    if (leader === undefined || member === undefined || to === leader) return
    this.#begins(leader, `operator: member ${member} shall lead`)
    leader.run(() => leader.member?.replica(DATABASE)?.transferLeadership(member))
  }

  async #restartAll(): Promise<void> {
    for (const machine of this.#machines) {
      if (this.#isStopped) return
      this.#begins(machine, 'operator: restart')
      await this.#restart(machine)
      await this.#until(() => machine.isUp || this.#isStopped)
    }
  }

  async #upgradeAll({ isInTwoSteps }: Upgrade): Promise<void> {
    for (const release of isInTwoSteps ? [READING, WRITING] : [WRITING]) {
      for (const machine of this.#machines) {
        this.#begins(machine, `operator: upgrade to ${release.name}`)
        machine.release = release
        await this.#restart(machine)
        // Where others are too old to take part, it may not get that far before they are upgraded.
        if (isInTwoSteps) await this.#until(() => machine.isUp)
        else await this.#world.sleep(MIXED_US)
      }
    }
  }

  async #restart(machine: Machine): Promise<void> {
    machine.stop()
    const deadlineUs = this.#world.nowUs + STOP_TIMEOUT_US
    await this.#until(() => !machine.isStopping || this.#world.nowUs > deadlineUs)
    // One that was starting has nothing to stop.
    machine.crash('kill')
    machine.start()
  }

  /** The machine gets an empty disk and becomes another member, which has no vote until an operator says so. */
  async #replace(random: Random): Promise<void> {
    const machine = random.pick(this.#machines)
    const others = this.#machines.filter((one) => one !== machine)
    await this.#until(() => machine.member !== null && machine.isUp)
    const number = machine.member?.number ?? 0
    this.#begins(machine, `operator: remove member ${number}`)
    await this.#insist(others, (member) => member.removeMember?.(number), 'MEMBER_NOT_FOUND')
    this.#replaced = machine
    const isGone = (): boolean => machine.member?.number !== number && !machine.isRunning
    const deadlineUs = this.#world.nowUs + REMOVAL_TIMEOUT_US
    await this.#until(() => isGone() || this.#world.nowUs > deadlineUs)
    machine.lose('wipe')
    const address = `${machine.host}:${PEER_PORT}`
    this.#begins(machine, 'operator: add a member')
    await this.#insist(others, (member) => member.addMember?.(address, 'learner'), 'MEMBERSHIP_REFUSED')
    this.#replaced = null
    machine.start()
    await this.#until(() => machine.isUp)
    const added = machine.member?.number ?? 0
    this.#begins(machine, `operator: promote member ${added}`)
    await this.#insist(this.#machines, (member) => member.promoteMember?.(added), 'MEMBER_NOT_FOUND')
  }

  /** Asks one after another until one has done it. `doneCode`: what they say when an attempt that seemed to fail had done it. */
  async #insist(
    machines: readonly Machine[],
    work: (member: MemberHere) => Promise<unknown> | undefined,
    doneCode: string,
  ): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const machine = machines[attempt % machines.length]
      if (machine !== undefined && (await this.#ask(machine, work, doneCode))) return
      await this.#world.sleep(PAUSE_US)
    }
  }

  #ask(
    machine: Machine,
    work: (member: MemberHere) => Promise<unknown> | undefined,
    doneCode: string,
  ): Promise<boolean> {
    const { member } = machine
    if (member === null || !machine.isUp) return Promise.resolve(false)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const leave = machine.onEnd(() => resolve(false))
    const timer = this.#world.after(null, STOP_TIMEOUT_US, () => resolve(false))
    machine.run(() => {
      Promise.resolve(work(member)).then(
        () => resolve(true),
        (error: unknown) => resolve((error as { code?: string }).code === doneCode),
      )
    })
    return promise.finally(() => {
      leave()
      timer.cancel()
    })
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await this.#world.sleep(PAUSE_US)
  }

  #begins(machine: Machine, text: string): void {
    this.#stepCount++
    this.#world.note('phase', machine.number, 0, 0, () => text)
  }
}

/** After it the member is cut off: it may not know that it was removed. */
const REMOVAL_TIMEOUT_US = 35 * SECOND
