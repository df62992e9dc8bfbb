/**
 * Random histories of several groups, a power cut at a random moment, and the one promise: what is found afterwards is what a first part of
 * all writes, in the order in which they were given, leads to, and every acknowledged write is in that part.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { unreachable } from '../base/assert.ts'
import { MemoryDisk } from '../host/memory-disk.ts'
import type { Random } from '../host/random.ts'
import { SeededRandom } from '../host/random.ts'
import type { LogBase } from './format.ts'
import type { Journal } from './journal.ts'
import { contentOf, entry, openJournal } from './testing/journal-fixture.ts'

const GROUPS = [1, 2, 3]
const HISTORIES = 120
const WRITES = 60

/** What a group's log must look like. */
interface Model {
  base: number
  entries: Record<number, string>
  commit: number
  tombstone: number
}

type Step =
  | {
      readonly kind: 'append'
      readonly from: number
      readonly texts: readonly string[]
      readonly commit: number | null
    }
  | { readonly kind: 'compact'; readonly index: number }
  | { readonly kind: 'replace'; readonly index: number }
  | { readonly kind: 'remove'; readonly generation: number }

interface Write {
  readonly group: number
  readonly step: Step
  isAcknowledged: boolean
}

function emptyModel(): Model {
  return { base: 0, entries: {}, commit: 0, tombstone: 0 }
}

function lastIndex(model: Model): number {
  return Math.max(model.base, ...Object.keys(model.entries).map(Number))
}

function keep(model: Model, test: (index: number) => boolean): void {
  for (const index of Object.keys(model.entries).map(Number)) if (!test(index)) delete model.entries[index]
}

function applyStep(model: Model, step: Step): void {
  switch (step.kind) {
    case 'append':
      if (step.texts.length > 0) keep(model, (index) => index < step.from)
      for (const [at, text] of step.texts.entries()) model.entries[step.from + at] = text
      if (step.commit !== null) model.commit = step.commit
      return
    case 'compact':
      keep(model, (index) => index > step.index)
      model.base = Math.max(model.base, step.index)
      return
    case 'replace':
      model.entries = {}
      model.base = step.index
      return
    case 'remove':
      Object.assign(model, emptyModel(), { tombstone: step.generation })
  }
}

/** A step that is allowed in the state that all writes so far lead to; compaction only up to what is durable. */
function randomStep(random: Random, model: Model, durableLast: number, number: number): Step {
  const last = lastIndex(model)
  const choice = random.integer(20)
  if (choice === 0 && durableLast > model.base) {
    return { kind: 'compact', index: model.base + 1 + random.integer(durableLast - model.base) }
  }
  if (choice === 1) return { kind: 'replace', index: last + 1 + random.integer(5) }
  if (choice === 2 && number > WRITES / 2) return { kind: 'remove', generation: model.tombstone + 1 }
  const overwritten = random.integer(4) === 0 ? random.integer(last - model.base + 1) : 0
  const texts = Array.from({ length: 1 + random.integer(4) }, (_, at) =>
    `${number}.${at} `.repeat(1 + random.integer(60)),
  )
  const commit = random.integer(3) === 0 ? number : null
  return { kind: 'append', from: last + 1 - overwritten, texts, commit }
}

function perform(journal: Journal, { group, step }: Write): Promise<void> {
  const log = journal.group(group)
  switch (step.kind) {
    case 'append': {
      const entries = step.texts.map((text, at) => entry(step.from + at, text))
      const hardState = { term: 1, votedFor: null, commit: step.commit ?? 0 }
      return log.write(step.commit === null ? { entries } : { entries, hardState })
    }
    case 'compact':
      return log.compact(base(step.index))
    case 'replace':
      return log.write({ replacedBy: base(step.index) })
    case 'remove':
      return log.remove(step.generation)
    default:
      return unreachable(step)
  }
}

function base(index: number): LogBase {
  return { index, term: 1, configuration: new Uint8Array() }
}

interface History {
  readonly writes: readonly Write[]
  /** The disk as the power cut leaves it. */
  readonly disk: MemoryDisk
}

