import { test } from 'node:test'
import assert from 'node:assert/strict'
import { chosenFaults, faultList } from './choice.ts'
import { FAULTS } from './faults.ts'
import type { Members } from './members.ts'
import type { Namespaces } from './namespaces.ts'

const EVERYWHERE = { network: null, members: { hasDisks: false } as Members }
const WITHOUT_FILTERS = {
  network: { canLose: false, canNarrow: true } as Namespaces,
  members: { hasDisks: true } as Members,
}

const names = (faults: readonly { name: string }[]): string[] => faults.map(({ name }) => name)

test('what is not possible on this machine never comes', () => {
  const some = names(chosenFaults(EVERYWHERE, null))
  assert.ok(some.includes('kill -9') && some.includes('slow disk'))
  for (const name of ['partition of one', 'packet loss', 'narrow network', 'full disk'])
    assert.ok(!some.includes(name), name)
  assert.deepEqual(
    names(FAULTS).filter((name) => !names(chosenFaults(WITHOUT_FILTERS, null)).includes(name)),
    ['packet loss'],
  )
})

test('whoever asks for a fault that is not possible is told what it needs', () => {
  assert.deepEqual(names(chosenFaults(EVERYWHERE, ['pause', 'kill -9'])), ['kill -9', 'pause'])
  assert.throws(
    () => chosenFaults(EVERYWHERE, ['pause', 'partition of one']),
    /--only names "partition of one", which is not possible here: it needs network namespaces: root on Linux\./,
  )
  assert.throws(() => chosenFaults(WITHOUT_FILTERS, ['packet loss']), /it needs .* BPF/)
})

test('the list has every fault, with what it needs', () => {
  const lines = faultList().trimEnd().split('\n')
  assert.equal(lines.length, FAULTS.length)
  assert.ok(lines.includes('kill -9'))
  assert.ok(lines.some((line) => /^full disk +needs a file system for each member/.test(line)))
})
