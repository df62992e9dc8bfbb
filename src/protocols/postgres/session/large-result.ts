/** A read that is too large to be held goes to the client page by page. */

import { HarmonyError } from '../../../base/errors.ts'
import type { SqlValue } from '../../../base/value.ts'
import type { Format } from '../wire/messages.ts'
import type { Executor } from './executor.ts'
import type { PreparedStatement } from './prepared.ts'
import type { ResultSender } from './result-sender.ts'

/** `error` is what the read failed with. Null when all is sent; rejects with `error` where it is another, or nothing to be read again. */
export async function streamInstead(
  { executor, sender }: { readonly executor: Executor; readonly sender: ResultSender },
  error: unknown,
  statement: PreparedStatement,
  values: readonly SqlValue[],
  formats: readonly Format[],
  isDescribed: boolean,
): Promise<null> {
  const { plan } = statement.compiled
  const isTooLarge = error instanceof HarmonyError && error.code === 'RESPONSE_TOO_LARGE'
  if (!isTooLarge || plan.kind !== 'query' || !plan.isRead || plan.effects.length > 0) throw error
  await sender.stream(executor.stream(plan, values), (told) => {
    const { columns, writers } = statement.layout(told, formats)
    if (isDescribed) sender.describe(columns, formats)
    return writers
  })
  return null
}
