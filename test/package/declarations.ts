/** The declarations that the compiler emits, as data: modules, what they declare, import and export. Knows the compiler's layout, no more. */

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

export interface Declaration {
  readonly name: string
  /** With its documentation. */
  readonly text: string
}

/** Where a name comes from: `from` is a path of a module, or the name of a package. */
export interface Source {
  readonly from: string
  readonly name: string
}

export interface Module {
  readonly path: string
  readonly declarations: ReadonlyMap<string, Declaration>
  readonly imports: ReadonlyMap<string, Source>
  /** Exported from another module under this name, in order. */
  readonly reexports: ReadonlyMap<string, Source>
}

const DECLARATION =
  /^(?:export )?(?:declare )?(?:abstract )?(?:const|class|function|interface|type|let) (\w+)/m
const NAMES = /^(import|export)(?: type)? \{([^}]*)\} from ['"]([^'"]+)['"];?$/
const NAMESPACE = /^import(?: type)? \* as (\w+) from ['"]([^'"]+)['"];?$/

export function readModule(path: string): Module {
  const declarations = new Map<string, Declaration>()
  const imports = new Map<string, Source>()
  const reexports = new Map<string, Source>()
  for (const { comment, text } of statements(readFileSync(path, 'utf8'))) {
    const named = NAMES.exec(text.replaceAll('\n', ' '))
    const namespace = NAMESPACE.exec(text)
    if (named !== null) {
      const target = named[1] === 'import' ? imports : reexports
      for (const [local, name] of namesOf(named[2] ?? ''))
        target.set(local, { from: resolveFrom(path, named[3] ?? ''), name })
    } else if (namespace !== null) {
      imports.set(namespace[1] ?? '', { from: resolveFrom(path, namespace[2] ?? ''), name: '*' })
    } else {
      const name = DECLARATION.exec(text)?.[1]
      if (name !== undefined) declarations.set(name, { name, text: `${comment}${text}` })
    }
  }
  return { path, declarations, imports, reexports }
}

/** `a, type b as c` → [a, a], [c, b]. */
function namesOf(list: string): [local: string, name: string][] {
  return list
    .split(',')
    .map((one) => one.trim().replace(/^type /, ''))
    .filter((one) => one !== '')
    .map((one) => {
      const [name = '', local = name] = one.split(' as ')
      return [local, name]
    })
}

function resolveFrom(path: string, from: string): string {
  return from.startsWith('.') ? resolve(dirname(path), from.replace(/\.[jt]s$/, '.d.ts')) : from
}

/** Statements begin in the first column, and what is inside of them does not. */
function statements(source: string): { comment: string; text: string }[] {
  const found: { comment: string; text: string }[] = []
  let comment = ''
  let open: string[] = []
  for (const line of source.split('\n')) {
    if (open.length > 0) open.push(line)
    else if (/^(\/\*\*| \*)/.test(line)) {
      comment = line.startsWith('/**') ? `${line}\n` : `${comment}${line}\n`
      continue
    } else if (/^\w/.test(line)) open = [line]
    if (open.length === 0 || !isEnd(line, open[0] ?? '')) continue
    found.push({ comment, text: open.join('\n') })
    comment = ''
    open = []
  }
  return found
}

/** Classes and interfaces end with their brace, everything else with a semicolon that is not further in. */
function isEnd(line: string, first: string): boolean {
  return /^(export )?(declare )?(abstract )?(class|interface) /.test(first)
    ? /^}|\{ ?}$/.test(line)
    : /^ {0,3}\S.*;$/.test(line)
}
