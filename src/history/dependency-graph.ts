/**
 * Transactions and which must come before which: Adya's dependencies ("Weak Consistency", 1999). A cycle means that no serial order of
 * them exists; which kinds of edges it needs tells which level of isolation it breaks.
 *
 * - `ww`: the next version of something was written by the other one.
 * - `wr`: the other one read what this one wrote.
 * - `rw`: the other one wrote the next version of what this one read.
 * - `realtime`: this one was answered before the other one was asked. Only its transitive reduction is kept: with n transactions and p
 *   processes that are about n · p edges, not n².
 */

export type EdgeKind = 'ww' | 'wr' | 'rw' | 'realtime'

export interface Edge {
  readonly from: number
  readonly to: number
  readonly kind: EdgeKind
  /** For people: why. Asked for only of the few edges that are shown: a long history has millions. */
  readonly why: (edge: Edge) => string
}

export class DependencyGraph {
  readonly #edges = new Map<number, Edge[]>()

  add(edge: Edge): void {
    if (edge.from === edge.to) return
    const edges = this.#edges.get(edge.from)
    if (edges === undefined) this.#edges.set(edge.from, [edge])
    else edges.push(edge)
  }

  from(node: number, kinds: ReadonlySet<EdgeKind>): readonly Edge[] {
    return (this.#edges.get(node) ?? []).filter(({ kind }) => kinds.has(kind))
  }

  /** Sets of transactions each of which leads to all others of its set by these edges (Tarjan, 1972). Without those of one alone. */
  components(kinds: ReadonlySet<EdgeKind>): number[][] {
    return new ComponentSearch(this.#edges, kinds).run()
  }

  /** The shortest way from one to another that stays inside; null if there is none. */
  path(
    from: number,
    to: number,
    kinds: ReadonlySet<EdgeKind>,
    inside: ReadonlySet<number>,
  ): readonly Edge[] | null {
    const reachedBy = new Map<number, Edge>()
    let frontier = [from]
    while (frontier.length > 0) {
      const next: number[] = []
      for (const node of frontier) {
        for (const edge of this.from(node, kinds)) {
          if (!inside.has(edge.to) || reachedBy.has(edge.to)) continue
          reachedBy.set(edge.to, edge)
          if (edge.to === to) return walkBack(reachedBy, from, to)
          next.push(edge.to)
        }
      }
      frontier = next
    }
    return null
  }
}

/** Also for `from` = `to`: then it is a cycle. */
function walkBack(reachedBy: ReadonlyMap<number, Edge>, from: number, to: number): Edge[] {
  const path: Edge[] = []
  let node = to
  do {
    const edge = reachedBy.get(node)
    if (edge === undefined) break
    path.unshift(edge)
    node = edge.from
  } while (node !== from)
  return path
}

interface Visit {
  readonly node: number
  readonly edges: readonly Edge[]
  at: number
}

const NO_EDGES: readonly Edge[] = []

/** Without recursion: histories are longer than a stack is deep. */
class ComponentSearch {
  readonly #edges: ReadonlyMap<number, readonly Edge[]>
  readonly #kinds: ReadonlySet<EdgeKind>
  readonly #index = new Map<number, number>()
  readonly #low = new Map<number, number>()
  readonly #stack: number[] = []
  readonly #onStack = new Set<number>()
  readonly #components: number[][] = []

  constructor(edges: ReadonlyMap<number, readonly Edge[]>, kinds: ReadonlySet<EdgeKind>) {
    this.#edges = edges
    this.#kinds = kinds
  }

  run(): number[][] {
    for (const node of this.#edges.keys()) if (!this.#index.has(node)) this.#search(node)
    return this.#components
  }

  #search(root: number): void {
    const visits = [this.#enter(root)]
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      const edge = visit.edges[visit.at++]
      if (edge === undefined) {
        visits.pop()
        this.#leave(visit.node, visits.at(-1)?.node)
        continue
      }
      const child = edge.to
      if (!this.#kinds.has(edge.kind)) continue
      if (!this.#index.has(child)) visits.push(this.#enter(child))
      else if (this.#onStack.has(child)) this.#lower(visit.node, this.#index.get(child) ?? 0)
    }
  }

  #enter(node: number): Visit {
    this.#index.set(node, this.#index.size)
    this.#low.set(node, this.#index.size - 1)
    this.#stack.push(node)
    this.#onStack.add(node)
    return { node, edges: this.#edges.get(node) ?? NO_EDGES, at: 0 }
  }

  #leave(node: number, parent: number | undefined): void {
    const low = this.#low.get(node) ?? 0
    if (low === this.#index.get(node)) this.#close(node)
    if (parent !== undefined) this.#lower(parent, low)
  }

  #lower(node: number, to: number): void {
    this.#low.set(node, Math.min(this.#low.get(node) ?? to, to))
  }

  #close(root: number): void {
    const component: number[] = []
    let node: number | undefined
    do {
      node = this.#stack.pop()
      if (node === undefined) break
      this.#onStack.delete(node)
      component.push(node)
    } while (node !== root)
    if (component.length > 1) this.#components.push(component)
  }
}
