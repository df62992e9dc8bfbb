/** Options of `harmonydb start` about other members: where they are, and how this one becomes one of them. */

import { readFileSync } from 'node:fs'
import type { ClusterOptions } from '../cluster/enter-cluster.ts'
import { couldFoundTwo } from '../cluster/enter-cluster.ts'
import { parsePeerAddress } from '../cluster/peer-address.ts'
import { SECRET_BYTES_MIN } from '../cluster/transport/handshake.ts'
import { TRANSPORT_DEFAULTS } from '../cluster/transport/limits.ts'
import { isDnsSeed, resolveSeeds } from '../host/seed-addresses.ts'
import { SystemNetwork } from '../host/system-network.ts'
import type { TlsCredentials } from '../host/system-network.ts'
import { isWildcard } from '../serve/listen-address.ts'
import { parseListenAddress } from './listen-address.ts'
import type { OptionSpec, ParsedOptions } from './options.ts'
import { UsageError } from './usage-error.ts'

export const PEER_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'peer-listen',
    placeholder: 'HOST:PORT',
    variable: 'HARMONYDB_PEER_LISTEN',
    default: null,
    help: 'Be a member of a cluster, and listen here for the other members. Needs the cluster secret.',
  },
  {
    name: 'peer-advertise',
    placeholder: 'HOST:PORT',
    variable: 'HARMONYDB_PEER_ADVERTISE',
    default: 'as --peer-listen',
    help: 'Where the other members reach this one, if that is not where it listens.',
  },
  {
    name: 'peers',
    placeholder: 'HOST:PORT,…',
    variable: 'HARMONYDB_PEERS',
    default: null,
    help:
      'All members that found the cluster together, this one included, separated by commas; or dns:NAME:PORT for all addresses of a ' +
      'DNS name. The same on all of them. With --bootstrap-expect.',
  },
  {
    name: 'bootstrap-expect',
    placeholder: 'N',
    variable: 'HARMONYDB_BOOTSTRAP_EXPECT',
    default: null,
    help:
      'With an empty data folder: wait until so many of the --peers are there, and found a cluster with them; or join it, if there is one ' +
      'already.',
  },
  {
    name: 'join',
    placeholder: 'HOST:PORT,…',
    variable: 'HARMONYDB_JOIN',
    default: null,
    help: 'With an empty data folder: join the cluster of any of these members; or dns:NAME:PORT.',
  },
  {
    name: 'cluster-secret-file',
    placeholder: 'FILE',
    variable: 'HARMONYDB_CLUSTER_SECRET_FILE',
    default: null,
    help: `What members prove to each other that they know: the first line of a file, ${SECRET_BYTES_MIN} random characters or more, the same for all.`,
  },
  {
    name: 'peer-cert',
    placeholder: 'FILE',
    variable: 'HARMONYDB_PEER_CERT',
    default: null,
    help: 'Talk to the other members over TLS, with this certificate (PEM). With --peer-key and --peer-ca.',
  },
  {
    name: 'peer-key',
    placeholder: 'FILE',
    variable: 'HARMONYDB_PEER_KEY',
    default: null,
    help: 'Private key of --peer-cert (PEM).',
  },
  {
    name: 'peer-ca',
    placeholder: 'FILE',
    variable: 'HARMONYDB_PEER_CA',
    default: null,
    help: 'Certificate of the authority (PEM) that signed those of all members, and of nobody else.',
  },
  {
    name: 'name',
    placeholder: 'NAME',
    variable: 'HARMONYDB_NAME',
    default: 'its peer address',
    help: 'What people call this member, in `harmonydb status` and in log lines. Counts when it joins.',
  },
  {
    name: 'http-advertise',
    placeholder: 'HOST:PORT',
    variable: 'HARMONYDB_HTTP_ADVERTISE',
    default: 'as --http',
    help: 'Where clients reach the HTTP of this member, as the cluster tells them.',
  },
  {
    name: 'pg-advertise',
    placeholder: 'HOST:PORT',
    variable: 'HARMONYDB_PG_ADVERTISE',
    default: 'as --pg',
    help: 'Where PostgreSQL clients reach this member, as the cluster tells them.',
  },
]

export interface PeerOptions {
  /** Null for a member that is alone. */
  readonly cluster: ClusterOptions | null
  readonly name: string
  /** HOST:PORT; null: where it is served. */
  readonly httpAdvertise: string | null
  readonly postgresAdvertise: string | null
}

/** Options that make no sense without --peer-listen. */
const NEED_LISTEN = [
  'peers',
  'bootstrap-expect',
  'join',
  'peer-advertise',
  'peer-cert',
  'peer-key',
  'peer-ca',
]