/** Lets a random number of writes be on their way at a time; the power goes at a random operation of the disk. */
async function runHistory(random: Random): Promise<History> {
  const disk = new MemoryDisk()
  const journal = await openJournal(disk, { cacheSizeBytes: random.integer(2) * 2000, segmentCountTarget: 2 })
  const models = new Map(GROUPS.map((group) => [group, emptyModel()]))
  const writes: Write[] = []
  const power: { cut: MemoryDisk | null } = { cut: null }
  let operationsLeft = random.integer(120)
  disk.beforeOperation = () => {
    if (operationsLeft-- > 0) return
    power.cut ??= disk.crash(random)
    throw new Error('no power')
  }
  const running: Promise<void>[] = []
  while (writes.length < WRITES && power.cut === null) {
    const group = GROUPS[random.integer(GROUPS.length)] as number
    const model = models.get(group) as Model
    const durableLast = Math.min(journal.group(group).lastIndex, lastIndex(model))
    const write: Write = {
      group,
      step: randomStep(random, model, durableLast, writes.length),
      isAcknowledged: false,
    }
    applyStep(model, write.step)
    writes.push(write)
    running.push(
      perform(journal, write).then(
        () => void (write.isAcknowledged = true),
        () => {},
      ),
    )
    if (random.integer(3) === 0) await Promise.all(running.splice(0))
  }
  await Promise.all(running)
  return { writes, disk: power.cut ?? disk.crash(random) }
}

async function stateOf(journal: Journal, group: number): Promise<Model> {
  const log = journal.group(group)
  return {
    base: log.base.index,
    entries: await contentOf(log),
    commit: log.hardState.commit,
    tombstone: log.removedGeneration,
  }
}

/** What the first `count` writes lead to. */
function stateAfter(writes: readonly Write[], count: number): Model[] {
  const models = new Map(GROUPS.map((group) => [group, emptyModel()]))
  for (const { group, step } of writes.slice(0, count)) applyStep(models.get(group) as Model, step)
  return [...models.values()]
}

test('after a power cut at any moment: all acknowledged writes, and a first part of the others', async () => {
  const found = { torn: 0, unacknowledgedKept: 0, unacknowledgedLost: 0 }
  for (let seed = 1n; seed <= HISTORIES; seed++) {
    const { writes, disk } = await runHistory(new SeededRandom(seed))
    const journal = await openJournal(disk, { cacheSizeBytes: 0 })
    const recovered = await Promise.all(GROUPS.map((group) => stateOf(journal, group)))
    const acknowledged = writes.findLastIndex((write) => write.isAcknowledged) + 1
    const matches = Array.from(
      { length: writes.length - acknowledged + 1 },
      (_, more) => acknowledged + more,
    ).filter((count) => isSame(recovered, stateAfter(writes, count)))
    assert.ok(
      matches.length > 0,
      `seed ${seed}: ${acknowledged} of ${writes.length} acknowledged, ${JSON.stringify(recovered)}`,
    )
    if (journal.tornTail !== null) found.torn++
    if (!matches.includes(acknowledged)) found.unacknowledgedKept++
    if (!matches.includes(writes.length)) found.unacknowledgedLost++
  }
  // The histories really go where it hurts.
  assert.ok(Math.min(...Object.values(found)) > 2, JSON.stringify(found))
})

function isSame(left: readonly Model[], right: readonly Model[]): boolean {
  try {
    assert.deepEqual(left, right)
    return true
  } catch {
    return false
  }
}

test('a recovered journal goes on: after each end of its process, with the power or without it, nothing acknowledged is lost', async () => {
  for (let seed = 1n; seed <= 20n; seed++) {
    const random = new SeededRandom(seed)
    let disk = new MemoryDisk()
    const acknowledged: string[] = []
    for (let life = 0; life < 8; life++) {
      const journal = await openJournal(disk, { segmentCountTarget: 2 })
      const log = journal.group(1)
      const content = Object.values(await contentOf(log))
      assert.deepEqual(content.slice(0, acknowledged.length), acknowledged, `seed ${seed}, life ${life}`)
      // One write may have been found although it was not acknowledged: from now on it counts.
      assert.ok(content.length <= acknowledged.length + 1)
      acknowledged.splice(0, Infinity, ...content)
      let operationsLeft = random.integer(40)
      disk.beforeOperation = () => {
        if (operationsLeft-- <= 0) throw new Error('no power')
      }
      for (let count = 0; count < 10; count++) {
        const text = `${life}.${count} `.repeat(1 + random.integer(100))
        const isWritten = await log.write({ entries: [entry(log.lastIndex + 1, text)] }).then(
          () => true,
          () => false,
        )
        if (!isWritten) break
        acknowledged.push(text)
      }
      // Where only the process has ended, the next one finds what was never made durable, and builds on it.
      disk.beforeOperation = () => {}
      if (random.integer(2) === 0) disk = disk.crash(random)
    }
  }
})
