/** The documentation says what the code does: lists are compared, links followed, examples run. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { HarmonyError, isRetryable, type HarmonyErrorCode } from '../src/base/errors.ts'
import { fixedLimits, formatLimit, limitDefaults } from '../src/cli/limits.ts'
import { DOT_COMMAND_NAMES } from '../src/cli/shell/dot-commands.ts'
import { CLUSTER_OPTIONS } from '../src/cli/cluster/cluster-options.ts'
import { MEMBER_OPTIONS } from '../src/cli/operate/member-command.ts'
import { SHELL_OPTIONS } from '../src/cli/shell/shell-command.ts'
import { START_OPTIONS } from '../src/cli/start-options.ts'
import { statusOf } from '../src/protocols/http/status.ts'
import {
  allPages,
  anchors,
  codeBlocks,
  localLinks,
  matchesShown,
  page,
  ROOT,
  tableRows,
  type CodeBlock,
} from './documentation.ts'
import { RunningMember } from './member/running-member.ts'

test('errors.md lists every code with its status, and no other', () => {
  const source = readFileSync(join(ROOT, 'src/base/errors.ts'), 'utf8')
  const codes = [...source.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code as HarmonyErrorCode)
  assert.ok(codes.length > 40)
  const documented = tableRows(page('docs/guide/errors.md')).map(([code = '', status]) => [
    code.replace(/ \(.*/, ''),
    Number(status),
  ])
  const own = documented.filter(([code]) => !String(code).includes('…') && code !== 'SQLITE_BUSY')
  const expected = codes.map((code) => [code, statusOf(new HarmonyError(code, ''))])
  assert.deepEqual(Object.fromEntries(own), Object.fromEntries(expected))
})

test('errors.md says which errors may simply be retried', () => {
  for (const [cell = '', , meaning = ''] of tableRows(page('docs/guide/errors.md'))) {
    const code = cell.replace(/ \(.*/, '') as HarmonyErrorCode
    if (code.startsWith('SQLITE_')) continue
    assert.equal(meaning.includes('**Retry'), isRetryable(new HarmonyError(code, '')), code)
  }
})

test('limits.md lists every limit with its default, and no other', () => {
  const documented = tableRows(page('docs/guide/limits.md')).map(([name, value]) => [name, value])
  const expected = [...limitDefaults(), ...fixedLimits()].map((limit) => [limit.name, formatLimit(limit)])
  assert.deepEqual(Object.fromEntries(documented), Object.fromEntries(expected))
})

test('configuration.md lists every option with its variable and default', () => {
  const documented = tableRows(page('docs/operating/configuration.md')).filter(([name]) =>
    name?.startsWith('--'),
  )
  const options = [...START_OPTIONS, ...SHELL_OPTIONS, ...CLUSTER_OPTIONS, ...MEMBER_OPTIONS]
  const expected = options.map((option) => [
    `--${option.name}${option.placeholder === null ? '' : ` ${option.placeholder}`}`,
    option.variable ?? '',
    option.default ?? '',
  ])
  assert.deepEqual(
    documented.map((cells) => cells.slice(0, 3)),
    expected,
  )
})

test('metrics.md lists every metric with its type, and no other', async (t) => {
  const member = await RunningMember.start(t)
  const { text } = await member.ask('GET', '/metrics')
  const served = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type])
  const documented = tableRows(page('docs/operating/metrics.md')).map(([name, type]) => [name, type])
  assert.deepEqual(Object.fromEntries(documented), Object.fromEntries(served))
})

test('shell.md names every dot-command', () => {
  const { text } = page('docs/guide/shell.md')
  assert.deepEqual(
    DOT_COMMAND_NAMES.filter((name) => !text.includes(name) && name !== '.exit'),
    [],
  )
})

test('links lead somewhere', () => {
  const broken = allPages().flatMap((one) =>
    localLinks(one).flatMap(({ line, file, heading }) => {
      if (!existsSync(join(ROOT, file))) return [`${one.path}:${line}: ${file} does not exist`]
      if (heading === null || anchors(page(file)).includes(heading)) return []
      return [`${one.path}:${line}: ${file} has no heading ${heading}`]
    }),
  )
  assert.deepEqual(broken, [])
})

const run = promisify(execFile)
const DOCUMENTED_URL = /127\.0\.0\.1:8080/g
/** Inside node_modules, so that the examples' imports are found; in a folder that no package can have. */
const EXAMPLES_FOLDER = join(ROOT, 'node_modules', '.documentation-examples')

/** The sources behind what applications import. */
const ENTRY_POINTS: Readonly<Record<string, string>> = {
  harmonydb: 'src/embed/main.ts',
  'harmonydb/drizzle': 'src/drivers/drizzle/main.ts',
  'harmonydb/kysely': 'src/drivers/kysely/main.ts',
}

async function runBlock(block: CodeBlock, port: number): Promise<string> {
  const text = block.text.replaceAll(DOCUMENTED_URL, `127.0.0.1:${port}`)
  const environment = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` }
  const options = { cwd: ROOT, env: { ...environment, NODE_TEST_CONTEXT: undefined } }
  if (block.language === 'sh') {
    const quiet = text.replaceAll('curl ', 'curl --silent --show-error ')
    return (await run('sh', ['-e', '-c', quiet], options)).stdout
  }
  mkdirSync(EXAMPLES_FOLDER, { recursive: true })
  const file = join(EXAMPLES_FOLDER, `${process.pid}-${block.line}.mjs`)
  writeFileSync(
    file,
    text.replaceAll(/'(harmonydb(?:\/\w+)?)'/g, (_, name) =>
      JSON.stringify(join(ROOT, ENTRY_POINTS[name] ?? '')),
    ),
  )
  // What it makes beside itself is gone with it.
  const cwd = mkdtempSync(join(tmpdir(), 'harmonydb-example-'))
  try {
    return (await run(process.execPath, [file], { ...options, cwd })).stdout
  } finally {
    rmSync(file)
    rmSync(cwd, { recursive: true, force: true })
  }
}

for (const one of allPages()) {
  const blocks = codeBlocks(one)
  if (!blocks.some(({ mark }) => mark === 'run')) continue
  test(`the examples of ${one.path} do what it says`, async (t) => {
    const member = await RunningMember.start(t)
    for (const [at, block] of blocks.entries()) {
      if (block.mark !== 'run') continue
      const output = await runBlock(block, member.port)
      const shown = blocks[at + 1]
      if (shown?.mark === 'output') {
        const where = `${one.path}:${shown.line}`
        assert.ok(
          matchesShown(output, shown.text),
          `${where} shows\n${shown.text}\nand the example gave\n${output}`,
        )
      }
    }
  })
}