/** Throws UsageError. */
export function parsePeerOptions(options: ParsedOptions): PeerOptions {
  return {
    cluster: parseCluster(options),
    name: options.text('name') ?? '',
    httpAdvertise: advertised(options, 'http-advertise'),
    postgresAdvertise: advertised(options, 'pg-advertise'),
  }
}

function parseCluster(options: ParsedOptions): ClusterOptions | null {
  const listenText = options.text('peer-listen')
  if (listenText === null) {
    const given = NEED_LISTEN.find((name) => options.text(name) !== null)
    if (given === undefined) return null
    throw new UsageError(`--${given} needs --peer-listen HOST:PORT, where the other members reach this one.`)
  }
  const listen = parseListenAddress(listenText, 'peer-listen')
  const advertise = advertised(options, 'peer-advertise')
  if (advertise === null && isWildcard(listen.host))
    throw new UsageError(
      `--peer-listen ${listenText} is no address that others can dial: say with --peer-advertise where they reach this member.`,
    )
  return {
    listen,
    advertise,
    secret: readSecret(options),
    network: new SystemNetwork(readCredentials(options)),
    ...parseStart(options),
    limits: TRANSPORT_DEFAULTS,
  }
}

function parseStart(options: ParsedOptions): Pick<ClusterOptions, 'seeds' | 'start'> {
  const [peers, join] = [options.text('peers'), options.text('join')]
  const expected = parseExpected(options.text('bootstrap-expect'))
  if (join !== null && expected !== null)
    throw new UsageError(
      'Either --join a cluster, or --bootstrap-expect to found one (or to join it, if it is there already).',
    )
  if (peers !== null && expected === null)
    throw new UsageError(
      '--peers needs --bootstrap-expect N, to found a cluster with them. To join one, use --join.',
    )
  if (expected !== null && peers === null)
    throw new UsageError('--bootstrap-expect needs --peers, which says where the others are.')
  if (join !== null) return { seeds: seedsOf('join', join), start: 'join' }
  if (peers === null || expected === null) return { seeds: async () => [], start: 'found-alone' }
  if (couldFoundTwo(expected, peers.split(',')))
    throw new UsageError(
      `--bootstrap-expect ${expected} is not more than half of the --peers: two clusters could come of them.`,
    )
  return { seeds: seedsOf('peers', peers), start: { expected } }
}

function parseExpected(text: string | null): number | null {
  if (text === null) return null
  if (/^[1-9]\d?$/.test(text)) return Number(text)
  throw new UsageError(`--bootstrap-expect is ${JSON.stringify(text)}; it must be a number from 1 to 99.`)
}

function seedsOf(option: string, text: string): () => Promise<readonly string[]> {
  const seeds = text.split(',').map((one) => one.trim())
  for (const seed of seeds) if (!isDnsSeed(seed)) checkedAddress(option, seed)
  return () => resolveSeeds(seeds)
}

function advertised(options: ParsedOptions, option: string): string | null {
  const text = options.text(option)
  return text === null ? null : checkedAddress(option, text)
}

function checkedAddress(option: string, text: string): string {
  try {
    parsePeerAddress(text)
    return text
  } catch (error) {
    throw new UsageError(`--${option}: ${(error as Error).message}`)
  }
}

function readSecret(options: ParsedOptions): Uint8Array {
  const file = options.text('cluster-secret-file')
  if (file === null)
    throw new UsageError(
      '--peer-listen needs --cluster-secret-file FILE: whoever knows the secret can be a member. Make one with: openssl rand -hex 32',
    )
  const secret = new TextEncoder().encode(readFile('cluster-secret-file', file).split('\n')[0]?.trim() ?? '')
  if (secret.length >= SECRET_BYTES_MIN) return secret
  throw new UsageError(
    `--cluster-secret-file: the first line of ${file} has ${secret.length} characters; it must have ${SECRET_BYTES_MIN} or more, at random.`,
  )
}

function readCredentials(options: ParsedOptions): TlsCredentials | null {
  const names = ['peer-cert', 'peer-key', 'peer-ca'] as const
  const files = names.map((name) => options.text(name))
  if (files.every((file) => file === null)) return null
  const [certificate, privateKey, authority] = names.map((name, at) => {
    const file = files[at] ?? null
    if (file === null)
      throw new UsageError(`--${name} is missing: TLS between members needs all of the three.`)
    return readFile(name, file)
  })
  return { certificate: certificate ?? '', privateKey: privateKey ?? '', authority: authority ?? '' }
}

function readFile(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`--${option}: ${path} can not be read (${(error as NodeJS.ErrnoException).code}).`)
  }
}
