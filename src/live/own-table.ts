/**
 * What is asked of nf_tables: a table of our own that switches the kernel's trace on, marks where hooks begin and
 * end and drops what would be delivered, so that nothing in the namespace answers; and which rules stand where.
 *
 * Source: include/uapi/linux/netfilter/nf_tables.h.
 */

import type { Hook } from '../model/netfilter.ts';
import type { Family } from '../net/address.ts';
import {
  attribute,
  be32,
  concat,
  host32,
  message,
  nested,
  type ReceivedMessage,
  readAttributes,
  readText,
  requestFlag,
  text,
} from './netlink.ts';

/** The name of our own table. */
export const ownTable = 'fwsim_live';

/** nf_tables among netfilter's subsystems; message types are counted within it. */
export const nftablesMessage = {
  newTable: 0xa00,
  newChain: 0xa03,
  newRule: 0xa06,
  getRule: 0xa07,
  trace: 0xa11,
} as const;

/** Address families of netfilter. */
const netfilterFamily: Readonly<Record<Family | 'inet', number>> = { inet: 1, ipv4: 2, ipv6: 10 };

const hookNumbers: readonly (readonly [hook: Hook, number: number])[] = [
  ['PREROUTING', 0],
  ['INPUT', 1],
  ['FORWARD', 2],
  ['OUTPUT', 3],
  ['POSTROUTING', 4],
];

/** Behind defragmentation and in front of raw; behind all tables of iptables. */
const firstPriority = -350;
const lastPriority = 400;
const veryLast = 0x7fffffff;

const meta = { mark: 3, nftrace: 12 } as const;
const drop = 0;
const accept = 1;

function expression(name: string, data: readonly Uint8Array[]): Uint8Array {
  return nested(1, [attribute(1, text(name)), nested(2, data)]);
}

/** Sets a property of the packet, by way of register 1. */
function setMeta(key: number, value: Uint8Array): readonly Uint8Array[] {
  return [
    expression('immediate', [attribute(1, be32(1)), nested(2, [attribute(1, value)])]),
    expression('meta', [attribute(2, be32(key)), attribute(3, be32(1))]),
  ];
}

/** What our own table does besides. */
export interface OwnTableOptions {
  /** Mark that packets get before all rules as they arrive; 0: none. */
  readonly arrivalMark: number;
  /** Something besides the rules asks for connection tracking. */
  readonly tracksAlways: boolean;
}

/** The messages that make the table, as one batch; the last of them is acknowledged. */
export function makeOwnTable({ arrivalMark, tracksAlways }: OwnTableOptions): Uint8Array {
  const family = netfilterFamily.inet;
  const parts: Uint8Array[] = [];
  const add = (type: number, attributes: readonly Uint8Array[], flags = 0): void => {
    parts.push(
      message({ type, flags: requestFlag.create | flags, family, sequence: parts.length }, attributes),
    );
  };
  const chain = (name: string, hook: number, priority: number, policy: number): void => {
    const place = nested(4, [attribute(1, be32(hook)), attribute(2, be32(priority))]);
    const head = [attribute(1, text(ownTable)), attribute(3, text(name))];
    add(nftablesMessage.newChain, [...head, place, attribute(5, be32(policy)), attribute(7, text('filter'))]);
    const expressions = [
      ...(tracksAlways && name === 'deliver'
        ? [expression('ct', [attribute(1, be32(1)), attribute(2, be32(0))])]
        : []),
      ...(name === 'pre_PREROUTING' && arrivalMark !== 0 ? setMeta(meta.mark, host32(arrivalMark)) : []),
      ...setMeta(meta.nftrace, Uint8Array.of(1)),
    ];
    const rule = [attribute(1, text(ownTable)), attribute(2, text(name)), nested(4, expressions)];
    add(nftablesMessage.newRule, rule, requestFlag.append);
  };
  parts.push(message({ type: 0x10, flags: 0, family: 0, resource: 10, sequence: 0 }, []));
  add(nftablesMessage.newTable, [attribute(1, text(ownTable))]);
  for (const [hook, number] of hookNumbers) {
    chain(`pre_${hook}`, number, firstPriority, accept);
    chain(`post_${hook}`, number, lastPriority, accept);
  }
  chain('deliver', 1, veryLast, drop);
  parts.push(
    message(
      { type: 0x11, flags: requestFlag.acknowledge, family: 0, resource: 10, sequence: parts.length },
      [],
    ),
  );
  return concat(parts);
}

/** Asks for all rules of a family. */
export function askForRules(family: Family): Uint8Array {
  return message(
    { type: nftablesMessage.getRule, flags: requestFlag.dump, family: netfilterFamily[family], sequence: 1 },
    [],
  );
}

/** The number of each rule in its chain, from 1, by {@link ruleKey}. */
export function ruleNumbers(messages: readonly ReceivedMessage[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const numbers = new Map<string, number>();
  for (const { type, body } of messages) {
    if (type !== nftablesMessage.newRule) continue;
    const found = readAttributes(body.subarray(4));
    const place = `${readText(found.get(1))}/${readText(found.get(2))}`;
    const count = (counts.get(place) ?? 0) + 1;
    counts.set(place, count);
    numbers.set(ruleKey(place, found.get(3)), count);
  }
  return numbers;
}

/** A rule by its place and its handle as it comes. */
export function ruleKey(place: string, handle: Uint8Array | undefined): string {
  return `${place}#${handle?.join('.') ?? ''}`;
}
