/** What a heap consists of, by class, of the text of a heap snapshot; and the difference of two, for each of so many things that came in between. */

interface Snapshot {
  readonly snapshot: {
    readonly meta: { readonly node_fields: string[]; readonly node_types: [string[], ...unknown[]] }
  }
  readonly nodes: number[]
  readonly strings: string[]
}

export interface ClassSize {
  readonly name: string
  readonly count: number
  readonly bytes: number
}

export type HeapClasses = ReadonlyMap<string, ClassSize>

/** Strings, code and the like are told by their kind alone: their names are their contents. */
const NAMED_KINDS: ReadonlySet<string> = new Set(['object', 'native', 'closure', 'object shape'])

/** By class or, for what has none, by kind. `text`: of a .heapsnapshot file. */
export function heapClasses(text: string): HeapClasses {
  const { snapshot, nodes, strings } = JSON.parse(text) as Snapshot
  const { node_fields: fields, node_types: types } = snapshot.meta
  const [typeAt, nameAt, sizeAt] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field))
  const classes = new Map<string, { name: string; count: number; bytes: number }>()
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = types[0][numberAt(nodes, at + (typeAt ?? 0))] ?? ''
    const own = strings[numberAt(nodes, at + (nameAt ?? 0))] ?? ''
    const name =
      NAMED_KINDS.has(kind) || own.startsWith('(') || own.startsWith('system /') ? `${kind} ${own}` : kind
    let found = classes.get(name)
    if (found === undefined) classes.set(name, (found = { name, count: 0, bytes: 0 }))
    found.count++
    found.bytes += numberAt(nodes, at + (sizeAt ?? 0))
  }
  return classes
}

/** Largest first: what `after` has more than `before`, divided by `things`. */
export function grownClasses(before: HeapClasses, after: HeapClasses, things: number): ClassSize[] {
  return [...after.values()]
    .map(({ name, count, bytes }) => ({
      name,
      count: (count - (before.get(name)?.count ?? 0)) / things,
      bytes: (bytes - (before.get(name)?.bytes ?? 0)) / things,
    }))
    .toSorted((a, b) => b.bytes - a.bytes)
}

function numberAt(numbers: readonly number[], index: number): number {
  return numbers[index] ?? 0
}
