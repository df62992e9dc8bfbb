import { test } from 'node:test'
import assert from 'node:assert/strict'
import { MUTANTS, NOT_APPLICABLE } from './mutants/catalogue.ts'
import { applyPatch, readSource } from './mutants/workspace.ts'

/** The rows of the table of known bugs of Raft implementations; docs/internals/simulation.md lists them. */
const KNOWN_BUGS = Array.from({ length: 31 }, (_, at) => `B${at + 1}`)

test('every patch of every mutant still fits the sources, exactly once', () => {
  for (const { bug, patches } of MUTANTS) {
    assert.ok(patches.length > 0, bug)
    const texts = new Map<string, string>()
    for (const patch of patches) {
      const text = texts.get(patch.file) ?? readSource(patch.file)
      assert.doesNotThrow(() => texts.set(patch.file, applyPatch(text, patch)), `${bug}: ${patch.find}`)
      assert.notEqual(texts.get(patch.file), text, `${bug} changes nothing`)
    }
  }
})

test('every known bug has a mutant, or a reason why it can have none', () => {
  const covered = new Set([...MUTANTS, ...NOT_APPLICABLE].map(({ bug }) => bug.replace(/[a-z]$/, '')))
  assert.deepEqual(
    KNOWN_BUGS.filter((bug) => !covered.has(bug)),
    [],
  )
})

test('names are unique', () => {
  const names = MUTANTS.map(({ bug }) => bug)
  assert.equal(new Set(names).size, names.length)
})

test('a patch that does not fit is refused', () => {
  const patch = { file: 'x.ts', find: 'one', replace: 'two' }
  assert.equal(applyPatch('just one', patch), 'just two')
  assert.throws(() => applyPatch('another', patch), /does not contain/)
  assert.throws(() => applyPatch('one and one', patch), /more than once/)
})

test('docs/internals/simulation.md has a row for every mutant, and none for others', () => {
  const rows = [...readSource('docs/internals/simulation.md').matchAll(/^\| ([BS]\d+[a-z]?) +\|/gm)]
  assert.deepEqual(
    rows.map(([, bug]) => bug),
    MUTANTS.map(({ bug }) => bug),
  )
})
