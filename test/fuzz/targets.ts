/** All of them, in the order in which bytes get into a member. */

import type { FuzzTarget } from './target.ts'
import { history } from './targets/history.ts'
import { http } from './targets/http.ts'
import { httpJson } from './targets/http-json.ts'
import { hranaJson, hranaProtobuf } from './targets/hrana.ts'
import { journal } from './targets/journal.ts'
import { entries, replay } from './targets/entries.ts'
import { folder } from './targets/folder.ts'
import { peerCalls } from './targets/peer-calls.ts'
import { peerConnection } from './targets/peer-connection.ts'
import { peerMessages } from './targets/peer-messages.ts'
import { copies } from './targets/copies.ts'
import { sql } from './targets/sql.ts'
import { tokens } from './targets/tokens.ts'

export const TARGETS: readonly FuzzTarget[] = [
  http,
  httpJson,
  hranaJson,
  hranaProtobuf,
  tokens,
  sql,
  peerConnection,
  peerMessages,
  peerCalls,
  entries,
  replay,
  copies,
  journal,
  folder,
  history,
]
