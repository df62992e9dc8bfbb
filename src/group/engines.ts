/** How engines are opened, for the layers above, which do not know the engine's folder. */

import type { EngineOpener } from '../engine/engine.ts'
import { LocalEngine } from '../engine/local-engine.ts'

/** In this thread: for the simulator, tests and tools. A slow statement stalls everything else here. */
export const openEngineHere: EngineOpener = (options) => LocalEngine.open(options)
