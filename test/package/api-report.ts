/**
 * The public API as one text per entry point: every declaration that an application can name or meet, and nothing that it can't. The texts are
 * committed in `api/`; a test compares them, so that a change of the API is seen when it is made. `npm run api` writes them anew.
 */

import { execFileSync } from 'node:child_process'
import { join, relative } from 'node:path'
import { readModule, type Declaration, type Module } from './declarations.ts'

const ROOT = join(import.meta.dirname, '../..')

const MAIN = 'embed/main.d.ts'

/** File in `api/` → its entry point among the emitted declarations. */
const ENTRY_POINTS: Readonly<Record<string, string>> = {
  'harmonydb.d.ts': MAIN,
  'harmonydb-drizzle.d.ts': 'drivers/drizzle/main.d.ts',
  'harmonydb-kysely.d.ts': 'drivers/kysely/main.d.ts',
}

/** Emits the declarations of all sources into `folder`. */
export function emitDeclarations(folder: string): void {
  const compiler = join(ROOT, 'node_modules/.bin/tsc')
  const options = ['-p', join(ROOT, 'tsconfig.build.json'), '--emitDeclarationOnly', '--outDir', folder]
  execFileSync(compiler, options, { stdio: 'inherit' })
}

/** Texts by their file in `api/`. What the main entry point shows is not told again by the others. */
export function apiReports(folder: string): ReadonlyMap<string, string> {
  const main = new Report(folder, MAIN, null)
  return new Map(
    Object.entries(ENTRY_POINTS).map(([file, entryPoint]) => {
      const report = entryPoint === MAIN ? main : new Report(folder, entryPoint, main)
      return [file, report.text()]
    }),
  )
}

class Report {
  readonly #folder: string
  readonly #main: Report | null
  readonly #modules = new Map<string, Module>()
  /** By module. */
  readonly #found = new Map<string, Map<string, Declaration>>()
  readonly #packages = new Set<string>()
  readonly #exported: string[] = []

  constructor(folder: string, entryPoint: string, main: Report | null) {
    this.#folder = folder
    this.#main = main
    const path = join(folder, entryPoint)
    for (const [local, { from, name }] of this.#module(path).reexports) {
      this.#exported.push(local === name ? name : `${name} as ${local}`)
      this.#add(from, name)
    }
  }

  shows(path: string, name: string): boolean {
    return this.#found.get(path)?.has(name) === true
  }

  text(): string {
    const sections = [...this.#found].map(([path, declarations]) => {
      const name = relative(this.#folder, path).replace(/\.d\.ts$/, '.ts')
      return [`// ${name}`, ...[...declarations.values()].map(({ text }) => text)].join('\n\n')
    })
    const head = [
      '// What applications may use. Written by `npm run api` and compared by a test: a difference is a change of the API.',
      ...[...this.#packages].map((name) => `// It shows types of ${name}.`),
      `export { ${this.#exported.join(', ')} }`,
    ]
    return `${[head.join('\n'), ...sections].join('\n\n')}\n`
  }

  #module(path: string): Module {
    const module = this.#modules.get(path) ?? readModule(path)
    this.#modules.set(path, module)
    return module
  }

  /** The declaration, and all that it names. */
  #add(path: string, name: string): void {
    if (!path.startsWith('/')) return void this.#packages.add(path)
    if (this.#main?.shows(path, name) === true) return void this.#packages.add('harmonydb')
    const module = this.#module(path)
    const reexport = module.reexports.get(name)
    if (reexport !== undefined) return this.#add(reexport.from, reexport.name)
    const declaration = module.declarations.get(name)
    if (declaration === undefined) throw new Error(`${path} has no ${name}.`)
    const found = this.#found.get(path) ?? new Map<string, Declaration>()
    this.#found.set(path, found)
    if (found.has(name)) return
    found.set(name, declaration)
    for (const word of wordsOf(declaration.text)) this.#addNamed(module, word)
  }

  #addNamed(module: Module, word: string): void {
    const source = module.imports.get(word)
    if (source !== undefined) this.#add(source.from, source.name)
    else if (module.declarations.has(word)) this.#add(module.path, word)
  }
}

/** Names in the code, those in comments left away. */
function wordsOf(text: string): Set<string> {
  const code = text.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/'[^'\n]*'/g, '')
  return new Set(code.match(/[A-Za-z_$][\w$]*/g) ?? [])
}
