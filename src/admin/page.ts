/** The page at `/`: tells a person who opened the member's URL in a browser what this is and how to connect. */

import { escapeHtml } from '../base/html.ts'

export interface PageFacts {
  readonly version: string
  /** The `Host` that the browser asked for, so that what the page shows can be pasted. */
  readonly host: string
  readonly needsToken: boolean
}

/** Nothing is loaded and no script runs, so that the page can not be made to do anything. */
export const PAGE_SECURITY_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

export function renderPage(facts: PageFacts): string {
  const host = escapeHtml(facts.host)
  const header = facts.needsToken ? " -H 'Authorization: Bearer TOKEN'" : ''
  const option = facts.needsToken ? ", authToken: 'TOKEN'" : ''
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>HarmonyDB</title>
<style>
  :root { color-scheme: light dark }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem }
  pre { background: color-mix(in srgb, currentColor 8%, transparent); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto }
  code { font: 14px/1.5 ui-monospace, monospace }
  h2 { font-size: 1.05rem; margin-top: 2rem }
</style>
<h1>HarmonyDB</h1>
<p>This is a HarmonyDB member, version ${escapeHtml(facts.version)}: SQLite behind libSQL's protocols and HTTP.
${facts.needsToken ? 'It asks clients for a token.' : ''}</p>
<h2>In a terminal</h2>
<pre><code>curl http://${host}/v1/databases/default/query${header} -d '{"sql": "SELECT 1 + 1 AS two"}'
harmonydb shell http://${host}</code></pre>
<h2>In JavaScript</h2>
<pre><code>import { createClient } from '@libsql/client'
const db = createClient({ url: 'http://${host}'${option} })
await db.execute('SELECT 1 + 1 AS two')</code></pre>
<h2>More</h2>
<ul>
<li><a href="/openapi.json">openapi.json</a>: every path of this member</li>
<li><a href="/health">health</a>, <a href="/version">version</a>, <a href="/metrics">metrics</a></li>
</ul>
</html>
`
}
