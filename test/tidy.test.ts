/**
 * The repository checks itself: the table of DESIGN "Layers and folders", and bans that each name their
 * replacement. A failure names file and line.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')

/** Layer → layers that it may import. docs/ARCHITECTURE.md shows the same table; the last test compares them. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  raft: ['base'],
  host: ['base'],
  journal: ['raft', 'host', 'base'],
  engine: ['host', 'base'],
  group: ['raft', 'journal', 'engine', 'host', 'base'],
  cluster: ['group', 'raft', 'host', 'base'],
  gateway: ['host', 'base'],
  protocols: ['gateway', 'base'],
  admin: ['gateway', 'cluster', 'base'],
  serve: ['protocols', 'admin', 'gateway', 'cluster', 'base'],
  embed: ['serve', 'gateway', 'cluster', 'engine', 'host', 'base'],
  history: ['base'],
  drivers: ['embed', 'base'],
  bench: ['embed', 'base'],
  cli: ['*'],
}

/** Layers that import nothing from npm and nothing from Node.js. */
const PURE_LAYERS = new Set(['raft', 'base'])

interface SourceFile {
  readonly path: string
  readonly lines: readonly string[]
}

function sourceFiles(...folders: string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => join(folder, name))
      .map((path) => ({ path, lines: readFileSync(join(ROOT, path), 'utf8').split('\n') })),
  )
}

const IMPORT =
  /^\s*(?:import|export)\b.*?\bfrom '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'|^} from '([^']+)'/

function importsOf(file: SourceFile): { line: number; target: string }[] {
  return file.lines.flatMap((text, index) => {
    const match = IMPORT.exec(text)
    const target = match?.[1] ?? match?.[2] ?? match?.[3] ?? match?.[4]
    return target === undefined ? [] : [{ line: index + 1, target }]
  })
}

function layerOf(path: string): string {
  return path.split('/')[1] ?? ''
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/testing/')
}

function importViolation(file: SourceFile, target: string): string | null {
  const layer = layerOf(file.path)
  const allowed = MAY_IMPORT[layer]
  if (allowed === undefined) return `the layer ${layer} is not in the table`
  if (!target.startsWith('.')) {
    return PURE_LAYERS.has(layer) && !isTest(file.path)
      ? `${layer} imports nothing from outside: ${target}`
      : null
  }
  const imported = relative(ROOT, resolve(ROOT, dirname(file.path), target))
  if (!imported.startsWith('src/'))
    return isTest(file.path) ? null : `src imports nothing outside src: ${imported}`
  const other = layerOf(imported)
  if (other === layer || allowed.includes('*') || allowed.includes(other)) return null
  return `${layer} may import ${allowed.join(', ') || 'nothing'}, not ${other}`
}

test('imports point downwards only', () => {
  const violations = sourceFiles('src').flatMap((file) =>
    importsOf(file).flatMap(({ line, target }) => {
      const problem = importViolation(file, target)
      return problem === null ? [] : [`${file.path}:${line}: ${problem}`]
    }),
  )
  assert.deepEqual(violations, [])
})

test('the import check catches a planted violation', () => {
  const planted: SourceFile = { path: 'src/raft/planted.ts', lines: [] }
  assert.match(importViolation(planted, '../journal/x.ts') ?? '', /raft may import base, not journal/)
  assert.match(importViolation(planted, 'node:fs') ?? '', /imports nothing from outside/)
  assert.equal(importViolation(planted, '../base/assert.ts'), null)
})

interface Ban {
  readonly pattern: RegExp
  readonly where: (path: string) => boolean
  readonly instead: string
}

const isSource = (path: string): boolean => path.startsWith('src/') && !isTest(path)
const isDeterministic = (path: string): boolean =>
  /^src\/(raft|journal|group|cluster)\//.test(path) && !isTest(path)

const BANS: readonly Ban[] = [
  { pattern: /\bMath\.random\(/, where: isSource, instead: 'host/random.ts: chance must be injected' },
  {
    pattern: /^import (?!type\b).*'node:http'/,
    where: isSource,
    instead: 'protocols/http/node-http.ts: the import takes 7 MB',
  },
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    where: isDeterministic,
    instead: 'host/clock.ts: time must be injected',
  },
  {
    pattern: /\bset(Timeout|Interval|Immediate)\(/,
    where: isDeterministic,
    instead: 'host/clock.ts: timers must be injected',
  },
  {
    pattern: /\b(FIXME|XXX|HACK)\b/,
    where: (path) => path !== 'test/tidy.test.ts',
    instead: 'do it now, or file an issue',
  },
  {
    pattern: /\benum \w+ \{/,
    where: () => true,
    instead: 'a union of literals: type stripping has no enums',
  },
  {
    pattern: /@ts-ignore|@ts-nocheck/,
    where: (path) => path !== 'test/tidy.test.ts',
    instead: '@ts-expect-error with a reason',
  },
  { pattern: /\.(only|skip)\(/, where: isTest, instead: 'a test that runs, or none' },
]

test('banned constructs are not used', () => {
  const violations = sourceFiles('src', 'sim', 'test', 'bench', 'examples').flatMap((file) =>
    file.lines.flatMap((text, index) =>
      BANS.filter((ban) => ban.where(file.path) && ban.pattern.test(text)).map(
        (ban) => `${file.path}:${index + 1}: ${ban.pattern.source}; instead: ${ban.instead}`,
      ),
    ),
  )
  assert.deepEqual(violations, [])
})

/** A file may pass 500 lines rarely, and only on this list, which may shrink and not grow. */
const LONG_FILES: ReadonlySet<string> = new Set([])
const FILE_LINES_MAX = 500

test('files stay small enough to hold one idea', () => {
  const long = sourceFiles('src', 'sim').filter(
    (file) => !isTest(file.path) && file.lines.length > FILE_LINES_MAX,
  )
  assert.deepEqual(
    long
      .map((file) => `${file.path}: ${file.lines.length} lines`)
      .filter((text) => !LONG_FILES.has(text.split(':')[0] ?? '')),
    [],
  )
})

test('docs/ARCHITECTURE.md shows the same table', () => {
  const text = readFileSync(join(ROOT, 'docs/ARCHITECTURE.md'), 'utf8').replaceAll(/ +/g, ' ')
  for (const [layer, allowed] of Object.entries(MAY_IMPORT)) {
    const shown = allowed[0] === '*' ? 'everything' : allowed.join(', ') || 'nothing'
    assert.ok(text.includes(`| \`${layer}/\` | ${shown} |`), `row of ${layer} (${shown}) is missing`)
  }
})
