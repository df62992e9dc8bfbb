import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { ClusterState, GroupState } from '../../cluster/cluster-state.ts'
import { displayWidth } from '../shell/display-width.ts'
import type { ClusterFolder, MemberPlace } from './cluster-folder.ts'
import { keysLine, pictureLines, pictureText, PLAIN_VIEW, COLOUR_VIEW, introduction } from './cluster-view.ts'
import { pictureOf, type ClusterPicture, type MemberObservation } from './member-observation.ts'
import { LineScreen } from './screen.ts'

const PLACES: readonly MemberPlace[] = [0, 1, 2, 3].map((index) => ({
  index,
  folder: `/c/member-${index}`,
  pidFile: '',
  logFile: '',
  dataFolder: '',
  httpUrl: `http://127.0.0.1:80${8 + index}0`,
  postgresUrl: `postgres://127.0.0.1:80${8 + index}1/default`,
  peerAddress: '',
  startArguments: [],
}))
const CLUSTER: ClusterFolder = { path: '/c', members: PLACES }

const GROUP: GroupState = {
  group: 1,
  database: 'default',
  leader: 1,
  preferredLeader: 1,
  term: 4,
  role: 'follower',
  voters: [1, 2, 3],
  learners: [4],
  commitIndex: 1_234_567,
  appliedIndex: 1_234_567,
  isAsleep: false,
  failure: null,
  followers: [],
}

function up(index: number, group: Partial<GroupState>): MemberObservation {
  const place = PLACES[index]
  assert.ok(place !== undefined)
  const state: ClusterState = {
    cluster: 'c',
    member: index + 1,
    members: [],
    groups: [{ ...GROUP, ...group }],
  }
  return { kind: 'up', place, pid: 100 + index, isReady: true, state }
}

function down(index: number): MemberObservation {
  const place = PLACES[index]
  assert.ok(place !== undefined)
  return { kind: 'down', place }
}

const HEALTHY: ClusterPicture = pictureOf(
  [up(0, { role: 'leader' }), up(1, {}), up(2, {}), up(3, { role: 'learner', appliedIndex: 1_234_000 })],
  'default',
)
const WOUNDED: ClusterPicture = pictureOf(
  [down(0), up(1, { role: 'leader', leader: 2, term: 5 }), up(2, { leader: 2, term: 5 }), up(3, {})],
  'default',
)

test('four members at work', () => {
  assert.deepEqual(pictureLines(CLUSTER, HEALTHY, 80, PLAIN_VIEW), [
    '  database default, term 4             leads       applied       lag',
    '  ● member 0   leader      no. 1           1     1,234,567         0',
    '  ● member 1   voter       no. 2           0     1,234,567         0',
    '  ● member 2   voter       no. 3           0     1,234,567         0',
    '  ● member 3   learner     no. 4           0     1,234,000       567',
  ])
})

test('a member that was killed is shown as down, with the command that starts it again', () => {
  assert.deepEqual(pictureLines(CLUSTER, WOUNDED, 80, PLAIN_VIEW), [
    '  database default, term 5             leads       applied       lag',
    '  ○ member 0   down   start it again: press 0, or in another terminal',
    '               npm run cluster -- --data /c --start 0',
    '  ● member 1   leader      no. 2           1     1,234,567         0',
    '  ● member 2   voter       no. 3           0     1,234,567         0',
    '  ● member 3   learner     no. 4           0     1,234,567         0',
  ])
})

test('a member that does not answer yet is starting', () => {
  const [place] = PLACES
  assert.ok(place !== undefined)
  const picture = pictureOf([{ kind: 'silent', place, pid: 7 }], 'default')
  assert.equal(
    pictureLines(CLUSTER, picture, 80, PLAIN_VIEW)[1],
    '  ● member 0   starting                    0             –         –',
  )
})

test('nothing is wider than the terminal, whatever its width, and every colour ends', () => {
  for (const width of [20, 40, 79, 200]) {
    for (const picture of [HEALTHY, WOUNDED]) {
      for (const line of [
        ...pictureLines(CLUSTER, picture, width, PLAIN_VIEW),
        keysLine(4, width, PLAIN_VIEW),
      ])
        assert.ok(displayWidth(line) <= width, `${width}: ${line}`)
      for (const line of pictureLines(CLUSTER, picture, width, COLOUR_VIEW)) {
        // oxlint-disable-next-line no-control-regex -- colours are control characters
        const codes = [...line.matchAll(/\u001b\[(\d+)m/g)].map(([, code]) => Number(code))
        assert.equal(codes.length % 2, 0, line)
      }
    }
  }
  for (const line of introduction(CLUSTER, '0.1.0', PLAIN_VIEW).split('\n'))
    assert.ok(displayWidth(line) <= 80)
})

test('the leader is the one that members of the highest term name', () => {
  const split = pictureOf(
    [up(0, { role: 'leader', term: 4 }), up(1, { leader: 2, term: 5, role: 'leader' })],
    'default',
  )
  assert.deepEqual(
    split.rows.map(({ role }) => role),
    ['voter', 'leader'],
  )
})

test('in a log: a line for each change, and none while nothing changes', () => {
  const lines: string[] = []
  const screen = new LineScreen(
    CLUSTER,
    (line) => lines.push(line),
    () => new Date(0),
  )
  screen.show(HEALTHY)
  const first = lines.length
  screen.show(HEALTHY)
  assert.equal(lines.length, first)
  screen.show(WOUNDED)
  assert.deepEqual(lines.slice(first), [
    '1970-01-01T00:00:00.000Z member 0 is down; start it again with: npm run cluster -- --data /c --start 0\n',
    `1970-01-01T00:00:00.000Z ${pictureText(WOUNDED)}\n`,
  ])
  assert.equal(pictureText(WOUNDED), 'leader 1, term 5, applied - 1234567 1234567 1234567, lag - 0 0 0')
})
