/**
 * Hrana's Protobuf schema as protobufjs' reflection reads it: the other side of the codec in tests. Written
 * independently of protobuf-decode.ts and protobuf-encode.ts, from the field numbers of HRANA_3_SPEC.md, so that a wrong
 * number there does not go unnoticed.
 */

import protobuf from 'protobufjs'

/** `name:type=number`, `*` behind the type for repeated, `+` for optional with presence. Fields of a oneof in `|`. */
const MESSAGES: Readonly<Record<string, string>> = {
  Nothing: '',
  Error: 'message:string=1 code:string+=2',
  Value: '|null:Nothing=1 integer:sint64=2 float:double=3 text:string=4 blob:bytes=5',
  NamedArg: 'name:string=1 value:Value=2',
  Stmt: 'sql:string+=1 sqlId:int32+=2 args:Value*=3 namedArgs:NamedArg*=4 wantRows:bool+=5',
  Col: 'name:string+=1 decltype:string+=2',
  Row: 'values:Value*=1',
  StmtResult:
    'cols:Col*=1 rows:Row*=2 affectedRowCount:uint64=3 lastInsertRowid:sint64+=4 replicationIndex:uint64+=5 ' +
    'rowsRead:uint64=6 rowsWritten:uint64=7 queryDurationMs:double=8',
  CondList: 'conds:BatchCond*=1',
  BatchCond:
    '|stepOk:uint32=1 stepError:uint32=2 not:BatchCond=3 and:CondList=4 or:CondList=5 isAutocommit:Nothing=6',
  BatchStep: 'condition:BatchCond=1 stmt:Stmt=2',
  Batch: 'steps:BatchStep*=1',
  ResultEntry: 'key:uint32=1 value:StmtResult=2',
  ErrorEntry: 'key:uint32=1 value:Error=2',
  BatchResult: 'stepResults:ResultEntry*=1 stepErrors:ErrorEntry*=2',
  StepBegin: 'step:uint32=1 cols:Col*=2',
  StepEnd: 'affectedRowCount:uint64=1 lastInsertRowid:sint64+=2',
  StepError: 'step:uint32=1 error:Error=2',
  CursorEntry: '|stepBegin:StepBegin=1 stepEnd:StepEnd=2 stepError:StepError=3 row:Row=4 error:Error=5',
  Param: 'name:string+=1',
  DescribeResult: 'params:Param*=1 cols:Col*=2 isExplain:bool=3 isReadonly:bool=4',
  // Over HTTP.
  ExecuteReq: 'stmt:Stmt=1',
  BatchReq: 'batch:Batch=1',
  SqlReq: 'sql:string+=1 sqlId:int32+=2',
  StoreSqlReq: 'sqlId:int32=1 sql:string=2',
  CloseSqlReq: 'sqlId:int32=1',
  ExecuteResp: 'result:StmtResult=1',
  BatchResp: 'result:BatchResult=1',
  DescribeResp: 'result:DescribeResult=1',
  AutocommitResp: 'isAutocommit:bool=1',
  StreamRequest:
    '|close:Nothing=1 execute:ExecuteReq=2 batch:BatchReq=3 sequence:SqlReq=4 describe:SqlReq=5 ' +
    'storeSql:StoreSqlReq=6 closeSql:CloseSqlReq=7 getAutocommit:Nothing=8',
  StreamResponse:
    '|close:Nothing=1 execute:ExecuteResp=2 batch:BatchResp=3 sequence:Nothing=4 describe:DescribeResp=5 ' +
    'storeSql:Nothing=6 closeSql:Nothing=7 getAutocommit:AutocommitResp=8',
  StreamResult: '|ok:StreamResponse=1 error:Error=2',
  PipelineReqBody: 'baton:string+=1 requests:StreamRequest*=2',
  PipelineRespBody: 'baton:string+=1 baseUrl:string+=2 results:StreamResult*=3',
  CursorReqBody: 'baton:string+=1 batch:Batch=2',
  CursorRespBody: 'baton:string+=1 baseUrl:string+=2',
  // Over WebSocket.
  HelloMsg: 'jwt:string+=1',
  StreamReq: 'streamId:int32=1',
  WsExecuteReq: 'streamId:int32=1 stmt:Stmt=2',
  WsBatchReq: 'streamId:int32=1 batch:Batch=2',
  WsSqlReq: 'streamId:int32=1 sql:string+=2 sqlId:int32+=3',
  OpenCursorReq: 'streamId:int32=1 cursorId:int32=2 batch:Batch=3',
  CloseCursorReq: 'cursorId:int32=1',
  FetchCursorReq: 'cursorId:int32=1 maxCount:uint32=2',
  FetchCursorResp: 'entries:CursorEntry*=1 done:bool=2',
  RequestMsg:
    'requestId:int32=1 |openStream:StreamReq=2 closeStream:StreamReq=3 execute:WsExecuteReq=4 batch:WsBatchReq=5 ' +
    'openCursor:OpenCursorReq=6 closeCursor:CloseCursorReq=7 fetchCursor:FetchCursorReq=8 sequence:WsSqlReq=9 ' +
    'describe:WsSqlReq=10 storeSql:StoreSqlReq=11 closeSql:CloseSqlReq=12 getAutocommit:StreamReq=13',
  ResponseOkMsg:
    'requestId:int32=1 |openStream:Nothing=2 closeStream:Nothing=3 execute:ExecuteResp=4 batch:BatchResp=5 ' +
    'openCursor:Nothing=6 closeCursor:Nothing=7 fetchCursor:FetchCursorResp=8 sequence:Nothing=9 ' +
    'describe:DescribeResp=10 storeSql:Nothing=11 closeSql:Nothing=12 getAutocommit:AutocommitResp=13',
  HelloErrorMsg: 'error:Error=1',
  ResponseErrorMsg: 'requestId:int32=1 error:Error=2',
  ClientMsg: '|hello:HelloMsg=1 request:RequestMsg=2',
  ServerMsg:
    '|helloOk:Nothing=1 helloError:HelloErrorMsg=2 responseOk:ResponseOkMsg=3 responseError:ResponseErrorMsg=4',
}

