/**
 * Whoever runs the simulated cluster: changes its membership, moves its leadership, and at the end repairs it.
 * It is careless about the moment, and careful about one thing only: it never asks for a configuration whose
 * majority is gone for good.
 */

import { isJoint } from '../../src/raft/membership.ts'
import type { Configuration, MembershipChange, MembershipStep } from '../../src/raft/membership.ts'
import type { Random } from '../random.ts'
import type { Cluster } from './cluster.ts'
import type { Replica } from './replica.ts'

const VOTERS_MAX = 5

export class Administrator {
  readonly #cluster: Cluster
  readonly #random: Random

  constructor(cluster: Cluster, random: Random) {
    this.#cluster = cluster
    this.#random = random
  }

  /** Asks some replica that thinks it leads to hand over to another member. */
  transfer(): void {
    const leader = this.#pickLeader()
    if (leader === null) return
    const { voters } = leader.raft.configuration
    const to = voters.length > 0 ? this.#random.pick(voters).id : leader.id.id
    const result = leader.call((raft) => raft.transferLeadership(to))
    this.#cluster.noteMember('transfer', this.#cluster.member(leader.id.id), () => {
      return `is asked to hand over to member ${to}: ${result.accepted ? 'accepted' : result.reason}`
    })
  }

  /** Proposes a random change at some replica that thinks it leads. */
  changeMembership(): void {
    const leader = this.#pickLeader()
    if (leader === null) return
    const { configuration } = leader.raft
    if (isJoint(configuration)) {
      this.#propose(leader, { kind: 'leave-joint' })
      return
    }
    const steps = this.#drawSteps(configuration)
    if (steps.length > 0 && this.#isSurvivable(configuration, steps)) {
      this.#propose(leader, { kind: 'change', steps, autoLeave: this.#random.chance(0.7) })
    }
  }

  /**
   * One step of repair: leaves a joint configuration, removes a replica that is gone, or adds a voter where
   * there is none left to spare. Called again and again when faults are over.
   */
  repair(leader: Replica): void {
    const { configuration } = leader.raft
    if (isJoint(configuration)) {
      if (!configuration.autoLeave) this.#propose(leader, { kind: 'leave-joint' })
      return
    }
    const { voters, learners } = configuration
    const gone = [...voters, ...learners].find((replica) => !this.#cluster.isIntact(replica))
    if (gone === undefined) return
    const steps: MembershipStep[] = [{ kind: 'remove', id: gone.id }]
    this.#propose(leader, { kind: 'change', steps, autoLeave: true })
  }

  #pickLeader(): Replica | null {
    const leaders = this.#cluster.members.flatMap(({ replica, paused }) =>
      replica !== null && !paused && replica.raft.role === 'leader' ? [replica] : [],
    )
    return leaders.length === 0 ? null : this.#random.pick(leaders)
  }

  #propose(leader: Replica, change: MembershipChange): void {
    const result = leader.call((raft) => raft.proposeMembership(change))
    const member = this.#cluster.member(leader.id.id)
    this.#cluster.noteMember(
      'membership',
      member,
      () => {
        const asked = change.kind === 'leave-joint' ? 'leave joint' : describeSteps(change.steps)
        const answer = result.accepted ? `entry ${result.index}.${result.term}` : result.reason
        return `is asked to ${asked}: ${answer}`
      },
      result.accepted ? result.index : 0,
    )
  }

  #drawSteps(configuration: Configuration): MembershipStep[] {
    const { voters, learners } = configuration
    const taken = new Set([...voters, ...learners].map(({ id }) => id))
    const free = this.#cluster.members.map(({ id }) => id).filter((id) => !taken.has(id))
    const choices: MembershipStep[] = [
      ...free.map((id): MembershipStep => ({ kind: 'add-voter', id })),
      ...free.map((id): MembershipStep => ({ kind: 'add-learner', id })),
      ...learners.map(({ id }): MembershipStep => ({ kind: 'promote', id })),
      ...learners.map(({ id }): MembershipStep => ({ kind: 'remove', id })),
      ...voters.map(({ id }): MembershipStep => ({ kind: 'demote', id })),
      ...voters.map(({ id }): MembershipStep => ({ kind: 'remove', id })),
    ]
    const steps = new Map<number, MembershipStep>()
    const count = Math.min(this.#random.pick([1, 1, 2, 3]), this.#cluster.options.faults.membershipStepsMax)
    for (const step of this.#random.shuffled(choices)) {
      const isWanted = this.#cluster.options.faults.membershipSteps.includes(step.kind)
      if (isWanted && steps.size < count && !steps.has(step.id)) steps.set(step.id, step)
    }
    return [...steps.values()]
  }

  /** Whether the voters after `steps` would be few enough and have a majority that is not gone for good. */
  #isSurvivable(configuration: Configuration, steps: readonly MembershipStep[]): boolean {
    const isAlive = new Map(
      configuration.voters.map((replica) => [replica.id, this.#cluster.isIntact(replica)]),
    )
    for (const { kind, id } of steps) {
      if (kind === 'add-voter') isAlive.set(id, true)
      if (kind === 'promote') {
        const learner = configuration.learners.find((replica) => replica.id === id)
        isAlive.set(id, learner !== undefined && this.#cluster.isIntact(learner))
      }
      if (kind === 'remove' || kind === 'demote') isAlive.delete(id)
    }
    const living = [...isAlive.values()].filter(Boolean).length
    return isAlive.size > 0 && isAlive.size <= VOTERS_MAX && living * 2 > isAlive.size
  }
}

function describeSteps(steps: readonly MembershipStep[]): string {
  return steps.map(({ kind, id }) => `${kind} ${id}`).join(', ')
}
