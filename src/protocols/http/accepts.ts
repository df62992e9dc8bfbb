/** The `accept` header of a request, as far as we need it: has the client asked for a media type by its name? */

const WEIGHT = /^\s*q\s*=\s*([\d.]+)\s*$/i

/**
 * True if `header` (RFC 9110 section 12.5.1) names `mediaType`, in any case, with a weight other than zero. Wildcards
 * don't count: a client that takes anything gets the default.
 */
export function asksFor(header: string | undefined, mediaType: string): boolean {
  return (header ?? '').split(',').some((range) => {
    const [name = '', ...parameters] = range.split(';')
    if (name.trim().toLowerCase() !== mediaType) return false
    const weight = parameters.map((parameter) => WEIGHT.exec(parameter)?.[1]).find((one) => one !== undefined)
    return weight === undefined || Number(weight) !== 0
  })
}
