import { test } from 'node:test'
import assert from 'node:assert/strict'
import { applyPatch, readSource } from '../mutants/workspace.ts'
import { SYSTEM_MUTANTS } from './mutants/catalogue.ts'

test('every patch of every mutant of the system still fits the sources, exactly once', () => {
  for (const { bug, patches } of SYSTEM_MUTANTS) {
    const texts = new Map<string, string>()
    for (const patch of patches) {
      const text = texts.get(patch.file) ?? readSource(patch.file)
      assert.doesNotThrow(() => texts.set(patch.file, applyPatch(text, patch)), `${bug}: ${patch.find}`)
      assert.notEqual(texts.get(patch.file), text, `${bug} changes nothing`)
    }
  }
})

test('names of mutants are unique', () => {
  const names = SYSTEM_MUTANTS.map(({ bug }) => bug)
  assert.equal(new Set(names).size, names.length)
})
