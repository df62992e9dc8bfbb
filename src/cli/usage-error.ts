/** The command line or an environment variable is wrong. The message names it; nothing has been started. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
