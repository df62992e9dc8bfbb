/** Options of `npm run stress`. */

import { parseArgs } from 'node:util'

export interface StressOptions {
  readonly users: number
  readonly members: number
  /** Gateway processes of each member. */
  readonly gateways: number
  /** Between two acts of a user, on average. */
  readonly pauseSeconds: number
  /** New connections a second. */
  readonly connectRate: number
  readonly warmUpSeconds: number
  readonly steadySeconds: number
  /** From the member's end on. */
  readonly failureSeconds: number
  readonly threads: number
  readonly seed: number
  /** Where the report goes, as .html and .json; null for nowhere. */
  readonly report: string | null
}

const HELP = `npm run stress -- [options]: many users on a cluster of members, one of which is killed

  --users N              100000    connections in all, half PostgreSQL, half WebSocket
  --members N            4
  --gateways N           3         gateway processes of each member
  --pause SECONDS        10        between two acts of a user, on average
  --connect-rate N       2500      new connections a second
  --warm-up SECONDS      15
  --steady SECONDS       60        measured before a member is killed
  --failure SECONDS      60        measured from then on
  --threads N            2000      of the forum, with 20 posts each
  --seed N               1
  --report PATH          none      without extension: PATH.html and PATH.json are written
`

/** Throws what `parseArgs` throws. Null: help was asked for, and printed. */
export function readOptions(args: readonly string[]): StressOptions | null {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      users: text,
      members: text,
      gateways: text,
      pause: text,
      'connect-rate': text,
      'warm-up': text,
      steady: text,
      failure: text,
      threads: text,
      seed: text,
      report: text,
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) {
    process.stdout.write(HELP)
    return null
  }
  return {
    users: number(values.users, 100_000),
    members: number(values.members, 4),
    gateways: number(values.gateways, 3),
    pauseSeconds: number(values.pause, 10),
    connectRate: number(values['connect-rate'], 2_500),
    warmUpSeconds: number(values['warm-up'], 15),
    steadySeconds: number(values.steady, 60),
    failureSeconds: number(values.failure, 60),
    threads: number(values.threads, 2_000),
    seed: number(values.seed, 1),
    report: values.report ?? null,
  }
}

function number(text: string | undefined, byDefault: number): number {
  const value = text === undefined ? byDefault : Number(text)
  if (Number.isFinite(value) && value >= 0) return value
  throw new TypeError(`${text} is no number`)
}
