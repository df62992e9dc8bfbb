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
      /** Upper bound of all instructions executed; Infinity if it is streaming. */
      readonly workMax: number
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
 * The cycles of the graph: for each instruction the number of the strongly connected component that it is in, or -1 if it
 * is on no cycle (Tarjan 1972, without recursion).
 */
function cyclesOf(edges: readonly (readonly number[])[]): number[] {
  const found: number[] = Array.from({ length: edges.length }, () => -1)
  const order = new Int32Array(edges.length).fill(-1)
  const low = new Int32Array(edges.length)
  /** Of each node on the path from the start: which of its edges comes next. */
  const nextEdge = new Int32Array(edges.length)
  const stack: number[] = []
  const isOnStack = new Uint8Array(edges.length)
  const path: number[] = []
  let reached = 0
  const enter = (node: number): void => {
    order[node] = low[node] = reached++
    stack.push(node)
    isOnStack[node] = 1
    path.push(node)
  }
  const lower = (node: number, value: number): void => {
    if (value < (low[node] as number)) low[node] = value
  }
  const closeComponent = (node: number): void => {
    const component = stack.splice(stack.lastIndexOf(node))
    for (const member of component) isOnStack[member] = 0
    if (component.length > 1 || edges[node]?.includes(node) === true)
      for (const member of component) found[member] = node
  }
  if (edges.length > 0) enter(0)
  while (path.length > 0) {
    const node = path.at(-1) as number
    const target = edges[node]?.[(nextEdge[node] as number)++]
    if (target === undefined) {
      path.pop()
      const parent = path.at(-1)
      if (parent !== undefined) lower(parent, low[node] as number)
      if (low[node] === order[node]) closeComponent(node)
    } else if (target < edges.length) {
      if (order[target] === -1) enter(target)
      else if (isOnStack[target] === 1) lower(node, order[target] as number)
    }
  }
  return found
}

/**
 * How often each instruction runs at most, given bounds of all loops that are left in the graph: a component is entered
 * once, and goes round as often as the product of its loops' turns.
 */
function timesOf(
  program: readonly Instruction[],
  edges: readonly (readonly number[])[],
  bounded: ReadonlyMap<number, number>,
): number[] {
  const cycles = cyclesOf(edges)
  const turns = new Map<number, Map<number, number>>()
  for (const [address, { opcode, p1 }] of program.entries()) {
    const cycle = cycles[address] as number
    const bound = LOOPS.has(opcode) ? bounded.get(p1) : undefined
    if (cycle < 0 || bound === undefined) continue
    const loops = turns.get(cycle) ?? new Map<number, number>()
    turns.set(cycle, loops.set(p1, bound + 1))
  }
  return cycles.map((cycle) =>
    [...(turns.get(cycle)?.values() ?? [])].reduce((total, each) => total * each, 1),
  )
}

/** The graph in which the loops of `bounded` cursors do not jump back. */
function withoutBounded(
  program: readonly Instruction[],
  edges: readonly (readonly number[])[],
  bounded: ReadonlyMap<number, number>,
): (readonly number[])[] {
  return program.map(({ opcode, p1 }, address) =>
    LOOPS.has(opcode) && bounded.has(p1) ? [address + 1] : (edges[address] as readonly number[]),
  )
}

/** The graph in which handing out a row ends the program. */
function untilRow(
  program: readonly Instruction[],
  edges: readonly (readonly number[])[],
): (readonly number[])[] {
  return program.map(({ opcode }, address) =>
    opcode === 'ResultRow' ? [] : (edges[address] as readonly number[]),
  )
}

function hasCycle(edges: readonly (readonly number[])[]): boolean {
  return cyclesOf(edges).some((cycle) => cycle >= 0)
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
    const cycles = cyclesOf(withoutBounded(program, edges, bounded))
    const times = timesOf(program, edges, bounded)
    for (const cursor of looped) {
      const addresses = inserts.get(cursor)
      if (bounded.has(cursor) || addresses === undefined) continue
      if (addresses.some((at) => (cycles[at] as number) >= 0)) continue
      bounded.set(
        cursor,
        addresses.reduce((total, at) => total + (times[at] as number), 0),
      )
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

/** Of a program without loops, such as a search by a key: each instruction runs once at most, whatever the tables hold. */
function straightCost(program: readonly Instruction[]): ProgramCost {
  let work = 0
  let rowsMax = 0
  for (const { opcode } of program) {
    work += weightOf(opcode)
    if (opcode === 'ResultRow') rowsMax++
  }
  return { kind: 'bounded', workPerRow: work, workMax: work, isStreaming: false, rowsMax, smallTables: [] }
}

/** The upper bound of the work of `program`, whatever its arguments are. */
export function costOf(program: readonly Instruction[], rowsOf: SmallTableRows): ProgramCost {
  if (program.length > PROGRAM_LENGTH_MAX) return { kind: 'unbounded', reason: 'a long program' }
  const reason = unjudged(program, rowsOf)
  if (reason !== null) return { kind: 'unbounded', reason }
  const edges = successors(program)
  if (!hasCycle(edges) && !program.some(({ opcode }) => opcode === 'Count')) return straightCost(program)
  const { bounded, smallRoots } = boundedCursors(program, edges, rowsOf)
  const open = withoutBounded(program, edges, bounded)
  if (hasCycle(untilRow(program, open)))
    return { kind: 'unbounded', reason: 'a loop that may not hand out rows' }
  const isStreaming = hasCycle(open)
  const sum = (times: readonly number[], worth: (instruction: Instruction) => number): number =>
    program.reduce((total, each, at) => total + worth(each) * (times[at] as number), 0)
  const isRow = ({ opcode }: Instruction): number => (opcode === 'ResultRow' ? 1 : 0)
  const weight = ({ opcode }: Instruction): number => weightOf(opcode)
  const all = timesOf(program, edges, bounded)
  const counted = program.filter(({ opcode }) => opcode === 'Count').map(({ p1 }) => p1)
  const countedRoots = program.filter((each) => each.opcode === 'OpenRead' && counted.includes(each.p1))
  return {
    kind: 'bounded',
    workPerRow: sum(timesOf(program, untilRow(program, edges), bounded), weight),
    workMax: isStreaming ? Infinity : sum(all, weight),
    isStreaming,
    rowsMax: isStreaming ? Infinity : sum(all, isRow),
    smallTables: [...new Set([...smallRoots, ...countedRoots.map(({ p2 }) => p2)])].map((rootPage) => ({
      rootPage,
      rowsMax: rowsOf(rootPage) ?? 0,
    })),
  }
}
