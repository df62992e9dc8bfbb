/** OpenAPI: `/v1/cluster…`. The schemas are those of `cluster/cluster-state.ts`. */

import { errorResponse, jsonBody, jsonResponse, ref, type Paths, type Schemas } from './parts.ts'

const NULLABLE_TEXT = { type: ['string', 'null'] }
const NULLABLE_NUMBER = { type: ['integer', 'null'] }
const MEMBER_NUMBERS = { type: 'array', items: { type: 'integer' } }

/** All properties are there, always. */
function whole(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false }
}

export const CLUSTER_SCHEMAS: Schemas = {
  ClusterState: whole({
    cluster: { type: 'string', description: 'Random id of the cluster.' },
    member: { type: 'integer', description: 'Number of the member that answers. This is its view.' },
    members: { type: 'array', items: ref('MemberState') },
    groups: { type: 'array', items: ref('GroupState') },
  }),
  MemberState: whole({
    member: { type: 'integer', description: 'Its number. Never used again for another member.' },
    name: { type: 'string' },
    status: {
      enum: ['expected', 'active', 'removed'],
      description: '`expected`: added by an operator and not there yet.',
    },
    role: { enum: ['voter', 'learner'], description: 'Whether databases may count on its vote.' },
    addresses: whole({ http: NULLABLE_TEXT, postgres: NULLABLE_TEXT, peer: NULLABLE_TEXT }),
    connection: {
      enum: ['self', 'connected', 'connecting', 'unreachable', 'none'],
      description: 'As seen from the member that answers.',
    },
    incarnation: {
      ...NULLABLE_NUMBER,
      description: 'Grows with each start; null while it is not connected.',
    },
    problem: { ...NULLABLE_TEXT, description: 'Why there is no connection to it.' },
  }),
  GroupState: whole({
    group: { type: 'integer', description: '0 is the catalog.' },
    database: { type: 'string' },
    leader: { ...NULLABLE_NUMBER, description: 'Null during an election.' },
    preferredLeader: { ...NULLABLE_NUMBER, description: 'The member that leads when all is well.' },
    term: { type: 'integer' },
    role: {
      enum: ['leader', 'candidate', 'follower', 'learner', 'none'],
      description: 'Of the replica on the member that answers.',
    },
    voters: MEMBER_NUMBERS,
    learners: MEMBER_NUMBERS,
    commitIndex: { type: 'integer', description: 'Entries up to it are committed, as far as is known here.' },
    appliedIndex: { type: 'integer', description: 'Entries up to it are applied here.' },
    isAsleep: { type: 'boolean', description: 'Nothing happens in it, so its members exchange nothing.' },
    failure: { ...NULLABLE_TEXT, description: 'Why the replica here can not be used.' },
    followers: {
      type: 'array',
      items: ref('FollowerState'),
      description: 'The other replicas; empty unless the replica here leads.',
    },
  }),
  FollowerState: whole({
    member: { type: 'integer' },
    state: { enum: ['probe', 'replicate', 'snapshot'] },
    matchIndex: { type: 'integer', description: 'It has the log up to here, durably.' },
    lagEntries: { type: 'integer', description: 'Entries that the leader has and it has not.' },
    isActive: { type: 'boolean', description: 'It answered lately.' },
  }),
  MemberNumber: whole({ member: { type: 'integer' } }),
  NewMember: {
    type: 'object',
    properties: {
      address: {
        type: 'string',
        description: 'HOST:PORT where it will listen for its peers: its --peer-listen or --peer-advertise.',
      },
      role: { enum: ['voter', 'learner'], default: 'voter' },
    },
    required: ['address'],
    additionalProperties: false,
  },
  Transfer: {
    type: 'object',
    properties: {
      database: { ...NULLABLE_TEXT, description: 'Null or left away: all databases.' },
      from: { ...NULLABLE_NUMBER, description: 'Only what this member leads. Null: whoever leads.' },
      to: { ...NULLABLE_NUMBER, description: 'Null: the best of the others.' },
    },
    additionalProperties: false,
  },
  Transferred: whole({
    transferred: { type: 'integer', description: 'How many databases changed leaders.' },
  }),
}

