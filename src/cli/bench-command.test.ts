/** The command as people run it, with the smallest load there is. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { Report } from '../bench/report/results.ts'

const run = promisify(execFile)
const MAIN = join(import.meta.dirname, 'main.ts')

async function bench(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [MAIN, 'bench', ...args])
  return stdout
}

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'harmonydb-bench-test-'))
  context.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Where a machine is so busy that a short round passes without any answer, with longer ones. */
async function measured(json: string, ...what: readonly string[]): Promise<{ text: string; report: Report }> {
  const isTooShort = ({ text }: { readonly text: string }): boolean =>
    text.includes('No operation was answered within the round')
  let text = ''
  let report: Report
  let seconds = 0.5
  do {
    const arguments_ = [...what, '--seconds', String(seconds), '--json', json]
    // One that tells of a problem ends with a code of its own.
    text = await bench(...arguments_).catch(({ stdout }: { stdout: string }) => stdout)
    report = JSON.parse(readFileSync(json, 'utf8')) as Report
    seconds *= 8
  } while (seconds < 10 && report.workloads.some(({ problems }) => problems.some(isTooShort)))
  return { text, report }
}

const MINUTES = 60_000

test(
  'a member over three protocols, embedded, beside SQLite: all are measured, and no money is lost',
  { timeout: 20 * MINUTES },
  async (context) => {
    const json = join(folder(context), 'report.json')
    const html = join(folder(context), 'report.html')
    const what = ['-w', 'point-reads,bank', '-t', 'embedded,1-ws,1-http,1-pg,sqlite', '-c', '1']
    const { text, report } = await measured(json, ...what, '--rounds', '1', '--html', html)
    assert.deepEqual(report.leftOut, [])
    for (const { problems, groups } of report.workloads) {
      assert.deepEqual(problems, [])
      for (const { target, rounds } of groups.flatMap(({ measurements }) => measurements)) {
        assert.ok((rounds[0]?.operations ?? 0) > 0, `${target} did nothing`)
      }
    }
    assert.match(text, /1\.00 × {2}node:sqlite/)
    assert.match(readFileSync(html, 'utf8'), /Bank transfers/)
  },
)

test('what there is can be listed; what there is not is told with the name that was meant', async () => {
  assert.match(await bench('--list'), /ycsb-f[^]*tpcc[^]*etcd-3/)
  await assert.rejects(bench('-t', 'postgers'), /Did you mean postgres\?/)
  await assert.rejects(bench('--clients', '0'), /must be a whole number above 0/)
  await assert.rejects(bench('-t', 'sqlite', '--baseline', 'lmdb'), /none of the targets: sqlite/)
  await assert.rejects(bench('--html', '/no/such/folder/x.html'), /can't be written \(ENOENT\)/)
})
