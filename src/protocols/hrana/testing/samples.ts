/** Good messages of Hrana, one of each shape: what is damaged to see what decoders make of it. */

/** As plain data, which the encoders of tests take. */
export type Message = Readonly<Record<string, unknown>>

export const STATEMENT: Message = {
  sql: 'SELECT ?, :name',
  args: [
    { type: 'integer', value: '-42' },
    { type: 'float', value: 1.5 },
    { type: 'text', value: 'kůň' },
    { type: 'blob', base64: 'AQID' },
    { type: 'null' },
  ],
  named_args: [{ name: ':name', value: { type: 'null' } }],
  want_rows: true,
}
const CONDITION = {
  type: 'not',
  cond: { type: 'and', conds: [{ type: 'ok', step: 0 }, { type: 'is_autocommit' }] },
}
export const BATCH: Message = { steps: [{ stmt: STATEMENT }, { stmt: { sql_id: 3 }, condition: CONDITION }] }

export const PB_STATEMENT: Message = {
  sql: 'SELECT ?, :name',
  args: [{ integer: '-42' }, { float: 1.5 }, { text: 'kůň' }, { blob: Buffer.from([1, 2, 3]) }, { null: {} }],
  namedArgs: [{ name: ':name', value: { null: {} } }],
  wantRows: true,
}
const PB_CONDITION = { not: { and: { conds: [{ stepOk: 0 }, { isAutocommit: {} }] } } }
export const PB_BATCH: Message = {
  steps: [{ stmt: PB_STATEMENT }, { stmt: { sqlId: 3 }, condition: PB_CONDITION }],
}
