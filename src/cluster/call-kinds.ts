/** Numbers of all calls between members: one list, so that no two parts take the same. They never change their meaning. */

/** From whoever has the cluster secret, member or not (`visit-codec.ts`). */
export const VISIT_KINDS = {
  /** Who are you? */
  hello: 1,
  /** May I found the cluster, with you as my witness? */
  claim: 2,
  /** Give me a number in your cluster. */
  join: 3,
} as const

/** Between members: about membership (`member-calls.ts`). */
export const MEMBER_KINDS = {
  /** I have started, and these are my addresses. */
  announce: 16,
  /** Hand over the leadership of a group. */
  transfer: 17,
  /** An operator wants you to lead this group, whoever should: do not hand it back soon. */
  hold: 18,
} as const

/** 32 to 63 belong to `routing/`, 64 to 95 to groups: snapshots, healing. */
export const ROUTING_KIND_FIRST = 32
export const GROUP_KIND_FIRST = 64
export const GROUP_KIND_LAST = 95
