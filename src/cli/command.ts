/** What a command is to the command line. */

import type { Environment } from './options.ts'

export interface Command {
  /** The whole text of `harmonydb NAME --help`. */
  readonly help: () => string
  /** Resolves with the exit code. Errors become one line on stderr. */
  readonly run: (args: readonly string[], environment: Environment) => Promise<number>
}
