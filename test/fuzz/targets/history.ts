/** Histories that `harmonydb check` judges: anybody's files, of any system. */

import { checkHistory } from '../../../src/history/check-history.ts'
import { parseHistory } from '../../../src/history/history-file.ts'
import { HistoryFormatError } from '../../../src/history/history-format-error.ts'
import { verdictText } from '../../../src/history/verdict-text.ts'
import type { FuzzTarget, Outcome } from '../target.ts'
import { utf8 } from '../target.ts'

const REGISTERS = [
  '{"process":0,"type":"invoke","f":"write","key":"x","value":3}',
  '{"process":1,"type":"invoke","f":"read","key":"x","value":null}',
  '{"process":0,"type":"ok","f":"write","key":"x","value":3}',
  '{"process":1,"type":"ok","f":"read","key":"x","value":3}',
  '{"process":2,"type":"invoke","f":"cas","key":"x","value":[3,4]}',
  '{"process":2,"type":"info","f":"cas","key":"x","value":[3,4]}',
  '{"process":1,"type":"invoke","f":"read","key":"x","value":null}',
  '{"process":1,"type":"ok","f":"read","key":"x","value":4}',
]
const LISTS = [
  '{"process":0,"type":"invoke","f":"txn","value":[["append","x",1],["r","y",null]]}',
  '{"process":1,"type":"invoke","f":"txn","value":[["append","y",2],["r","x",null]]}',
  '{"process":0,"type":"ok","f":"txn","value":[["append","x",1],["r","y",[]]]}',
  '{"process":1,"type":"ok","f":"txn","value":[["append","y",2],["r","x",[1]]]}',
  '{"process":2,"type":"invoke","f":"txn","value":[["r","x",null],["r","y",null],["append","x",3]]}',
  '{"process":2,"type":"fail","f":"txn","value":[["r","x",null],["r","y",null],["append","x",3]]}',
  '{"process":3,"type":"invoke","f":"txn","value":[["r","x",null]]}',
  '{"process":3,"type":"ok","f":"txn","value":[["r","x",[1]]]}',
]

export const history: FuzzTarget = {
  name: 'history',
  what: 'histories for `harmonydb check`, from anybody',
  testInputs: 4_000,
  async open() {
    return {
      corpus: utf8(
        REGISTERS.join('\n'),
        LISTS.join('\n'),
        [...REGISTERS, ...REGISTERS].join('\n'),
        [...LISTS, ...REGISTERS].join('\n'),
      ),
      pieces: utf8(
        '\n',
        'null',
        '[]',
        '{}',
        '"ok"',
        '"info"',
        '"fail"',
        '"invoke"',
        '"r"',
        '"append"',
        '["append","x",3],',
        ...REGISTERS,
        ...LISTS,
      ),
      feed: (input) => check(new TextDecoder().decode(input)),
      allocationBytesMax: 64 * 1024 * 1024,
      timeMsMax: 1_000,
    }
  },
}

function check(text: string): Outcome {
  try {
    verdictText(checkHistory(parseHistory(text.split('\n'))))
    return 'taken'
  } catch (error) {
    if (error instanceof HistoryFormatError) return 'refused'
    throw error
  }
}
