/** The examples of the guide about consistency, on a cluster: what they show is what they give. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import type { CodeBlock } from '../documentation.ts'
import { codeBlocks, matchesShown, page, ROOT } from '../documentation.ts'
import { ThreeMembers } from './harness.ts'

const PAGE = 'docs/guide/consistency.md'
/** Inside node_modules, so that the examples' imports are found. */
const FOLDER = join(ROOT, 'node_modules', '.consistency-examples')
const run = promisify(execFile)

let three: ThreeMembers

before(async () => {
  three = await ThreeMembers.open()
})

after(async () => {
  await three[Symbol.asyncDispose]()
})

/** The documented ports are those of `harmonydb cluster`: the first member has 8080 and 8081, the second one 8090 and 8091. */
function withPorts(text: string): string {
  const [first, second] = three.places
  assert.ok(first !== undefined && second !== undefined)
  return text
    .replaceAll('127.0.0.1:8080', new URL(first.url).host)
    .replaceAll('127.0.0.1:8090', new URL(second.url).host)
    .replaceAll('port: 8091', `port: ${second.postgresPort}`)
}

async function outputOf(block: CodeBlock): Promise<string> {
  const text = withPorts(block.text)
  const env = {
    ...process.env,
    PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
    NODE_TEST_CONTEXT: undefined,
  }
  if (block.language === 'sh') {
    const quiet = text.replaceAll('curl ', 'curl --silent --show-error ')
    return (await run('sh', ['-e', '-c', quiet], { cwd: ROOT, env })).stdout
  }
  mkdirSync(FOLDER, { recursive: true })
  const file = join(FOLDER, `${process.pid}-${block.line}.mjs`)
  writeFileSync(file, text)
  try {
    return (await run(process.execPath, [file], { cwd: ROOT, env })).stdout
  } finally {
    rmSync(file)
  }
}

test(`the examples of ${PAGE} do what it says`, async () => {
  const blocks = codeBlocks(page(PAGE))
  const examples = blocks.filter(({ mark }) => mark === 'cluster')
  assert.ok(examples.length >= 5)
  for (const block of examples) {
    const output = await outputOf(block)
    const shown = blocks[blocks.indexOf(block) + 1]
    assert.ok(shown?.mark === 'output', `${PAGE}:${block.line} shows no output`)
    assert.ok(
      matchesShown(output, shown.text),
      `${PAGE}:${shown.line} shows\n${shown.text}\nand the example gave\n${output}`,
    )
  }
})
