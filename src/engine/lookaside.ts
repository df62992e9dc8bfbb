/**
 * SQLite gives each connection some 120 small blocks, its lookaside memory (malloc.html, section 3), from which a running statement takes what
 * it needs for its cursors and texts within a few nanoseconds. Functions that are defined on a connection take theirs from there, too, and keep
 * them until it closes: ours are more than there are blocks, so that every read would go to malloc, which costs a tenth of it.
 *
 * So the blocks are held by statements that do nothing while the functions are defined, and are free again afterwards. `node:sqlite` has no access to
 * SQLITE_DBCONFIG_LOOKASIDE, which would do the same. Lost: to define functions when a statement first names one, because a view or an index may name them, too.
 */

import type { DatabaseSync } from 'node:sqlite'

/** Twice as many as take all blocks: each holds several. */
const HOLDERS = 40

/** Not among the types yet; a version of Node.js that can't close a statement closes it when nothing refers to it any more. */
interface Closable {
  close?(): void
}

/** `define` may define functions on `database`; the memory of running statements is not spent on them. */
export function outsideLookaside(database: DatabaseSync, define: () => void): void {
  const holders = Array.from({ length: HOLDERS }, () => database.prepare('SELECT 1'))
  try {
    define()
  } finally {
    for (const holder of holders) (holder as Closable).close?.()
  }
}
