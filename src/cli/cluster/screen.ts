/** Where the picture goes: drawn over itself at a terminal, a line for each change elsewhere. */

import type { ClusterFolder } from './cluster-folder.ts'
import {
  COLOUR_VIEW,
  keysLine,
  pictureLines,
  pictureText,
  PLAIN_VIEW,
  startAgainCommand,
  type ViewStyle,
} from './cluster-view.ts'
import type { ClusterPicture, MemberRow } from './member-observation.ts'

export interface Screen {
  readonly style: ViewStyle
  show(picture: ClusterPicture): void
  /** A line that stays, above the picture. */
  note(text: string): void
  close(): void
}

const DEFAULT_WIDTH = 80
const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'

export class TerminalScreen implements Screen {
  readonly style: ViewStyle
  readonly #cluster: ClusterFolder
  readonly #output: NodeJS.WriteStream
  #lines: readonly string[] = []
  #drawn = 0

  constructor(cluster: ClusterFolder, output: NodeJS.WriteStream, hasColours: boolean) {
    this.#cluster = cluster
    this.#output = output
    this.style = hasColours ? COLOUR_VIEW : PLAIN_VIEW
    output.write(HIDE_CURSOR)
  }

  show(picture: ClusterPicture): void {
    // A line of the terminal's full width would wrap on some terminals.
    const width = (this.#output.columns ?? DEFAULT_WIDTH) - 1
    const keys = keysLine(this.#cluster.members.length, width, this.style)
    this.#lines = ['', ...pictureLines(this.#cluster, picture, width, this.style), '', keys]
    this.#draw('')
  }

  note(text: string): void {
    this.#draw(`  ${text}\n`)
  }

  close(): void {
    this.#output.write(SHOW_CURSOR)
  }

  /** In one write, so that nothing flickers. */
  #draw(above: string): void {
    const back = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`
    const lines = this.#lines.map((line) => `${line}\n`).join('')
    this.#output.write(`${back}\r\u001b[J${above}${lines}`)
    this.#drawn = this.#lines.length
  }
}

export class LineScreen implements Screen {
  readonly style: ViewStyle = PLAIN_VIEW
  readonly #cluster: ClusterFolder
  readonly #write: (text: string) => void
  readonly #now: () => Date
  #statuses: readonly MemberRow['status'][] = []
  #text = ''

  constructor(cluster: ClusterFolder, write: (text: string) => void, now: () => Date = () => new Date()) {
    this.#cluster = cluster
    this.#write = write
    this.#now = now
  }

  show(picture: ClusterPicture): void {
    for (const [at, row] of picture.rows.entries()) {
      if (row.status !== this.#statuses[at]) this.note(this.#statusText(row))
    }
    this.#statuses = picture.rows.map(({ status }) => status)
    const text = pictureText(picture)
    if (text !== this.#text) this.note(text)
    this.#text = text
  }

  note(text: string): void {
    this.#write(`${this.#now().toISOString()} ${text}\n`)
  }

  close(): void {}

  #statusText({ place, status }: MemberRow): string {
    const again = status === 'down' ? `; start it again with: ${startAgainCommand(this.#cluster, place)}` : ''
    return `member ${place.index} is ${status}${again}`
  }
}
