/** `harmonydb bench`: HarmonyDB beside its peers, in turn, in one run on this machine. */

import { closeSync, openSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { RunSettings } from '../bench/run.ts'
import { TARGETS } from '../bench/targets/all.ts'
import { WORKLOADS, workloadNamed } from '../bench/workloads/all.ts'
import type { Command } from './command.ts'
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from './failure.ts'
import type { Environment, OptionSpec, ParsedOptions } from './options.ts'
import { describeOptions, parseOptions, wrap } from './options.ts'
import { suggest } from './suggest.ts'
import { UsageError } from './usage-error.ts'

const TARGETS_DEFAULT = '1-ws,1-pg,postgres,sqlite'
const WORKLOADS_DEFAULT = 'point-reads,durable-inserts'
const HELP_WIDTH = 80
const NAME_WIDTH = 19

export const BENCH_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'workloads',
    short: 'w',
    placeholder: 'NAME,…',
    variable: null,
    default: WORKLOADS_DEFAULT,
    help: 'What is done; `all` for all of them. --list shows their names.',
  },
  {
    name: 'targets',
    short: 't',
    placeholder: 'NAME,…',
    variable: null,
    default: TARGETS_DEFAULT,
    help: 'Who does it; `all` for all of them. Those that are not installed are left out. --list shows their names.',
  },
  {
    name: 'clients',
    short: 'c',
    placeholder: 'N,…',
    variable: null,
    default: '16',
    help: 'How many clients at the same time, each with a connection of its own; several numbers are measured one after another.',
  },
  {
    name: 'rate',
    placeholder: 'N',
    variable: null,
    default: null,
    help: 'So many operations arrive each second, whether earlier ones are answered or not; latency counts from when each was meant to start. Without it each client sends its next operation when the last one is answered.',
  },
  {
    name: 'seconds',
    placeholder: 'N',
    variable: null,
    default: '3',
    help: 'Length of a round; a quarter more goes before it as warm-up, which does not count.',
  },
  {
    name: 'rounds',
    placeholder: 'N',
    variable: null,
    default: '3',
    help: 'Rounds of each figure; the median is told.',
  },
  {
    name: 'scale',
    placeholder: 'N',
    variable: null,
    default: '1',
    help: 'So many times the data. With 1, YCSB has 10,000 records and TPC-C one warehouse.',
  },
  {
    name: 'baseline',
    placeholder: 'NAME',
    variable: null,
    default: 'the first that is not HarmonyDB',
    help: 'The target that all ratios are to.',
  },
  {
    name: 'json',
    placeholder: 'FILE',
    variable: null,
    default: null,
    help: 'Write all rounds there as JSON.',
  },
  {
    name: 'html',
    placeholder: 'FILE',
    variable: null,
    default: null,
    help: 'Write a page with plots there.',
  },
  {
    name: 'peers',
    placeholder: 'FOLDER',
    variable: null,
    default: 'the current folder',
    help: 'Where npm packages to compare with are installed: better-sqlite3, libsql, lmdb.',
  },
  {
    name: 'list',
    placeholder: null,
    variable: null,
    default: null,
    help: 'Show all workloads and targets, and leave.',
  },
]

function benchHelp(): string {
  return `Measure HarmonyDB beside other databases, on this machine, in one run.

usage: harmonydb bench [options]

Everything that is measured is started for it, on this machine only, with data
in a temporary folder, and stopped afterwards. All targets take turns within
each round, so read the ratio, in the first column: figures of different runs or
machines can't be compared.

options:
${describeOptions(BENCH_OPTIONS)}

Examples:
  harmonydb bench
  harmonydb bench -w ycsb-a,ycsb-b -t 1-ws,1-http,1-pg,postgres -c 16,256
  harmonydb bench -w durable-inserts -t 3-ws,3-pg,etcd-3 -c 256 --html page.html
  harmonydb bench -w forum -t 3-ws -c 200 --rate 2000`
}

