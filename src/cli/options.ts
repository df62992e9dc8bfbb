/**
 * Options of a command as data: parsed from the command line and the environment, and shown by --help. The documentation
 * is compared with the same data. The command line wins over the environment, the environment over the default.
 */

import { parseArgs } from 'node:util'
import { suggest } from './suggest.ts'
import { UsageError } from './usage-error.ts'

export interface OptionSpec {
  /** Without the two dashes. */
  readonly name: string
  readonly short?: string
  /** What --help shows for the value; null for a flag, which has none. */
  readonly placeholder: string | null
  /** May be given several times; in the environment, separated by commas. */
  readonly isList?: boolean
  /** Environment variable that does the same; null if there is none. */
  readonly variable: string | null
  /** What --help shows as default; null if the option is simply off. */
  readonly default: string | null
  readonly help: string
}

export interface ParsedOptions {
  /** The value, from wherever it came; null if it was not given. */
  text(name: string): string | null
  list(name: string): readonly string[]
  flag(name: string): boolean
  readonly positionals: readonly string[]
}

export type Environment = Readonly<Record<string, string | undefined>>

const TRUE_TEXTS: ReadonlySet<string> = new Set(['1', 'true', 'yes', 'on'])
const FALSE_TEXTS: ReadonlySet<string> = new Set(['', '0', 'false', 'no', 'off'])

/** Throws UsageError for options that are unknown, lack a value or have one that they don't take. */
export function parseOptions(
  specs: readonly OptionSpec[],
  args: readonly string[],
  environment: Environment,
  positionalsMax: number,
): ParsedOptions {
  const { values, positionals } = parseStrictly(specs, args)
  if (positionals.length > positionalsMax) {
    throw new UsageError(`Unexpected argument: ${positionals[positionalsMax]}`)
  }
  const fromEnvironment = (name: string): string | null => {
    const variable = specs.find((spec) => spec.name === name)?.variable ?? null
    const value = variable === null ? undefined : environment[variable]
    return value === undefined || value === '' ? null : value
  }
  return {
    positionals,
    text: (name) => values.get(name)?.at(-1) ?? fromEnvironment(name),
    list: (name) =>
      values.get(name) ??
      fromEnvironment(name)
        ?.split(',')
        .map((one) => one.trim()) ??
      [],
    flag: (name) => values.has(name) || isTrue(specs, name, fromEnvironment(name)),
  }
}

function isTrue(specs: readonly OptionSpec[], name: string, value: string | null): boolean {
  if (value === null || FALSE_TEXTS.has(value.toLowerCase())) return false
  if (TRUE_TEXTS.has(value.toLowerCase())) return true
  const variable = specs.find((spec) => spec.name === name)?.variable
  throw new UsageError(`${variable} is ${JSON.stringify(value)}; it must be 1 or 0.`)
}

function parseStrictly(
  specs: readonly OptionSpec[],
  args: readonly string[],
): { values: Map<string, string[]>; positionals: string[] } {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      specs.map((spec) => [
        spec.name,
        {
          type: spec.placeholder === null ? 'boolean' : 'string',
          ...(spec.short === undefined ? {} : { short: spec.short }),
        } as const,
      ]),
    ),
  })
  const values = new Map<string, string[]>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const spec = specs.find(({ name }) => name === token.name)
    if (spec === undefined) throw unknownOption(specs, token.rawName)
    checkValue(spec, token.value)
    values.set(spec.name, [...(values.get(spec.name) ?? []), token.value ?? ''])
  }
  return { values, positionals }
}

function checkValue(spec: OptionSpec, value: string | undefined): void {
  if (spec.placeholder === null && value !== undefined) throw new UsageError(`--${spec.name} takes no value.`)
  if (spec.placeholder !== null && value === undefined) {
    throw new UsageError(`--${spec.name} needs a value: --${spec.name} ${spec.placeholder}`)
  }
}

function unknownOption(specs: readonly OptionSpec[], rawName: string): UsageError {
  const meant = suggest(
    rawName.replace(/^-+/, ''),
    specs.map(({ name }) => name),
  )
  return new UsageError(`Unknown option ${rawName}.${meant === null ? '' : ` Did you mean --${meant}?`}`)
}

/** The lines that --help shows for `specs`, wrapped to `width` columns. */
export function describeOptions(specs: readonly OptionSpec[], width = 80): string {
  return specs.map((spec) => describeOption(spec, width)).join('\n')
}

function describeOption(spec: OptionSpec, width: number): string {
  const short = spec.short === undefined ? '' : `-${spec.short}, `
  const head = `  ${short}--${spec.name}${spec.placeholder === null ? '' : ` ${spec.placeholder}`}`
  const notes = [
    spec.default === null ? null : `default: ${spec.default}`,
    spec.variable === null ? null : spec.variable,
  ].filter((note) => note !== null)
  const text = notes.length === 0 ? spec.help : `${spec.help} [${notes.join('; ')}]`
  return `${head}\n${wrap(text, width - 6)
    .map((line) => `      ${line}`)
    .join('\n')}`
}

/** `text` in lines of at most `width` characters, broken at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}
