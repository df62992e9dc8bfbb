/** Colours of the shell's output; plain where there is no terminal or `NO_COLOR` is set. */

export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
}

const plain = (text: string): string => text
const wrapped =
  (start: number, end: number) =>
  (text: string): string =>
    `\u001b[${start}m${text}\u001b[${end}m`

export const PLAIN_STYLE: Style = { bold: plain, dim: plain, red: plain }

export const COLOUR_STYLE: Style = { bold: wrapped(1, 22), dim: wrapped(2, 22), red: wrapped(31, 39) }
