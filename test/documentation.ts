/** The documentation as data, for the tests that hold it against the code. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

export const ROOT: string = resolve(import.meta.dirname, '..')

export interface Page {
  /** Relative to the root of the repository. */
  readonly path: string
  readonly text: string
}

export interface CodeBlock {
  readonly language: string
  /** What the fence says besides: `run` or `output`. */
  readonly mark: string
  readonly text: string
  readonly line: number
}

export function page(path: string): Page {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') }
}

/** Those of the root and of `docs/`. */
export function allPages(): Page[] {
  const inRoot = readdirSync(ROOT).filter((name) => name.endsWith('.md'))
  const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name))
  return [...inRoot, ...inDocs].map(page)
}

export function codeBlocks({ text }: Page): CodeBlock[] {
  return [...text.matchAll(/^```(\w*) ?(\w*)\n([^]*?)^```$/gm)].map((match) => ({
    language: match[2] === '' && match[1] === 'output' ? '' : (match[1] ?? ''),
    mark: match[1] === 'output' ? 'output' : (match[2] ?? ''),
    text: match[3] ?? '',
    line: text.slice(0, match.index).split('\n').length,
  }))
}

/** Cells of every table row that begins with `code`, the backticks left away. */
export function tableRows({ text }: Page): string[][] {
  return [...text.matchAll(/^\| `.*$/gm)].map(([row]) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
}

/** Links to files of the repository: where each stands, the file that it means, and the heading in it. */
export function localLinks({ path, text }: Page): { line: number; file: string; heading: string | null }[] {
  const prose = text.replaceAll(/^```[^]*?^```$/gm, (block) => block.replaceAll(/[^\n]/g, ' '))
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
    const target = match[1] ?? ''
    if (/^[a-z]+:/.test(target)) return []
    const [file = '', heading = null] = target.split('#')
    const absolute = file === '' ? join(ROOT, path) : resolve(ROOT, dirname(path), file)
    const line = prose.slice(0, match.index).split('\n').length
    return [{ line, file: relative(ROOT, absolute), heading }]
  })
}

/** Anchors of a page's headings, as GitHub makes them. */
export function anchors({ text }: Page): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Whether `actual` is what a page shows as `expected`, in which `…` stands for anything. */
export function matchesShown(actual: string, expected: string): boolean {
  const pattern = expected
    .trim()
    .split('…')
    .map((part) => RegExp.escape(part))
    .join('[^]*')
  return new RegExp(`^${pattern}$`).test(actual.trim())
}
