/** The cluster's picture as lines of text: a table for a terminal, one line for a log. Nothing is wider than 80 columns asks for. */

import { relative } from 'node:path'
import { cutToWidth, displayWidth } from '../shell/display-width.ts'
import { typedCommand } from '../program-name.ts'
import type { ClusterFolder, MemberPlace } from './cluster-folder.ts'
import type { ClusterPicture, MemberRow } from './member-observation.ts'

export interface ViewStyle {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
}

const same = (text: string): string => text
export const PLAIN_VIEW: ViewStyle = { bold: same, dim: same, red: same, green: same, yellow: same }

const colour =
  (start: number, end: number) =>
  (text: string): string =>
    `\u001b[${start}m${text}\u001b[${end}m`
export const COLOUR_VIEW: ViewStyle = {
  bold: colour(1, 22),
  dim: colour(2, 22),
  red: colour(31, 39),
  green: colour(32, 39),
  yellow: colour(33, 39),
}

/** What stays the same while the cluster runs. */
export function introduction(cluster: ClusterFolder, version: string, style: ViewStyle): string {
  const rows = cluster.members.map(
    ({ index, httpUrl, postgresUrl }) =>
      `  ${style.bold(`member ${index}`)}   ${httpUrl.padEnd(24)}   ${postgresUrl}`,
  )
  return [
    '',
    `  ${style.bold(`HarmonyDB ${version}`)}: a cluster of ${cluster.members.length} on this machine, data in ${shownPath(cluster.path)}`,
    '',
    style.dim(`  ${''.padEnd(8)}   ${'HTTP and libSQL'.padEnd(24)}   PostgreSQL`),
    ...rows,
    '',
    `  Any member takes reads and writes. Try it, in another terminal:`,
    `  ${typedCommand('shell', cluster.members[0]?.httpUrl)}`,
    '',
    '',
  ].join('\n')
}

/** The command that starts a member again, as it is typed where this program runs. */
export function startAgainCommand(cluster: ClusterFolder, place: MemberPlace): string {
  const folder = shownPath(cluster.path)
  const data = folder === './harmony-cluster' ? '' : `--data ${folder} `
  return typedCommand('cluster', `${data}--start ${place.index}`)
}

function shownPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? path : `./${short}`
}

interface Cell {
  readonly text: string
  readonly paint: (text: string) => string
}

/** The table that is drawn again and again. */
export function pictureLines(
  cluster: ClusterFolder,
  picture: ClusterPicture,
  width: number,
  style: ViewStyle,
): string[] {
  const term = picture.term === null ? '' : `, term ${picture.term}`
  const head = `  ${`database ${picture.database}${term}`.padEnd(36)}${'leads'.padStart(6)}${'applied'.padStart(14)}${'lag'.padStart(10)}`
  return [
    style.dim(cutToWidth(head, width)),
    ...picture.rows.flatMap((row) => rowLines(cluster, row, width, style)),
  ]
}

function rowLines(cluster: ClusterFolder, row: MemberRow, width: number, style: ViewStyle): string[] {
  const cells = row.status === 'down' ? downCells(row, style) : upCells(row, style)
  const line = paintWithin(cells, width)
  if (row.status !== 'down') return [line]
  return [
    line,
    paintWithin([{ text: `               ${startAgainCommand(cluster, row.place)}`, paint: same }], width),
  ]
}

function downCells({ place }: MemberRow, style: ViewStyle): Cell[] {
  return [
    { text: '  ○ ', paint: style.red },
    { text: `member ${place.index}   `, paint: style.bold },
    { text: 'down', paint: style.red },
    { text: `   start it again: press ${place.index}, or in another terminal`, paint: same },
  ]
}

function upCells(row: MemberRow, style: ViewStyle): Cell[] {
  const isUp = row.status === 'up'
  const role = isUp ? (row.role ?? 'joining') : 'starting'
  const lag = row.lagEntries ?? 0
  return [
    { text: '  ● ', paint: isUp ? style.green : style.yellow },
    { text: `member ${row.place.index}   `, paint: style.bold },
    { text: role.padEnd(12), paint: roleStyle(role, style) },
    { text: (row.number === null ? '' : `no. ${row.number}`).padEnd(11), paint: style.dim },
    { text: String(row.leads).padStart(6), paint: same },
    { text: numberText(row.appliedIndex).padStart(14), paint: same },
    { text: numberText(row.lagEntries).padStart(10), paint: lag > 0 ? style.yellow : same },
  ]
}

function roleStyle(role: string, style: ViewStyle): (text: string) => string {
  if (role === 'leader') return style.green
  if (role === 'learner') return style.dim
  return role === 'voter' ? same : style.yellow
}

function numberText(value: number | null): string {
  return value === null ? '–' : value.toLocaleString('en')
}

/** Cut before it is painted, so that no colour is left on. */
function paintWithin(cells: readonly Cell[], width: number): string {
  let room = width
  let line = ''
  for (const { text, paint } of cells) {
    const cut = cutToWidth(text, room)
    line += paint(cut)
    room -= displayWidth(cut)
    if (cut !== text || room <= 0) break
  }
  return line
}

export function keysLine(members: number, width: number, style: ViewStyle): string {
  const range = members === 1 ? '0' : `0–${members - 1}`
  return style.dim(cutToWidth(`  ${range}: kill -9 that member, or start it again   q: stop all`, width))
}

/** The whole picture in one line, for logs: `leader 0, applied 12 12 12 12, lag 0 0 0 0`; `-` stands for a member that is down. */
export function pictureText(picture: ClusterPicture): string {
  const leader = picture.rows.find(({ role, status }) => role === 'leader' && status === 'up')
  const each = (read: (row: MemberRow) => number | null): string =>
    picture.rows.map((row) => read(row) ?? '-').join(' ')
  return (
    `leader ${leader?.place.index ?? 'none'}, term ${picture.term ?? '-'}, ` +
    `applied ${each((row) => row.appliedIndex)}, lag ${each((row) => row.lagEntries)}`
  )
}
