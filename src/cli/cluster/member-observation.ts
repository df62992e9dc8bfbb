/** What the screen knows of each member, asked from the member itself, and what follows for the whole cluster. */

import type { ClusterState, GroupState } from '../../cluster/cluster-state.ts'
import type { MemberPlace } from './cluster-folder.ts'

const ANSWER_TIMEOUT_MS = 1500

export type MemberObservation = { readonly place: MemberPlace } & (
  | { readonly kind: 'down' }
  /** The process runs and does not answer: it starts, or hangs. */
  | { readonly kind: 'silent'; readonly pid: number }
  | { readonly kind: 'up'; readonly pid: number; readonly isReady: boolean; readonly state: ClusterState }
)

/** One line of the screen. */
export interface MemberRow {
  readonly place: MemberPlace
  readonly status: 'up' | 'starting' | 'down'
  /** In the cluster; null while it is not known. */
  readonly number: number | null
  readonly role: 'leader' | 'voter' | 'learner' | null
  /** How many groups it leads, the catalog included. */
  readonly leads: number
  /** Of the database that is shown. */
  readonly appliedIndex: number | null
  /** Entries that others have committed and it has not applied. */
  readonly lagEntries: number | null
}

export interface ClusterPicture {
  readonly database: string
  readonly term: number | null
  readonly rows: readonly MemberRow[]
}

/** `pid`: of the running process, null if there is none. */
export async function observeMember(
  place: MemberPlace,
  pid: number | null,
  token: string | null,
): Promise<MemberObservation> {
  if (pid === null) return { place, kind: 'down' }
  try {
    const [health, state] = await Promise.all([
      ask(place, '/health', token),
      ask(place, '/v1/cluster', token),
    ])
    if (!state.ok) return { place, kind: 'silent', pid }
    return { place, kind: 'up', pid, isReady: health.ok, state: (await state.json()) as ClusterState }
  } catch {
    return { place, kind: 'silent', pid }
  }
}

function ask(place: MemberPlace, path: string, token: string | null): Promise<Response> {
  return fetch(place.httpUrl + path, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  })
}

/** Members' views differ for moments; the one of the highest term is the latest. */
export function pictureOf(observations: readonly MemberObservation[], database: string): ClusterPicture {
  const views = observations.map((one) => ({ one, group: groupOf(one, database) }))
  const groups = views.map(({ group }) => group).filter((group) => group !== null)
  const latest = groups.toSorted(
    (a, b) => b.term - a.term || Number(b.leader !== null) - Number(a.leader !== null),
  )[0]
  const committed = Math.max(0, ...groups.map(({ commitIndex }) => commitIndex))
  const rows = views.map(({ one, group }): MemberRow => {
    const number = one.kind === 'up' ? one.state.member : null
    return {
      place: one.place,
      status: one.kind === 'down' ? 'down' : one.kind === 'up' && one.isReady ? 'up' : 'starting',
      number,
      role: roleOf(number, latest),
      leads: one.kind === 'up' ? one.state.groups.filter(({ role }) => role === 'leader').length : 0,
      appliedIndex: group?.appliedIndex ?? null,
      lagEntries: group === null ? null : Math.max(0, committed - group.appliedIndex),
    }
  })
  return { database, term: latest?.term ?? null, rows }
}

function groupOf(one: MemberObservation, database: string): GroupState | null {
  if (one.kind !== 'up') return null
  return one.state.groups.find((group) => group.database === database) ?? null
}

function roleOf(number: number | null, latest: GroupState | undefined): MemberRow['role'] {
  if (number === null || latest === undefined) return null
  if (latest.leader === number) return 'leader'
  if (latest.voters.includes(number)) return 'voter'
  return latest.learners.includes(number) ? 'learner' : null
}
