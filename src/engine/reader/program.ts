/**
 * How long may a prepared statement run? Told from its compiled program, not from its text or its plan's description:
 * `SEARCH t USING INTEGER PRIMARY KEY (rowid>?)` reads like a quick search and may visit every row.
 *
 * The program (the rows of EXPLAIN) is a graph of jumps. Take away the instructions that hand out a row. If no cycle is
 * left, then the work between two rows is bounded by the program's length, whatever the data and the arguments are:
 *
 * - a search by a complete unique key compiles to no loop at all;
 * - `SELECT … WHERE id > ? LIMIT 10` loops, but every turn hands out a row, and the reader stops after a page of them;
 * - a filter that SQLite can't search by, a sort, an aggregate, a join without a key loop without handing out rows.
 *
 * Cycles of the last kind are accepted where the number of turns is known to be small: the loop runs over rows that the
 * program itself inserted a countable number of times (`IN (1, 2, 3)`, sorting those), or over a table that is small now.
 * Everything else, and every instruction and function that nobody has judged, is unbounded.
 *
 * Rejected: EXPLAIN QUERY PLAN (tells no difference between one row and all rows), sqlite_stat1 (old or absent), and a
 * statement's history alone (a client can be quick nine times and slow the tenth).
 */

import {
  BRANCHES,
  EPHEMERAL_OPENS,
  INSERTS,
  isFunctionCall,
  isQuickFunction,
  KNOWN_OPCODES,
  LOOPS,
  weightOf,
} from './opcodes.ts'

/** One row of EXPLAIN. */
export interface Instruction {
  readonly opcode: string
  readonly p1: number
  readonly p2: number
  readonly p3: number
  readonly p4: string | null
}

export type ProgramCost =
  | {
      readonly kind: 'bounded'
      /** Upper bound of the instructions executed until the next row, or the end. */
      readonly workPerRow: number
      /** True if rows may go on without end. */
      readonly isStreaming: boolean
      /** Upper bound of its rows; Infinity if it is streaming. */
      readonly rowsMax: number
      /** Tables and indexes that were taken as small. The bound holds while they have no more rows than this. */
      readonly smallTables: readonly SmallTable[]
    }
  | { readonly kind: 'unbounded'; readonly reason: string }

export interface SmallTable {
  readonly rootPage: number
  readonly rowsMax: number
}

/** Upper bound of the rows of the b-tree with this root page in `main`, if it is small; null if it is not or is unknown. */
export type SmallTableRows = (rootPage: number) => number | null

const PROGRAM_LENGTH_MAX = 2_000

/** Addresses at which a subroutine or coroutine continues, by the register that holds the address. */
interface Continuations {
  /** After each Gosub. */
  readonly callers: Map<number, number[]>
  /** After each Yield of a coroutine's consumer, and the target of that Yield when the coroutine has ended. */
  readonly consumers: Map<number, number[]>
  /** The start of each coroutine, and after each Yield inside of it. */
  readonly bodies: Map<number, number[]>
}

function push(map: Map<number, number[]>, key: number, value: number): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

/** Whether the Yield at `address` is inside of the coroutine: between its start and its EndCoroutine. */
function isInBody(program: readonly Instruction[], address: number): boolean {
  const register = (program[address] as Instruction).p1
  return program.some(
    ({ opcode, p1, p3 }, at) =>
      opcode === 'InitCoroutine' &&
      p1 === register &&
      address >= p3 &&
      address <=
        program.findIndex((each, end) => end >= at && each.opcode === 'EndCoroutine' && each.p1 === p1),
  )
}

function continuationsOf(program: readonly Instruction[]): Continuations {
  const found: Continuations = { callers: new Map(), consumers: new Map(), bodies: new Map() }
  for (const [address, { opcode, p1, p2, p3 }] of program.entries()) {
    if (opcode === 'Gosub') push(found.callers, p1, address + 1)
    if (opcode === 'InitCoroutine') push(found.bodies, p1, p3)
    if (opcode !== 'Yield') continue
    push(isInBody(program, address) ? found.bodies : found.consumers, p1, address + 1)
    if (p2 > 0) push(found.consumers, p1, p2)
  }
  return found
}

