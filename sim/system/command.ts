/** What the command line changes of the run that a seed draws, and the command that shows such a run again. */

import type { SystemOptions } from './options.ts'
import { MACHINES_FOR_LOSS } from './options.ts'

export interface Asked {
  /** Null: as many as the seed says. */
  readonly machines: number | null
  /** Without a catalog. */
  readonly isStatic: boolean
}

export function adjusted({ machines, isStatic }: Asked): (options: SystemOptions) => SystemOptions {
  return (options) => {
    const sized = machines === null ? options : withMachines(options, machines)
    return isStatic ? withoutCatalog(sized) : sized
  }
}

/** What was drawn for more machines than there are, nobody could make good. */
function withMachines(options: SystemOptions, machines: number): SystemOptions {
  if (machines >= MACHINES_FOR_LOSS) return { ...options, machines }
  const { faults, operators } = options
  return {
    ...options,
    machines,
    faults: { ...faults, loss: null },
    operators: { ...operators, replaceAtUs: null },
  }
}

/** Members are replaced, and join anew with a journal that is damaged or gone, by way of the catalog: here one that has forgotten its votes would vote again. */
function withoutCatalog(options: SystemOptions): SystemOptions {
  const { faults, operators, workloads } = options
  const losesJournal = faults.loss?.kind === 'damage' || faults.loss?.kind === 'wipe'
  return {
    ...options,
    kind: 'static',
    faults: { ...faults, loss: losesJournal ? null : faults.loss },
    operators: { ...operators, replaceAtUs: null },
    workloads: [...new Set(workloads.map((name) => (name === 'databases' ? 'registers' : name)))],
  }
}

/** The same run again, told line by line. */
export function replayCommand(seed: number, { machines, isStatic }: Asked): string {
  return [
    `node sim/system/main.ts --seed ${seed}`,
    ...(machines === null ? [] : [`--machines ${machines}`]),
    ...(isStatic ? ['--static'] : []),
    '--trace',
  ].join(' ')
}
