/** `npm run api`: writes `api/` anew, after a change of the API that is meant. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiReports, emitDeclarations } from './api-report.ts'

const folder = mkdtempSync(join(tmpdir(), 'harmonydb-api-'))
try {
  emitDeclarations(folder)
  for (const [file, text] of apiReports(folder))
    writeFileSync(join(import.meta.dirname, '../../api', file), text)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