/** Where each instruction may continue. Too many edges are safe, a missing one is not. */
function successors(program: readonly Instruction[]): number[][] {
  const continuations = continuationsOf(program)
  return program.map((instruction, address) => {
    if (instruction.opcode === 'Yield')
      return isInBody(program, address)
        ? (continuations.consumers.get(instruction.p1) ?? [])
        : (continuations.bodies.get(instruction.p1) ?? [])
    return edgesOf(instruction, address, continuations)
  })
}

function edgesOf(instruction: Instruction, address: number, continuations: Continuations): number[] {
  const { opcode, p1, p2, p3 } = instruction
  switch (opcode) {
    case 'Halt':
      return []
    case 'Goto':
    case 'Gosub':
      return [p2]
    case 'Init':
      return [p2 > 0 ? p2 : address + 1]
    case 'Jump':
      return [p1, p2, p3]
    case 'EndCoroutine':
      return continuations.consumers.get(p1) ?? []
    case 'Return':
      return [...(continuations.callers.get(p1) ?? []), address + 1]
    default:
      return BRANCHES.has(opcode) && p2 > 0 ? [address + 1, p2] : [address + 1]
  }
}

/**
 * The instructions that lie on a cycle: those in a strongly connected component of several, or with an edge to
 * themselves (Tarjan 1972, without recursion).
 */
function cyclic(edges: readonly (readonly number[])[]): Set<number> {
  const order = new Map<number, number>()
  const low = new Map<number, number>()
  const stack: number[] = []
  const onStack = new Set<number>()
  const found = new Set<number>()
  const visit = (root: number): void => {
    const work: { node: number; next: number }[] = [{ node: root, next: 0 }]
    while (work.length > 0) {
      const frame = work.at(-1) as { node: number; next: number }
      const { node } = frame
      if (frame.next === 0) {
        order.set(node, order.size)
        low.set(node, order.get(node) as number)
        stack.push(node)
        onStack.add(node)
      }
      const target = edges[node]?.[frame.next++]
      if (target === undefined) {
        work.pop()
        const parent = work.at(-1)?.node
        if (parent !== undefined)
          low.set(parent, Math.min(low.get(parent) as number, low.get(node) as number))
        if (low.get(node) === order.get(node)) closeComponent(node)
      } else if (target >= edges.length) {
        continue
      } else if (!order.has(target)) {
        work.push({ node: target, next: 0 })
      } else if (onStack.has(target)) {
        low.set(node, Math.min(low.get(node) as number, order.get(target) as number))
      }
    }
  }
  const closeComponent = (node: number): void => {
    const component = stack.splice(stack.lastIndexOf(node))
    for (const member of component) onStack.delete(member)
    if (component.length > 1 || edges[node]?.includes(node)) for (const member of component) found.add(member)
  }
  visit(0)
  return found
}

/** The graph in which the loops of `bounded` cursors do not jump back, and, if asked, rows end it. */
function residual(
  program: readonly Instruction[],
  edges: readonly (readonly number[])[],
  bounded: ReadonlyMap<number, number>,
  areRowsEnds: boolean,
): number[][] {
  return program.map(({ opcode, p1 }, address) => {
    if (areRowsEnds && opcode === 'ResultRow') return []
    if (LOOPS.has(opcode) && bounded.has(p1)) return [address + 1]
    return [...(edges[address] as readonly number[])]
  })
}

interface Cursors {
  /** Cursor → root pages of `main` that it is opened on. */
  readonly roots: ReadonlyMap<number, readonly number[]>
  /** Cursor → addresses of the instructions that insert into it; only cursors that the program fills itself. */
  readonly inserts: ReadonlyMap<number, readonly number[]>
  /** Cursors that some Next or Prev moves. */
  readonly looped: readonly number[]
}

function cursorsOf(program: readonly Instruction[]): Cursors {
  const roots = new Map<number, number[]>()
  const inserts = new Map<number, number[]>()
  const unknown = new Set<number>()
  for (const { opcode, p1, p2, p3 } of program) {
    if (opcode === 'OpenRead' || opcode === 'ReopenIdx') {
      roots.set(p1, [...(roots.get(p1) ?? []), p2])
      if (p3 !== 0) unknown.add(p1)
    }
    if (EPHEMERAL_OPENS.has(opcode) && !inserts.has(p1)) inserts.set(p1, [])
  }
  for (const [address, { opcode, p1 }] of program.entries())
    if (INSERTS.has(opcode)) inserts.get(p1)?.push(address)
  for (const cursor of [...roots.keys(), ...inserts.keys()])
    if (unknown.has(cursor) || (roots.has(cursor) && inserts.has(cursor))) {
      roots.delete(cursor)
      inserts.delete(cursor)
    }
  const looped = [...new Set(program.filter(({ opcode }) => LOOPS.has(opcode)).map(({ p1 }) => p1))]
  return { roots, inserts, looped }
}

