/** SQL text as it is read without SQLite: cut into statements and classified, before anybody knows whether it is SQL at all. */

import {
  classify,
  hasWord,
  leadingKeywords,
  splitStatements,
  startOfStatement,
  tokens,
} from '../../../src/engine/sql-text.ts'
import type { FuzzTarget } from '../target.ts'
import { utf8 } from '../target.ts'

const TEXTS = [
  "INSERT INTO t VALUES (1, 'it''s', \"a\", [b], `c`, x'00ff', ?1, :name, $a::b(c), @d); SELECT 2",
  'CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; DELETE FROM u; END; SELECT 1',
  '/* a comment */ -- another\n BEGIN IMMEDIATE; SAVEPOINT "a b"; ROLLBACK TO a; RELEASE a; COMMIT',
  'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1.5e-3 FROM c LIMIT 0x1F) SELECT * FROM c',
  "EXPLAIN QUERY PLAN SELECT a ->> '$.b' FROM t WHERE a IS NOT DISTINCT FROM 1_000; PRAGMA foreign_keys = ON",
  ';;  ; BEGIN READONLY; END TRANSACTION',
]
const WORDS = new Set(['SELECT', 'BEGIN'])

export const sql: FuzzTarget = {
  name: 'sql',
  what: 'SQL text, from a client',
  testInputs: 10_000,
  async open() {
    return {
      corpus: utf8(...TEXTS),
      pieces: utf8(
        "'",
        '"',
        '[',
        ']',
        '/*',
        '*/',
        '--',
        '\n',
        ';',
        'BEGIN',
        'END',
        'CASE',
        'CREATE TRIGGER',
        '$',
        '::',
        '\0',
        "x'",
        '❄',
        '\u00a0',
      ),
      feed: (input) => {
        const text = new TextDecoder().decode(input)
        const whole = [...tokens(text)]
        for (const { start, end } of whole)
          if (!(start < end && end <= text.length)) throw new Error(`a token from ${start} to ${end}`)
        for (const statement of splitStatements(text)) classify(statement.sql)
        classify(text)
        leadingKeywords(text, 3)
        startOfStatement(text)
        hasWord(text, WORDS)
        return whole.length > 0 ? 'taken' : 'refused'
      },
      allocationBytesMax: 64 * 1024 * 1024,
    }
  },
}
