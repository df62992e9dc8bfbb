/** What groups tell operators: short fixed texts, and what differs in fields. */

export type GroupEventLog = (
  level: 'info' | 'warn',
  event: string,
  fields: Readonly<Record<string, string | number>>,
) => void
