/**
 * `npm run bench:smoke`: does something cost many times what it did? For the gate, so it must never fail by luck: not times are compared, which depend on the
 * machine and on its other work, but the processor time of an operation, as a ratio to what node:sqlite takes for the same in the same rounds; and a limit
 * is three times what is usual. What is slower by less is found by `npm run bench`, on a quiet machine.
 */

import { Progress } from '../src/bench/report/progress.ts'
import { median, processorMicros, type Measurement } from '../src/bench/report/results.ts'
import { runBenchmarks } from '../src/bench/run.ts'
import { DURABLE_INSERTS } from '../src/bench/workloads/durable-inserts.ts'
import { POINT_READS } from '../src/bench/workloads/point-reads.ts'

const BASELINE = 'sqlite'
const CLIENTS = 16
const SECONDS = 1
const ROUNDS = 3
const MARGIN = 3

/** Processor time of all processes, as multiples of node:sqlite's: as seen on a machine with two cores and much other work. */
const USUAL: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'point-reads': { embedded: 0.5, '1-pg': 4.5, '1-ws': 10 },
  'durable-inserts': { embedded: 0.8, '1-pg': 1, '1-ws': 1.2 },
}

const report = await runBenchmarks(
  {
    workloads: [POINT_READS, DURABLE_INSERTS],
    targets: [...Object.keys(USUAL['point-reads'] ?? {}), BASELINE],
    clients: [CLIENTS],
    seconds: SECONDS,
    rounds: ROUNDS,
    scale: 1,
    ratePerSecond: null,
    peersFolder: '.',
  },
  new Progress(process.stderr),
)

/** Each round beside its neighbour: what disturbs one disturbs the other. */
function costRatio(own: Measurement, baseline: Measurement): number {
  const roundsOf = (at: number): number =>
    processorMicros({ ...own, rounds: own.rounds.slice(at, at + 1) }) /
    processorMicros({ ...baseline, rounds: baseline.rounds.slice(at, at + 1) })
  return median(own.rounds.map((_, at) => roundsOf(at)).filter(Number.isFinite))
}

let failures = 0
for (const { name, groups, problems } of report.workloads) {
  for (const { target, text } of problems) console.log(`${name}, ${target}: ${text}`)
  failures += problems.length
  const measurements = groups.flatMap((group) => group.measurements)
  const baseline = measurements.find(({ target }) => target === BASELINE)
  for (const [target, usual] of Object.entries(USUAL[name] ?? {})) {
    const own = measurements.find((one) => one.target === target)
    const ratio = own && baseline ? costRatio(own, baseline) : Number.NaN
    const isFine = ratio < usual * MARGIN
    if (!isFine) failures++
    const figures =
      own && baseline
        ? `${processorMicros(own).toFixed(1)} µs, node:sqlite ${processorMicros(baseline).toFixed(1)} µs`
        : ''
    console.log(
      `${isFine ? 'ok  ' : 'FAIL'} ${name}, ${target}: ${ratio.toFixed(1)} times node:sqlite's processor time; usual ${usual}, limit ${(usual * MARGIN).toFixed(1)} (${figures})`,
    )
  }
}
if (process.platform !== 'linux')
  console.log('Without /proc the processor time of other processes is not known.')
console.log(failures === 0 ? 'No operation costs many times what it did.' : `${failures} found.`)
process.exitCode = failures === 0 || process.platform !== 'linux' ? 0 : 1
