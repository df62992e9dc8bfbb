/**
 * Checks values against the part of JSON Schema (2020-12) that our OpenAPI document uses. It throws for keywords that it
 * does not know, so that a schema can't say something that is never checked.
 */

type Schema = Readonly<Record<string, unknown>>

const ANNOTATIONS: ReadonlySet<string> = new Set(['description', 'default', 'contentEncoding', 'example'])

/** Problems of `value` with the place where each is; none if it is valid. */
export function schemaProblems(schema: Schema, value: unknown, all: Schema, at = '$'): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    if (ANNOTATIONS.has(keyword)) return []
    const check = CHECKS[keyword]
    if (check === undefined) throw new Error(`${at}: the keyword ${keyword} is not known to this checker`)
    return check(rule, value, all, at, schema)
  })
}

type Check = (rule: unknown, value: unknown, all: Schema, at: string, schema: Schema) => string[]

const CHECKS: Readonly<Record<string, Check>> = {
  $ref: (rule, value, all, at) => {
    const name = String(rule).replace('#/components/schemas/', '')
    const schema = all[name]
    if (schema === undefined) return [`${at}: the schema ${name} does not exist`]
    return schemaProblems(schema as Schema, value, all, at)
  },
  type: (rule, value, _all, at) => {
    const types = Array.isArray(rule) ? rule : [rule]
    return types.some((type) => hasType(value, String(type))) ? [] : [`${at}: is not ${types.join(' or ')}`]
  },
  const: (rule, value, _all, at) => (value === rule ? [] : [`${at}: is not ${String(rule)}`]),
  enum: (rule, value, _all, at) =>
    (rule as unknown[]).includes(value) ? [] : [`${at}: is none of ${String(rule)}`],
  oneOf: (rule, value, all, at) => {
    const problems = (rule as Schema[]).map((schema) => schemaProblems(schema, value, all, at))
    const matching = problems.filter((one) => one.length === 0).length
    return matching === 1 ? [] : [`${at}: fits ${matching} of oneOf: ${problems.flat().join('; ')}`]
  },
  pattern: (rule, value, _all, at) =>
    typeof value !== 'string' || new RegExp(String(rule)).test(value)
      ? []
      : [`${at}: does not match ${String(rule)}`],
  minimum: (rule, value, _all, at) =>
    Number(value) >= Number(rule) ? [] : [`${at}: is below ${String(rule)}`],
  minItems: (rule, value, _all, at) =>
    !Array.isArray(value) || value.length >= Number(rule) ? [] : [`${at}: has too few items`],
  items: (rule, value, all, at) =>
    Array.isArray(value)
      ? value.flatMap((item, index) => schemaProblems(rule as Schema, item, all, `${at}[${index}]`))
      : [],
  required: (rule, value, _all, at) =>
    isObject(value)
      ? (rule as string[]).filter((name) => !(name in value)).map((name) => `${at}.${name}: is missing`)
      : [],
  properties: (rule, value, all, at) =>
    isObject(value)
      ? Object.entries(rule as Record<string, Schema>).flatMap(([name, schema]) =>
          name in value ? schemaProblems(schema, value[name], all, `${at}.${name}`) : [],
        )
      : [],
  additionalProperties: (rule, value, all, at, schema) => {
    if (!isObject(value)) return []
    const known = Object.keys(schema['properties'] ?? {})
    const others = Object.keys(value).filter((name) => !known.includes(name))
    if (rule === false) return others.map((name) => `${at}.${name}: is not known`)
    return others.flatMap((name) => schemaProblems(rule as Schema, value[name], all, `${at}.${name}`))
  },
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}
