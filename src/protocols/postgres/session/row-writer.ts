/** Writes DataRow messages: one function per column, chosen once per plan and format list. */

import type { SqlValue } from '../../../base/value.ts'
import type { ValueStyle } from '../types/codec.ts'
import { naturalText } from '../types/codec.ts'
import { TEXT_CODEC } from '../types/text-codec.ts'
import { INT2_TYPE, INT4_TYPE, INT8_TYPE, OID_TYPE, type PgType } from '../types/registry.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { DATA_ROW, type Encoder } from '../wire/encoder.ts'
import type { Format } from '../wire/messages.ts'

export type ValueWriter = (out: Encoder, value: Exclude<SqlValue, null>, style: ValueStyle) => void

const PLAIN_TEXT_TYPES: ReadonlySet<PgType> = new Set([INT2_TYPE, INT4_TYPE, INT8_TYPE, OID_TYPE])

const writePlainText: ValueWriter = (out, value) => {
  if (typeof value === 'bigint') out.integerTextValue(value)
  else out.textValue(naturalText(value))
}

export function valueWriter({ type, modifier }: TypeWithModifier, format: Format): ValueWriter {
  const { codec } = type
  if (format === 1) return (out, value) => codec.encodeBinary(out, value, modifier)
  if (codec === TEXT_CODEC) return writePlainText
  if (PLAIN_TEXT_TYPES.has(type)) {
    return (out, value, style) => {
      if (typeof value === 'bigint') out.integerTextValue(value)
      else out.textValue(codec.encodeText(value, modifier, style))
    }
  }
  return (out, value, style) => out.textValue(codec.encodeText(value, modifier, style))
}

/** A value that can't be written leaves nothing of its row behind: what follows must be a message again. */
export function writeRow(
  out: Encoder,
  writers: readonly ValueWriter[],
  row: readonly SqlValue[],
  style: ValueStyle,
): void {
  const mark = out.mark()
  try {
    out.beginMessage(DATA_ROW)
    out.i16(writers.length)
    for (let index = 0; index < writers.length; index++) {
      const value = row[index] ?? null
      if (value === null) out.nullValue()
      else (writers[index] as ValueWriter)(out, value, style)
    }
    out.endMessage()
  } catch (error) {
    out.rewind(mark)
    throw error
  }
}
