/** How long one statement may run before it is stopped, on the read side and on the writer alike. Milliseconds. */
export const STATEMENT_TIMEOUT_MS: number = 30_000