function product(bounded: ReadonlyMap<number, number>): number {
  return [...bounded.values()].reduce((total, turns) => total * (turns + 1), 1)
}

function rowsOfCursor(roots: readonly number[] | undefined, rowsOf: SmallTableRows): number | null {
  if (roots === undefined) return null
  let most = 0
  for (const root of roots) {
    const rows = rowsOf(root)
    if (rows === null) return null
    most = Math.max(most, rows)
  }
  return most
}

/** Cursor → upper bound of the turns of a loop over it, for every cursor where one is known. */
function boundedCursors(
  program: readonly Instruction[],
  edges: readonly (readonly number[])[],
  rowsOf: SmallTableRows,
): { bounded: Map<number, number>; smallRoots: number[] } {
  const { roots, inserts, looped } = cursorsOf(program)
  const bounded = new Map<number, number>()
  const smallRoots: number[] = []
  for (const cursor of looped) {
    const rows = rowsOfCursor(roots.get(cursor), rowsOf)
    if (rows === null) continue
    bounded.set(cursor, rows)
    smallRoots.push(...(roots.get(cursor) ?? []))
  }
  // A loop over rows that the program inserted is bounded once all of its inserts are outside of unbounded cycles.
  for (let before = -1; before !== bounded.size;) {
    before = bounded.size
    const cycles = cyclic(residual(program, edges, bounded, false))
    for (const cursor of looped) {
      const addresses = inserts.get(cursor)
      if (bounded.has(cursor) || addresses === undefined || addresses.some((at) => cycles.has(at))) continue
      bounded.set(cursor, addresses.length * product(bounded))
      break
    }
  }
  return { bounded, smallRoots }
}

function unjudged(program: readonly Instruction[], rowsOf: SmallTableRows): string | null {
  const rootOf = new Map(program.filter((each) => each.opcode === 'OpenRead').map(({ p1, p2 }) => [p1, p2]))
  for (const { opcode, p1, p4 } of program) {
    if (!KNOWN_OPCODES.has(opcode)) return `instruction ${opcode}`
    if (isFunctionCall(opcode) && !isQuickFunction(p4 ?? '')) return `function ${p4}`
    // Count walks through all pages of its table.
    if (opcode === 'Count' && rowsOf(rootOf.get(p1) ?? 0) === null) return 'count of a large table'
  }
  return null
}

/** The upper bound of the work of `program`, whatever its arguments are. */
export function costOf(program: readonly Instruction[], rowsOf: SmallTableRows): ProgramCost {
  if (program.length > PROGRAM_LENGTH_MAX) return { kind: 'unbounded', reason: 'a long program' }
  const reason = unjudged(program, rowsOf)
  if (reason !== null) return { kind: 'unbounded', reason }
  const edges = successors(program)
  const { bounded, smallRoots } = boundedCursors(program, edges, rowsOf)
  if (cyclic(residual(program, edges, bounded, true)).size > 0)
    return { kind: 'unbounded', reason: 'a loop that may not hand out rows' }
  const isStreaming = cyclic(residual(program, edges, bounded, false)).size > 0
  const resultRows = program.filter(({ opcode }) => opcode === 'ResultRow').length
  const weight = program.reduce((total, { opcode }) => total + weightOf(opcode), 0)
  const counted = program.filter(({ opcode }) => opcode === 'Count').map(({ p1 }) => p1)
  const countedRoots = program.filter((each) => each.opcode === 'OpenRead' && counted.includes(each.p1))
  return {
    kind: 'bounded',
    workPerRow: weight * product(bounded),
    isStreaming,
    rowsMax: isStreaming ? Infinity : resultRows * product(bounded),
    smallTables: [...new Set([...smallRoots, ...countedRoots.map(({ p2 }) => p2)])].map((rootPage) => ({
      rootPage,
      rowsMax: rowsOf(rootPage) ?? 0,
    })),
  }
}
