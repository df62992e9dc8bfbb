/** What a session keeps beside the database and ROLLBACK TO SAVEPOINT undoes: settings, LISTEN, cursors, portals. */

/** Savepoints are told by how many there are outside of them. */
export interface Savepointed {
  savepoint(): void
  /** That one and those inside are gone; what was done since belongs to what is outside. */
  release(at: number): void
  /** What was done since is undone; that one stays, those inside are gone. */
  rollbackTo(at: number): void
}
