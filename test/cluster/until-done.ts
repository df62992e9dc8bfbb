/** Transactions of PostgreSQL clients whose leader may be another one at any moment, as it is on a busy machine. */

const ATTEMPTS_MAX = 20

/** Nothing was done, and it may be begun again. */
export const CONFLICT: readonly string[] = ['40001']
/** And that nobody knows what became of a COMMIT: then `work` may be done twice. */
export const CHANGED_LEADER: readonly string[] = [...CONFLICT, '08007']

/** Does `work` again while it fails with one of these SQLSTATEs, as clients do. */
export async function untilDone(
  client: { query(sql: 'ROLLBACK'): Promise<unknown> },
  work: () => Promise<void>,
  passing: readonly string[] = CHANGED_LEADER,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const { code = '' } = error as { code?: string }
      if (!passing.includes(code) || attempt === ATTEMPTS_MAX) throw error
      await client.query('ROLLBACK')
    }
  }
}
