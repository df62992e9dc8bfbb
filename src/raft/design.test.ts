/** The table of DESIGN.md against the code: every function that it names is where it says. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const HERE = import.meta.dirname
const DESIGN = readFileSync(join(HERE, 'DESIGN.md'), 'utf8')

/** `file.ts`: `first`, `second`, `other.ts`: `third` … as pairs of a file and a function. */
function placesOf(cell: string): { file: string; name: string }[] {
  let file = ''
  const places: { file: string; name: string }[] = []
  for (const [, word] of cell.matchAll(/`([^`]+)`/g)) {
    if (word!.endsWith('.ts')) file = word!
    else places.push({ file, name: word! })
  }
  return places
}

const PLACES = DESIGN.slice(DESIGN.indexOf('## Where each rule is'))
  .split('\n')
  .filter((line) => line.startsWith('| ') && line.includes('.ts'))
  .flatMap((line) => placesOf(line.split('|')[3] ?? ''))

test('every rule names a function that exists in the file that it names', () => {
  assert.equal(PLACES.length > 50, true)
  for (const { file, name } of PLACES) {
    const source = readFileSync(join(HERE, file), 'utf8')
    const definition = new RegExp(`(function |^  )${name}\\(`, 'm')
    assert.match(source, definition, `${file} has no ${name}`)
  }
})

test('every file that DESIGN.md names exists, and every file of the layer is named', () => {
  const named = new Set([...DESIGN.matchAll(/`([a-z-]+\.ts)`/g)].map(([, file]) => file!))
  for (const file of named) assert.equal(existsSync(join(HERE, file)), true, `${file} does not exist`)
  const sources = readdirSync(HERE).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  assert.deepEqual(
    sources.filter((file) => !named.has(file)),
    [],
  )
})

test('no file of the core is long, and none uses time or chance of its own', () => {
  for (const file of readdirSync(HERE).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))) {
    const source = readFileSync(join(HERE, file), 'utf8')
    assert.equal(source.split('\n').length <= 500, true, `${file} is long`)
    assert.doesNotMatch(source, /\bDate\b|Math\.random|performance\.|setTimeout|process\./, file)
  }
})
