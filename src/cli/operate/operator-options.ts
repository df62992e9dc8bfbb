/** What `status` and `member` have in common: which member they ask, and how they answer. */

import type { Environment, OptionSpec, ParsedOptions } from '../options.ts'
import { parseConnectionUrl } from '../shell/connection-url.ts'
import { AdminClient } from './admin-client.ts'

export const DEFAULT_URL = 'http://127.0.0.1:8080'

export const OPERATOR_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'json',
    placeholder: null,
    variable: null,
    default: null,
    help: 'Answer as JSON, for scripts.',
  },
  {
    name: 'auth-token',
    placeholder: 'TOKEN',
    variable: 'HARMONYDB_AUTH_TOKEN',
    default: null,
    help: 'Token for a member that asks for one. Prefer the variable: other users of the machine can see command lines.',
  },
]

/** `url`: from the command line, if it was given. */
export function clientOf(
  options: ParsedOptions,
  url: string | undefined,
  environment: Environment,
): AdminClient {
  const target = parseConnectionUrl(url ?? environment['HARMONYDB_URL'] ?? DEFAULT_URL)
  return new AdminClient(target, options.text('auth-token'))
}
