/**
 * What SET targets change in an ipset, and which members their timeouts have taken out.
 *
 * Source: net/netfilter/ipset/ip_set_timeout.h, net/netfilter/xt_set.c set_target_v3().
 */

import type { IpSet, IpSetMember } from '../model/machine.ts';

/** Changes that SET targets made to a set since it was read: by element, null where it was deleted. Plain data. */
export type SetChanges = Readonly<Record<string, ChangedMember | null>>;

/** A member that a SET target added. */
export interface ChangedMember extends IpSetMember {
  /** When it times out; absent: never, or no clock is kept. */
  readonly expiresMs?: number;
}

/** The time now, and the time from which the timeouts of members that were read count. */
export interface SetClock {
  readonly nowMs: number;
  readonly sinceMs: number;
}

/** Whether the member's time is over. Zero seconds mean: for good. */
export function isOver(member: ChangedMember, clock: SetClock | undefined): boolean {
  if (!clock) return false;
  if (member.expiresMs !== undefined) return clock.nowMs > member.expiresMs;
  const seconds = member.timeoutSeconds;
  return seconds !== undefined && seconds > 0 && clock.nowMs > clock.sinceMs + seconds * 1000;
}

/** The members of a list:set now. */
export function listMembers(set: IpSet, changes: SetChanges): readonly IpSetMember[] {
  const kept = set.members.filter((m) => !Object.hasOwn(changes, m.text));
  return [...kept, ...Object.values(changes).flatMap((m) => m ?? [])];
}

/**
 * Adds an element (`timeoutSeconds` undefined: the set's default) or deletes it; the old changes stay as they are. An
 * element that is there already keeps its time, unless `exist` is said.
 */
export function changeSet(
  set: IpSet,
  changes: SetChanges,
  operation: 'add' | 'del',
  element: string,
  timeoutSeconds?: number,
  clock?: SetClock,
  exist = true,
): SetChanges {
  const fallback = set.options['timeout'];
  const seconds = timeoutSeconds ?? (fallback === undefined ? undefined : Number(fallback));
  if (operation === 'add' && !exist && clock && fallback !== undefined) {
    const known = Object.hasOwn(changes, element)
      ? changes[element]
      : set.members.find((m) => m.text === element);
    if (known && !isOver(known, clock)) return changes;
  }
  return {
    ...changes,
    [element]:
      operation === 'del'
        ? null
        : {
            text: element,
            timeoutSeconds: seconds,
            ...(clock && seconds ? { expiresMs: clock.nowMs + seconds * 1000 } : {}),
            nomatch: false,
            skbmark: undefined,
            packets: Object.hasOwn(set.options, 'counters') ? 0 : undefined,
            bytes: Object.hasOwn(set.options, 'counters') ? 0 : undefined,
            comment: undefined,
          },
  };
}
