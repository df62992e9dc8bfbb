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

test('the page about the simulators has every mutant, with its title', () => {
  const page = readSource('docs/internals/simulation.md')
  for (const { bug, title } of SYSTEM_MUTANTS) {
    const row = page.split('\n').find((line) => line.startsWith(`| ${bug} `)) ?? ''
    assert.ok(row.toLowerCase().includes(`| ${title.toLowerCase()} `), `${bug}: ${title}`)
  }
})

test('a mutant that a test must kill says why the simulator can not, and the test is there', () => {
  for (const { bug, hunter } of SYSTEM_MUTANTS) {
    if (hunter.kind === 'simulator') continue
    assert.ok(hunter.why.length > 20, bug)
    const source = readSource(hunter.file).replaceAll("\\'", "'")
    assert.ok(source.includes(hunter.name), `${bug}: ${hunter.file} has no test "${hunter.name}"`)
  }
})