function toType(name: string, spec: string): protobuf.Type {
  const type = new protobuf.Type(name)
  const [plain = '', oneof = ''] = spec.split('|')
  for (const text of `${plain} ${oneof}`.split(' ').filter((field) => field !== '')) {
    const [, field = '', fieldType = '', rule = '', id = ''] = /^(\w+):(\w+)([*+]?)=(\d+)$/.exec(text) ?? []
    const options = rule === '+' ? { proto3_optional: true } : {}
    type.add(
      new protobuf.Field(
        field,
        Number(id),
        fieldType,
        rule === '*' ? 'repeated' : 'optional',
        undefined,
        options,
      ),
    )
  }
  return type
}

const ROOT = new protobuf.Root()
for (const [name, spec] of Object.entries(MESSAGES)) ROOT.add(toType(name, spec))
ROOT.resolveAll()

export function encode(type: string, message: object): Buffer {
  const reflected = ROOT.lookupType(type)
  return Buffer.from(reflected.encode(reflected.fromObject(message)).finish())
}

/** 64-bit integers as strings; fields that are not there are left out. */
export function decode(type: string, bytes: Uint8Array): unknown {
  const reflected = ROOT.lookupType(type)
  return reflected.toObject(reflected.decode(bytes), { longs: String })
}

/** A stream of messages, each behind its length. */
export function decodeDelimited(types: (index: number) => string, bytes: Uint8Array): unknown[] {
  const reader = protobuf.Reader.create(bytes)
  const messages: unknown[] = []
  while (reader.pos < reader.len) messages.push(decode(types(messages.length), reader.bytes()))
  return messages
}
