/** Of processor time, by this process: a busy machine must not let mutants live. */
export function secondsUsed(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
