/**
 * Configurations of a group and the changes that lead from one to the next, by joint consensus (§6).
 *
 * A membership entry carries the whole configuration that it puts in force, not a difference: the newest one
 * in a log can be used without reading the others, and taking one back on truncation means using the one
 * before.
 */

import { assert } from '../base/assert.ts'
import { INITIAL_GENERATION, isPosition, sameReplica } from './entry.ts'
import type { ReplicaId } from './entry.ts'

/** Who takes part. Lists are sorted by id; an id is at most once in `voters`, and in no two lists but those
 * that the comments name. */
export interface Configuration {
  /** The index of the entry that carries it; 0 for the one that a group starts with. */
  readonly index: number
  /** What replicas that this configuration added have as their generation (`nextGeneration`). Grows along a log. */
  readonly generation: number
  /** C_new while joint; otherwise the voters. */
  readonly voters: readonly ReplicaId[]
  /** C_old while joint; otherwise empty. May share replicas with every other list but `learners`. */
  readonly votersOutgoing: readonly ReplicaId[]
  /** Get the log and have no vote (thesis 4.2.1). */
  readonly learners: readonly ReplicaId[]
  /** Voters of C_old that become learners when C_new stands alone. Part of `votersOutgoing`, not of `voters`. */
  readonly learnersNext: readonly ReplicaId[]
  /** Joint, and the leader appends C_new as soon as this one is committed. */
  readonly autoLeave: boolean
}

/** One step of a change. Ids are of members; the core assigns generations to those that are added. */
export type MembershipStep =
  | { readonly kind: 'add-voter'; readonly id: number }
  | { readonly kind: 'add-learner'; readonly id: number }
  | { readonly kind: 'promote'; readonly id: number }
  | { readonly kind: 'demote'; readonly id: number }
  | { readonly kind: 'remove'; readonly id: number }

/** A change from one configuration to another. It takes effect as a whole. */
export type MembershipChange =
  | {
      readonly kind: 'change'
      readonly steps: readonly MembershipStep[]
      /** False to stay joint until a `leave-joint`. */
      readonly autoLeave: boolean
    }
  | { readonly kind: 'leave-joint' }

/** Nobody: what a replica knows that was created to join a group and has heard nothing yet. */
export const EMPTY_CONFIGURATION: Configuration = {
  index: 0,
  generation: 0,
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
}

/** More than any sensible group has; keeps a hostile message from being expensive. */
const REPLICAS_MAX = 128

export function initialConfiguration(
  voters: readonly ReplicaId[],
  learners: readonly ReplicaId[] = [],
): Configuration {
  assert(voters.length > 0, 'a group starts with a voter')
  return {
    ...EMPTY_CONFIGURATION,
    generation: INITIAL_GENERATION,
    voters: sorted(voters),
    learners: sorted(learners),
  }
}

const GENERATIONS_PER_TERM = 2 ** 20

/**
 * The generation of the configuration that a leader of `term` appends after `current`: above every other that was
 * ever tried, even where the leader that tried it lost its entry and nobody else knows of it. Terms order the
 * attempts of different leaders; within a term there is one leader, whose log only grows. (The index of the entry, the
 * obvious choice, does not order attempts: a later leader can be at a lower index, and its replica would be taken for
 * an older one by a member that the earlier attempt reached.) Null if the term has used up all that it has.
 */
export function nextGeneration(current: Configuration, term: number): number | null {
  const generation = Math.max(current.generation + 1, term * GENERATIONS_PER_TERM)
  return isPosition(generation) && generation < (term + 1) * GENERATIONS_PER_TERM ? generation : null
}

/** Where a generation comes from: for readers. */
export function generationOrigin(generation: number): { readonly term: number; readonly count: number } {
  const count = generation % GENERATIONS_PER_TERM
  return { term: (generation - count) / GENERATIONS_PER_TERM, count }
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.votersOutgoing.length > 0
}

function holds(list: readonly ReplicaId[], replica: ReplicaId): boolean {
  return list.some((other) => sameReplica(other, replica))
}

