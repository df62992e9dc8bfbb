/**
 * Transactions and which must come before which: Adya's dependencies ("Weak Consistency", 1999). A cycle means that no serial order of
 * them exists; which kinds of edges it needs tells which level of isolation it breaks.
 *
 * - `ww`: the next version of something was written by the other one.
 * - `wr`: the other one read what this one wrote.
 * - `rw`: the other one wrote the next version of what this one read.
 * - `realtime`: this one was answered before the other one was asked. Only its transitive reduction is kept: with n transactions and p
 *   processes that are about n · p edges, not n².
 *
 * A history of half a million transactions has millions of edges, so they are rows of numbers, and nothing about them is an object before one
 * is asked for: first a list in the order in which they were found (`DependencyEdges`), then sorted by where they begin (`DependencyGraph`).
 */

import { bytes, integers } from './column.ts'

export type EdgeKind = 'ww' | 'wr' | 'rw' | 'realtime'

const KINDS: readonly EdgeKind[] = ['ww', 'wr', 'rw', 'realtime']

export interface Edge {
  readonly from: number
  readonly to: number
  readonly kind: EdgeKind
  /** Whatever its maker needs to tell why it is there. */
  readonly detail: number
}

/** Kinds as bits. */
export type EdgeKinds = number

export function edgeKinds(...kinds: readonly EdgeKind[]): EdgeKinds {
  return kinds.reduce((bits, kind) => bits | (1 << KINDS.indexOf(kind)), 0)
}

export class DependencyEdges {
  readonly #from = integers()
  readonly #to = integers()
  readonly #kinds = bytes()
  readonly #details = integers()

  get length(): number {
    return this.#from.length
  }

  /** Nobody depends on himself. */
  add(from: number, to: number, kind: EdgeKind, detail = 0): void {
    if (from === to) return
    this.#from.push(from)
    this.#to.push(to)
    this.#kinds.push(KINDS.indexOf(kind))
    this.#details.push(detail)
  }

  from(edge: number): number {
    return this.#from.at(edge)
  }

  to(edge: number): number {
    return this.#to.at(edge)
  }

  kindBit(edge: number): EdgeKinds {
    return 1 << this.#kinds.at(edge)
  }

  at(edge: number): Edge {
    const kind = KINDS[this.#kinds.at(edge)] as EdgeKind
    return { from: this.from(edge), to: this.to(edge), kind, detail: this.#details.at(edge) }
  }
}

export class DependencyGraph {
  readonly #edges: DependencyEdges
  /** Edges of each node one after another: those of `node` begin at `#starts[node]` and end where those of the next one begin. */
  readonly #starts: Int32Array
  readonly #sorted: Int32Array

  /** Nodes are numbers from 0 to `nodes` - 1. */
  constructor(nodes: number, edges: DependencyEdges) {
    this.#edges = edges
    this.#starts = new Int32Array(nodes + 1)
    this.#sorted = new Int32Array(edges.length)
    for (let edge = 0; edge < edges.length; edge++) increase(this.#starts, edges.from(edge) + 1)
    for (let node = 0; node < nodes; node++) increase(this.#starts, node + 1, this.#starts[node])
    const next = this.#starts.slice()
    for (let edge = 0; edge < edges.length; edge++) {
      const from = edges.from(edge)
      this.#sorted[next[from] as number] = edge
      increase(next, from)
    }
  }

  *from(node: number, kinds: EdgeKinds): Iterable<Edge> {
    const end = this.#starts[node + 1] as number
    for (let at = this.#starts[node] as number; at < end; at++) {
      const edge = this.#sorted[at] as number
      if ((this.#edges.kindBit(edge) & kinds) !== 0) yield this.#edges.at(edge)
    }
  }

  /** Sets of transactions each of which leads to all others of its set by these edges (Tarjan, 1972). Without those of one alone. */
  components(kinds: EdgeKinds): number[][] {
    return new ComponentSearch(this.#edges, this.#starts, this.#sorted, kinds).run()
  }

  /** The shortest way from one to another that stays inside; null if there is none. */
  path(from: number, to: number, kinds: EdgeKinds, inside: ReadonlySet<number>): readonly Edge[] | null {
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

function increase(counts: Int32Array, at: number, by = 1): void {
  counts[at] = (counts[at] as number) + by
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

const UNSEEN = -1

/** Without recursion: histories are longer than a stack is deep. */
class ComponentSearch {
  readonly #edges: DependencyEdges
  readonly #starts: Int32Array
  readonly #sorted: Int32Array
  readonly #kinds: EdgeKinds
  readonly #nodes: number
  readonly #index: Int32Array
  readonly #low: Int32Array
  readonly #isOnStack: Uint8Array
  /** Of each node, which of its edges comes next. */
  readonly #next: Int32Array
  readonly #stack: number[] = []
  /** From the root of the search to where it is. */
  readonly #path: number[] = []
  readonly #components: number[][] = []
  #seen = 0

  constructor(edges: DependencyEdges, starts: Int32Array, sorted: Int32Array, kinds: EdgeKinds) {
    this.#edges = edges
    this.#starts = starts
    this.#sorted = sorted
    this.#kinds = kinds
    this.#nodes = starts.length - 1
    this.#index = new Int32Array(this.#nodes).fill(UNSEEN)
    this.#low = new Int32Array(this.#nodes)
    this.#isOnStack = new Uint8Array(this.#nodes)
    this.#next = starts.slice()
  }

  run(): number[][] {
    for (let node = 0; node < this.#nodes; node++) if (this.#index[node] === UNSEEN) this.#search(node)
    return this.#components
  }

  #search(root: number): void {
    this.#enter(root)
    for (let node = this.#path.at(-1); node !== undefined; node = this.#path.at(-1)) {
      const child = this.#nextChild(node)
      if (child === null) {
        this.#path.pop()
        this.#leave(node, this.#path.at(-1))
      } else if (this.#index[child] === UNSEEN) this.#enter(child)
      else if (this.#isOnStack[child] === 1) this.#lower(node, this.#index[child] as number)
    }
  }

  #nextChild(node: number): number | null {
    const end = this.#starts[node + 1] as number
    for (let at = this.#next[node] as number; at < end; at++) {
      const edge = this.#sorted[at] as number
      if ((this.#edges.kindBit(edge) & this.#kinds) === 0) continue
      this.#next[node] = at + 1
      return this.#edges.to(edge)
    }
    this.#next[node] = end
    return null
  }

  #enter(node: number): void {
    this.#index[node] = this.#seen
    this.#low[node] = this.#seen++
    this.#stack.push(node)
    this.#isOnStack[node] = 1
    this.#path.push(node)
  }

  #leave(node: number, parent: number | undefined): void {
    const low = this.#low[node] as number
    if (low === this.#index[node]) this.#close(node)
    if (parent !== undefined) this.#lower(parent, low)
  }

  #lower(node: number, to: number): void {
    this.#low[node] = Math.min(this.#low[node] as number, to)
  }

  #close(root: number): void {
    const component: number[] = []
    let node: number | undefined
    do {
      node = this.#stack.pop()
      if (node === undefined) break
      this.#isOnStack[node] = 0
      component.push(node)
    } while (node !== root)
    if (component.length > 1) this.#components.push(component)
  }
}
