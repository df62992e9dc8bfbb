/**
 * Options of the tools that look for bugs: simulators, chaos, the kill loop, fuzzers, load. What is wrong with them is told in one line, with the
 * usage below it, before anything has begun: a run whose seed is NaN looks like any other.
 */

/** An option that the tool can do nothing with. The message names it. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
}

/** Seeds above are not told apart from the next one when they are counted. */
const SEED_MAX = 2 ** 52

/** Runs a tool and gives its exit code: that of `main`, 0 for --help, 2 where the options are wrong. */
export async function runTool(usage: string, main: () => number | Promise<number>): Promise<number> {
  if (process.argv.slice(2).includes('--help')) {
    process.stdout.write(`${usage.trim()}\n`)
    return 0
  }
  try {
    return await main()
  } catch (error) {
    if (!isAboutOptions(error)) throw error
    console.error(`${error.message.split('\n')[0]}\n\n${usage.trim()}`)
    return 2
  }
}

function isAboutOptions(error: unknown): error is Error {
  if (error instanceof OptionError) return true
  const isCoded = error instanceof Error && 'code' in error
  return isCoded && String(error.code).startsWith('ERR_PARSE_ARGS_')
}

/** A whole number from `least` on. */
export function wholeNumber(option: string, text: string, least = 1): number {
  const number = numberIn(text)
  if (Number.isSafeInteger(number) && number >= least) return number
  throw wrong(option, text, `a whole number from ${least} on`)
}

/** Seconds, minutes, rates. */
export function positiveNumber(option: string, text: string): number {
  const number = numberIn(text)
  if (Number.isFinite(number) && number > 0) return number
  throw wrong(option, text, 'a number above 0')
}

/** The seed that was asked for, or a fresh one. */
export function seedNumber(text: string | undefined, drawnBelow: number): number {
  if (text === undefined) return Math.floor(Math.random() * drawnBelow)
  const seed = wholeNumber('seed', text, 0)
  if (seed <= SEED_MAX) return seed
  throw wrong('seed', text, `at most ${SEED_MAX}`)
}

/** One of the names that the tool knows. */
export function knownName<Name extends string>(option: string, text: string, known: readonly Name[]): Name {
  const name = known.find((one) => one === text.trim())
  if (name !== undefined) return name
  throw wrong(option, text, `one of: ${known.join(', ')}`)
}

/** Names between commas. */
export function knownNames<Name extends string>(
  option: string,
  text: string,
  known: readonly Name[],
): readonly Name[] {
  return text.split(',').map((one) => knownName(option, one, known))
}

/** An empty text is no number, although JavaScript takes it for 0. */
function numberIn(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

function wrong(option: string, text: string, what: string): OptionError {
  return new OptionError(`--${option} is ${JSON.stringify(text)}; it must be ${what}.`)
}