/** Whether `replica` votes in `configuration`; in a joint one, in either half. */
export function isVoter(configuration: Configuration, replica: ReplicaId): boolean {
  return holds(configuration.voters, replica) || holds(configuration.votersOutgoing, replica)
}

/** Whether `replica` takes part in `configuration` at all. */
export function isMember(configuration: Configuration, replica: ReplicaId): boolean {
  return isVoter(configuration, replica) || holds(configuration.learners, replica)
}

/** Everyone who gets the log, each once, by id. */
export function members(configuration: Configuration): readonly ReplicaId[] {
  const { voters, votersOutgoing, learners } = configuration
  const leaving = votersOutgoing.filter((replica) => !holds(voters, replica))
  return sorted([...voters, ...leaving, ...learners])
}

function sorted(replicas: readonly ReplicaId[]): readonly ReplicaId[] {
  return [...replicas].sort((left, right) => left.id - right.id)
}

function idsOf(replicas: readonly ReplicaId[]): Set<number> {
  return new Set(replicas.map((replica) => replica.id))
}

export type ChangeOutcome =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly detail: string }

/** Where a new configuration goes: the index of its entry, and the term of the leader that appends it. */
export interface ConfigurationPlace {
  readonly index: number
  readonly term: number
}

/** The configuration that `change` makes of `current`. */
export function applyChange(
  current: Configuration,
  change: MembershipChange,
  { index, term }: ConfigurationPlace,
): ChangeOutcome {
  const generation = nextGeneration(current, term)
  if (generation === null)
    return { ok: false, detail: 'this term has seen too many changes: elect a new leader' }
  const draft = { ...EMPTY_CONFIGURATION, index, generation }
  if (change.kind === 'leave-joint') {
    if (!isJoint(current)) return { ok: false, detail: 'the configuration is not joint' }
    return { ok: true, configuration: afterJoint(current, draft) }
  }
  if (isJoint(current)) return { ok: false, detail: 'the configuration is joint: leave it first' }
  return changeVoters(new Draft(current, draft), change)
}

function changeVoters(draft: Draft, change: MembershipChange & { kind: 'change' }): ChangeOutcome {
  for (const step of change.steps) {
    const problem = draft.take(step)
    if (problem !== null) return { ok: false, detail: problem }
  }
  return draft.finish(change.autoLeave)
}

/** C_new on its own (§6). */
function afterJoint(current: Configuration, draft: Configuration): Configuration {
  const learners = sorted([...current.learners, ...current.learnersNext])
  return { ...draft, voters: current.voters, learners }
}

/** A configuration in the making. */
class Draft {
  readonly #current: Configuration
  /** What is made: its index and generation. */
  readonly #place: Configuration
  readonly #voters: Map<number, ReplicaId>
  readonly #learners: Map<number, ReplicaId>
  readonly #touched = new Set<number>()

  constructor(current: Configuration, place: Configuration) {
    this.#current = current
    this.#place = place
    this.#voters = new Map(current.voters.map((replica) => [replica.id, replica]))
    this.#learners = new Map(current.learners.map((replica) => [replica.id, replica]))
  }

