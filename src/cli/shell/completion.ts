/** What Tab offers: dot-commands, names of tables and columns, keywords. */

import { DOT_COMMAND_NAMES } from './dot-commands.ts'
import type { Shell } from './shell.ts'

const KEYWORDS: readonly string[] = (
  'ALTER TABLE|AND|AS|BEGIN|BETWEEN|BY|CASE|COMMIT|CREATE INDEX|CREATE TABLE|CREATE TRIGGER|CREATE VIEW|DEFAULT|' +
  'DELETE FROM|DESC|DISTINCT|DROP TABLE|EXISTS|EXPLAIN QUERY PLAN|FROM|GROUP BY|HAVING|IN|INSERT INTO|INTEGER PRIMARY KEY|' +
  'JOIN|LEFT JOIN|LIKE|LIMIT|NOT NULL|NULL|OFFSET|ON CONFLICT|ORDER BY|PRIMARY KEY|REFERENCES|RETURNING|ROLLBACK|SELECT|' +
  'SET|TEXT|UNIQUE|UPDATE|VALUES|WHERE|WITH'
).split('|')

const NAMES_SQL = `SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE '\\_harmony\\_%' ESCAPE '\\'
  UNION SELECT c.name FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.type IN ('table', 'view')
  AND s.name NOT LIKE '\\_harmony\\_%' ESCAPE '\\' LIMIT 2000`

/** As readline wants it: the candidates, and the part of the line that they replace. */
export async function complete(
  shell: Shell,
  line: string,
): Promise<[candidates: string[], replaced: string]> {
  const word = /[\w.]*$/.exec(line)?.[0] ?? ''
  if (line.startsWith('.') && !line.includes(' ')) return [matching(DOT_COMMAND_NAMES, line), line]
  if (word === '') return [[], word]
  const names = await namesOf(shell)
  const found = [
    ...matching(names, word),
    ...matching(KEYWORDS, word.toUpperCase()).map((keyword) => `${keyword} `),
  ]
  return [found, word]
}

async function namesOf(shell: Shell): Promise<string[]> {
  try {
    return (await shell.rows(NAMES_SQL)).map(([name]) => String(name))
  } catch {
    return []
  }
}

function matching(words: readonly string[], start: string): string[] {
  return words.filter((word) => word.toLowerCase().startsWith(start.toLowerCase()))
}
