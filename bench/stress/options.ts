/** Options of `npm run stress`. */

import { parseArgs } from 'node:util'
import { positiveNumber, wholeNumber } from '../../sim/command-line.ts'

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

/** One of them is killed, and the others must go on. */
const MEMBERS_MIN = 3

export const USAGE = `usage: npm run stress -- [options]: many users on a cluster of members, one of which is killed

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

/** What asks for the same again: the options that are not as they are by themselves. */
export function commandOf(options: StressOptions): string {
  const byThemselves = readOptions([])
  const asked = Object.entries(FLAGS).flatMap(([name, flag]) => {
    const value = options[name as keyof typeof FLAGS]
    return value === byThemselves[name as keyof typeof FLAGS] ? [] : [`--${flag} ${value}`]
  })
  return ['npm run stress --', ...asked, '--report stress'].join(' ')
}

const FLAGS = {
  users: 'users',
  members: 'members',
  gateways: 'gateways',
  pauseSeconds: 'pause',
  connectRate: 'connect-rate',
  warmUpSeconds: 'warm-up',
  steadySeconds: 'steady',
  failureSeconds: 'failure',
  threads: 'threads',
  seed: 'seed',
} as const satisfies Record<Exclude<keyof StressOptions, 'report'>, string>

/** Throws OptionError, or what `parseArgs` throws. */
export function readOptions(args: readonly string[]): StressOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      users: { type: 'string', default: '100000' },
      members: { type: 'string', default: '4' },
      gateways: { type: 'string', default: '3' },
      pause: { type: 'string', default: '10' },
      'connect-rate': { type: 'string', default: '2500' },
      'warm-up': { type: 'string', default: '15' },
      steady: { type: 'string', default: '60' },
      failure: { type: 'string', default: '60' },
      threads: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      report: { type: 'string' },
    },
  })
  return {
    users: wholeNumber('users', values.users),
    members: wholeNumber('members', values.members, MEMBERS_MIN),
    gateways: wholeNumber('gateways', values.gateways, 0),
    pauseSeconds: positiveNumber('pause', values.pause),
    connectRate: positiveNumber('connect-rate', values['connect-rate']),
    warmUpSeconds: wholeNumber('warm-up', values['warm-up'], 0),
    steadySeconds: positiveNumber('steady', values.steady),
    failureSeconds: positiveNumber('failure', values.failure),
    threads: wholeNumber('threads', values.threads),
    seed: wholeNumber('seed', values.seed, 0),
    report: values.report ?? null,
  }
}