  /** Null if `step` fits, otherwise what is wrong with it. */
  take(step: MembershipStep): string | null {
    if (!isPosition(step.id) || step.id === 0) return `${step.id} is not a member's id`
    if (this.#touched.has(step.id)) return `member ${step.id} is named twice`
    this.#touched.add(step.id)
    switch (step.kind) {
      case 'add-voter':
        return this.#add(step.id, this.#voters)
      case 'add-learner':
        return this.#add(step.id, this.#learners)
      case 'promote':
        return this.#move(step.id, this.#learners, this.#voters, 'a learner')
      case 'demote':
        return this.#move(step.id, this.#voters, this.#learners, 'a voter')
      case 'remove':
        if (this.#voters.delete(step.id) || this.#learners.delete(step.id)) return null
        return `member ${step.id} has no replica`
      default:
        return `unknown step ${JSON.stringify(step satisfies never)}`
    }
  }

  #add(id: number, list: Map<number, ReplicaId>): string | null {
    if (this.#voters.has(id) || this.#learners.has(id)) return `member ${id} has a replica already`
    list.set(id, { id, generation: this.#place.generation })
    return null
  }

  #move(id: number, from: Map<number, ReplicaId>, to: Map<number, ReplicaId>, wanted: string): string | null {
    const replica = from.get(id)
    if (replica === undefined) return `the replica on member ${id} is not ${wanted}`
    from.delete(id)
    to.set(id, replica)
    return null
  }

  finish(autoLeave: boolean): ChangeOutcome {
    if (this.#touched.size === 0) return { ok: false, detail: 'the change has no steps' }
    if (this.#voters.size === 0) return { ok: false, detail: 'no voter would be left' }
    if (this.#voters.size + this.#learners.size > REPLICAS_MAX / 2)
      return { ok: false, detail: `a group has at most ${REPLICAS_MAX / 2} replicas` }
    return { ok: true, configuration: this.#votersChange() ? this.#joint(autoLeave) : this.#simple() }
  }

  #votersChange(): boolean {
    const { voters } = this.#current
    return voters.length !== this.#voters.size || voters.some((voter) => !this.#voters.has(voter.id))
  }

  /** Only learners change, and they are in no majority: safe in one step. */
  #simple(): Configuration {
    return { ...this.#place, voters: this.#current.voters, learners: sorted([...this.#learners.values()]) }
  }

  /**
   * Whenever voters change, even by one: one way to do it, and none of the rules that single-server changes
   * need (thesis 4.1 and the bug found in it afterwards).
   */
  #joint(autoLeave: boolean): Configuration {
    const leaving = idsOf(this.#current.voters)
    const learners = [...this.#learners.values()]
    return {
      ...this.#place,
      voters: sorted([...this.#voters.values()]),
      votersOutgoing: this.#current.voters,
      // A learner must not be in a majority, so who still votes in C_old becomes one only when that is over.
      learners: sorted(learners.filter((replica) => !leaving.has(replica.id))),
      learnersNext: sorted(learners.filter((replica) => leaving.has(replica.id))),
      autoLeave,
    }
  }
}

/** What is wrong with a configuration, or null. Holds for every one that is in force. */
export function configurationProblem(configuration: Configuration): string | null {
  const { index, generation, voters, votersOutgoing, learners, learnersNext, autoLeave } = configuration
  const lists = [voters, votersOutgoing, learners, learnersNext]
  if (!isPosition(index) || !isPosition(generation)) return 'its index or generation is not one'
  if (lists.some((list) => list.length > REPLICAS_MAX)) return 'it has too many replicas'
  if (!lists.every((list) => isSortedReplicas(list, generation))) return 'a list of replicas is malformed'
  if (voters.length === 0 && (index > 0 || lists.some((list) => list.length > 0))) return 'it has no voters'
  if (votersOutgoing.length === 0 && (learnersNext.length > 0 || autoLeave))
    return 'it leaves what it is not in'
  if (overlaps(learners, [...voters, ...votersOutgoing])) return 'a learner votes'
  if (overlaps(learnersNext, voters)) return 'a voter is about to be a learner'
  if (!learnersNext.every((replica) => holds(votersOutgoing, replica))) return 'a next learner does not vote'
  const outgoing = new Map(votersOutgoing.map((replica) => [replica.id, replica.generation]))
  const changed = voters.some(({ id, generation }) => (outgoing.get(id) ?? generation) !== generation)
  return changed ? 'a member votes under two generations' : null
}

function overlaps(left: readonly ReplicaId[], right: readonly ReplicaId[]): boolean {
  const ids = idsOf(right)
  return left.some((replica) => ids.has(replica.id))
}

function isSortedReplicas(list: readonly ReplicaId[], newest: number): boolean {
  let previous = 0
  for (const { id, generation } of list) {
    if (!isPosition(id) || id <= previous) return false
    if (!isPosition(generation) || generation === 0 || generation > newest) return false
    previous = id
  }
  return true
}
