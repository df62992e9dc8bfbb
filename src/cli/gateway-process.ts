/** The program of a gateway process, which a member starts: `serve/gateways/` with the engine's readers. */

import { ReaderPool } from '../engine/reader/database-reader.ts'
import { runGateway } from '../serve/gateways/gateway.ts'

runGateway((options) => new ReaderPool(options))