const STATE_EXAMPLE = {
  cluster: '6f1c0e5b9d2a4b37',
  member: 1,
  members: [
    {
      member: 1,
      name: 'member-1',
      status: 'active',
      role: 'voter',
      addresses: { http: '10.0.0.1:8080', postgres: '10.0.0.1:5433', peer: '10.0.0.1:7400' },
      connection: 'self',
      incarnation: 3,
      problem: null,
    },
  ],
  groups: [
    {
      group: 1,
      database: 'default',
      leader: 1,
      preferredLeader: 1,
      term: 4,
      role: 'leader',
      voters: [1, 2, 3],
      learners: [4],
      commitIndex: 1203,
      appliedIndex: 1203,
      isAsleep: false,
      failure: null,
      followers: [{ member: 2, state: 'replicate', matchIndex: 1203, lagEntries: 0, isActive: true }],
    },
  ],
}

const MEMBER_PARAMETER = {
  name: 'member',
  in: 'path',
  required: true,
  schema: { type: 'integer' },
  example: 3,
}

const NUMBER_EXAMPLE = { one: { value: { member: 3 } } }

export const CLUSTER_PATHS: Paths = {
  '/v1/cluster': {
    get: {
      operationId: 'cluster',
      summary: 'The cluster as this member sees it: members, groups, leaders, terms, indexes',
      tags: ['Cluster'],
      parameters: [
        {
          name: 'database',
          in: 'query',
          schema: { type: 'string' },
          description: "Only this database's group. A token that opens some databases shows only those.",
        },
      ],
      responses: {
        200: jsonResponse('Its state.', ref('ClusterState'), { one: { value: STATE_EXAMPLE } }),
        ...errorResponse(401),
      },
    },
  },
  '/v1/cluster/members': {
    post: {
      operationId: 'addMember',
      summary: 'Give a number to the member that will join from an address',
      tags: ['Cluster'],
      requestBody: jsonBody(ref('NewMember'), {
        one: { value: { address: '10.0.0.5:7400', role: 'learner' } },
      }),
      responses: {
        201: jsonResponse('Start it now with --join.', ref('MemberNumber'), NUMBER_EXAMPLE),
        ...errorResponse(400, 401, 403, 409, 503),
      },
    },
  },
  '/v1/cluster/members/{member}': {
    parameters: [MEMBER_PARAMETER],
    delete: {
      operationId: 'removeMember',
      summary: 'Remove a member for good: its number, its votes, its replicas',
      tags: ['Cluster'],
      responses: {
        200: jsonResponse('It is removed.', ref('MemberNumber'), NUMBER_EXAMPLE),
        ...errorResponse(400, 401, 403, 404, 409, 503),
      },
    },
  },
  '/v1/cluster/members/{member}/promote': {
    parameters: [MEMBER_PARAMETER],
    post: {
      operationId: 'promoteMember',
      summary: 'Let a learner of the cluster vote',
      tags: ['Cluster'],
      responses: {
        200: jsonResponse('It may vote.', ref('MemberNumber'), NUMBER_EXAMPLE),
        ...errorResponse(400, 401, 403, 404, 409, 503),
      },
    },
  },
  '/v1/cluster/transfer': {
    post: {
      operationId: 'transferLeadership',
      summary: 'Hand leadership of one database, or of all that a member leads, to another member',
      tags: ['Cluster'],
      requestBody: jsonBody(ref('Transfer'), {
        one: { value: { database: 'default', to: 2 } },
        drain: { value: { from: 3 } },
      }),
      responses: {
        200: jsonResponse('It is done.', ref('Transferred'), { one: { value: { transferred: 1 } } }),
        ...errorResponse(400, 401, 403, 404, 409, 503),
      },
    },
  },
}
