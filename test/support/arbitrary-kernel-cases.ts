/** Random cases for the kernel: a machine, a ruleset over all tables, packets drawn along it, and conversations. */

import fc from 'fast-check';
import { type DrawnHost, hostAt } from './arbitrary-kernel-hosts.ts';
import { type FreshDraw, freshDraw, freshPackets, hintsOf } from './arbitrary-kernel-packets.ts';
import {
  arbitraryRuleDraw,
  choice,
  chosen,
  hooks,
  type RuleDraw,
  ruleText,
  type TextRule,
  userChains,
} from './arbitrary-kernel-rules.ts';
import {
  type Conversation,
  type FollowDraw,
  followDraw,
  followPacket,
  openTalk,
} from './arbitrary-kernel-talks.ts';
import type { RecordJob, RecordPacket } from './kernel-record.ts';

type PacketDraw = FreshDraw | FollowDraw;

interface CaseDraw {
  readonly family: 4 | 6;
  readonly host: number;
  readonly forwards: boolean;
  readonly settings: readonly number[];
  readonly policies: readonly number[];
  readonly rules: readonly RuleDraw[];
  readonly packets: readonly PacketDraw[];
}

/** What a case must have: its family, and rules that stand in front of all others of their chains. */
export interface Steering {
  readonly family: 4 | 6;
  readonly rules: readonly TextRule[];
}

const caseDraw: fc.Arbitrary<CaseDraw> = fc.record({
  family: fc.constantFrom(4 as const, 4 as const, 6 as const),
  host: choice,
  forwards: fc.constantFrom(true, true, true, false),
  settings: fc.array(choice, { maxLength: 2 }),
  policies: fc.array(choice, { maxLength: 2 }),
  rules: fc.array(arbitraryRuleDraw, { minLength: 1, maxLength: 16, size: 'max' }),
  packets: fc.array(fc.oneof(freshDraw, freshDraw, followDraw, followDraw), {
    minLength: 1,
    maxLength: 16,
    size: 'max',
  }),
});

const { floor } = Math;

/** Sets that rules may name. */
function ipsetsOf(family: 4 | 6, drawn: DrawnHost): string {
  const kind = family === 4 ? 'inet' : 'inet6';
  const one = drawn.near.flat();
  const net = family === 4 ? '198.51.100.0/24' : '2001:db8:ffff::/48';
  return [
    `create hosts hash:ip family ${kind}`,
    ...one.slice(0, 2).map((a) => `add hosts ${a}`),
    `create nets hash:net family ${kind}`,
    `add nets ${net}`,
    `create services hash:ip,port family ${kind}`,
    ...one.slice(0, 2).map((a) => `add services ${a},tcp:80`),
    ...one.slice(0, 1).map((a) => `add services ${a},udp:53`),
    'create ports bitmap:port range 0-65535',
    'add ports 80',
    'add ports 22',
    '',
  ].join('\n');
}

function packetsOf(d: CaseDraw, drawn: DrawnHost, ruleset: string): readonly RecordPacket[] {
  const hints = hintsOf(ruleset, d.family);
  const out: RecordPacket[] = [];
  const talks: Conversation[] = [];
  for (const p of d.packets) {
    if (p.kind === 'fresh') {
      for (const packet of freshPackets(p, d.family, drawn, hints, out.length)) {
        if (packet.l4_raw === undefined) talks.push(openTalk(out.length, packet));
        out.push(packet);
      }
    } else {
      const packet = followPacket(p, talks, d.family, drawn, out.length);
      if (packet) out.push(packet);
    }
  }
  return out;
}

function rulesetOf(d: CaseDraw, drawn: DrawnHost, first: readonly TextRule[]): string {
  const rules = [...first, ...d.rules.map((draw) => ruleText(draw, { family: d.family, drawn }))];
  // IPv6 has a header of its own for what IPv4 calls TTL, and so on: some lines are for one family only.
  const names = [...new Set(rules.map((r) => r.table))];
  const text: string[] = [];
  for (const table of names) {
    text.push(`*${table}`);
    for (const chain of hooks[table] ?? []) {
      const drops = d.policies.some(
        (p) => p % 7 === names.indexOf(table) && chosen(hooks[table] ?? [], floor(p / 7)) === chain,
      );
      text.push(`:${chain} ${drops ? 'DROP' : 'ACCEPT'} [0:0]`);
    }
    for (const chain of userChains[table] ?? []) text.push(`:${chain} - [0:0]`);
    for (const rule of rules) if (rule.table === table) text.push(rule.text);
    text.push('COMMIT');
  }
  return `${text.join('\n')}\n`;
}

function jobOf(d: CaseDraw, first: readonly TextRule[] = []): RecordJob {
  const drawn = hostAt(d.family, d.host, d.forwards, d.settings);
  const ruleset = rulesetOf(d, drawn, first);
  return {
    id: 'drawn',
    title: 'drawn',
    family: d.family,
    ruleset,
    ...(ruleset.includes(' -m set ') || ruleset.includes(' SET --')
      ? { ipsets: ipsetsOf(d.family, drawn) }
      : {}),
    host: drawn.host,
    packets: packetsOf(d, drawn, ruleset),
  };
}

/** Random cases; shrinking takes away rules, packets, options and settings. */
export const arbitraryKernelCase: fc.Arbitrary<RecordJob> = caseDraw.map((d) => jobOf(d));

/** The same with some rules given. */
export function steeredKernelCase({ family, rules }: Steering): fc.Arbitrary<RecordJob> {
  return caseDraw.map((d) => jobOf({ ...d, family }, rules));
}
