/** Copies of the sources in a temporary folder, to be patched and run. */

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Patch } from './mutant.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** What a simulation of the core needs. */
const FOLDERS = ['src/base', 'src/raft', 'src/history', 'sim']

/** `text` with the patch applied; throws unless what it looks for is there exactly once. */
export function applyPatch(text: string, { file, find, replace }: Patch): string {
  const first = text.indexOf(find)
  if (first === -1) throw new Error(`${file} does not contain: ${find}`)
  if (text.includes(find, first + find.length)) throw new Error(`${file} contains more than once: ${find}`)
  return text.slice(0, first) + replace + text.slice(first + find.length)
}

/** The file's text as it is in the repository. */
export function readSource(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

/** Copies the sources, applies `patches`, calls `use` with the copy's folder, and removes it. */
export async function withPatchedCopy<Result>(
  patches: readonly Patch[],
  use: (folder: string) => Promise<Result>,
  folders: readonly string[] = FOLDERS,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-mutant-'))
  try {
    for (const name of folders) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n')
    for (const patch of patches) {
      const path = join(folder, patch.file)
      writeFileSync(path, applyPatch(readFileSync(path, 'utf8'), patch))
    }
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
