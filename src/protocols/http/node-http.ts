/**
 * `node:http` at a fifth of its price. `import … from 'node:http'` reads all that the module exports, WebSocket among it, and that loads the
 * client behind `fetch`, HTTP/2 and web streams: 7 MB and 65 ms of processor time of every process that serves clients, for nothing that it uses.
 */

import type * as NodeHttp from 'node:http'

export const http: typeof NodeHttp = process.getBuiltinModule('node:http')