function describeAll(list: readonly { readonly name: string; readonly summary: string }[]): string {
  return list
    .map(({ name, summary }) => {
      const [first = '', ...more] = wrap(summary, HELP_WIDTH - NAME_WIDTH)
      return [
        `  ${name.padEnd(NAME_WIDTH - 2)}${first}`,
        ...more.map((line) => ' '.repeat(NAME_WIDTH) + line),
      ]
    })
    .flat()
    .join('\n')
}

function listText(): string {
  return `workloads:\n${describeAll(WORKLOADS)}\n\ntargets:\n${describeAll(TARGETS)}`
}

function names(options: ParsedOptions, option: string, standard: string, known: readonly string[]): string[] {
  const text = options.text(option) ?? standard
  if (text === 'all') return [...known]
  const chosen = text.split(',').map((name) => name.trim())
  for (const name of chosen) {
    if (known.includes(name)) continue
    const meant = suggest(name, known)
    const hint = meant === null ? '' : ` Did you mean ${meant}?`
    throw new UsageError(`--${option} has no ${JSON.stringify(name)}.${hint} See harmonydb bench --list.`)
  }
  return chosen
}

function positive(option: string, text: string, isWhole: boolean): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value) && (!isWhole || Number.isInteger(value))) return value
  throw new UsageError(
    `--${option} is ${JSON.stringify(text)}; it must be a ${isWhole ? 'whole ' : ''}number above 0.`,
  )
}

function settingsOf(options: ParsedOptions): RunSettings {
  const number = (option: string, standard: string, isWhole: boolean): number =>
    positive(option, options.text(option) ?? standard, isWhole)
  const workloads = names(
    options,
    'workloads',
    WORKLOADS_DEFAULT,
    WORKLOADS.map(({ name }) => name),
  )
  return {
    workloads: workloads.flatMap((name) => workloadNamed(name) ?? []),
    targets: names(
      options,
      'targets',
      TARGETS_DEFAULT,
      TARGETS.map(({ name }) => name),
    ),
    clients: (options.text('clients') ?? '16').split(',').map((text) => positive('clients', text, true)),
    seconds: number('seconds', '3', false),
    rounds: number('rounds', '3', true),
    scale: number('scale', '1', true),
    ratePerSecond: options.text('rate') === null ? null : number('rate', '', false),
    peersFolder: resolve(options.text('peers') ?? '.'),
  }
}

/** Before everything is measured, and not after it. */
function checkWritable(option: string, file: string | null): void {
  if (file === null) return
  try {
    closeSync(openSync(file, 'a'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(
      `--${option}: ${file} can't be written (${code}). Name a file in a folder that is there and yours.`,
    )
  }
}

async function runBench(args: readonly string[], environment: Environment): Promise<number> {
  const options = parseOptions(BENCH_OPTIONS, args, environment, 0)
  if (options.flag('list')) {
    console.log(listText())
    return EXIT_OK
  }
  const settings = settingsOf(options)
  const [baseline, json, html] = [options.text('baseline'), options.text('json'), options.text('html')]
  if (baseline !== null && !settings.targets.includes(baseline))
    throw new UsageError(
      `--baseline is ${JSON.stringify(baseline)}, which is none of the targets: ${settings.targets.join(', ')}.`,
    )
  checkWritable('json', json)
  checkWritable('html', html)
  const [{ runBenchmarks }, { Progress }, { reportText }, { reportPage }] = await Promise.all([
    import('../bench/run.ts'),
    import('../bench/report/progress.ts'),
    import('../bench/report/terminal.ts'),
    import('../bench/report/page.ts'),
  ])
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => process.exit(EXIT_INTERRUPTED))
  const report = await runBenchmarks(settings, new Progress(process.stderr))
  console.log(reportText(report, baseline))
  if (json !== null) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  if (html !== null) writeFileSync(html, reportPage(report, baseline))
  return report.workloads.some(({ problems }) => problems.length > 0) ? EXIT_FAILED : EXIT_OK
}

export const BENCH_COMMAND: Command = {
  help: benchHelp,
  run: runBench,
}
