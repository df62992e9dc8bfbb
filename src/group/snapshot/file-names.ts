/** Files beside the SQLite file of a database, `NAME.G.sqlite`, that belong to copies on their way from or to other members. */

/** A copy that is being received, or waits to be put in place. */
export const INCOMING_SUFFIX = '-incoming'
/** What is known of it (`incoming-record.ts`). */
export const RECORD_SUFFIX = '-incoming-record'
/** A copy for other members; a number follows. It never outlives the process that made it. */
export const OUTGOING_SUFFIX = '-outgoing-'
