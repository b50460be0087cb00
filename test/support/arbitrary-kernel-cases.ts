/** Random cases for the kernel: a machine, a ruleset over all tables, packets drawn along it, and conversations. */

import fc from 'fast-check';
import type { CasePacket } from '../../src/dev/conform-case.ts';
import { type DrawnHost, hostAt } from './arbitrary-kernel-hosts.ts';
import {
  arbitraryRuleDraw,
  choice,
  chosen,
  hooks,
  ports,
  type RuleDraw,
  ruleText,
  userChains,
} from './arbitrary-kernel-rules.ts';
import type { RecordJob, RecordPacket } from './kernel-record.ts';

interface FreshDraw {
  readonly kind: 'fresh';
  /** 0: sent by a process; otherwise the interface. */
  readonly from: number;
  readonly src: number;
  readonly dst: number;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  readonly flags: number;
  readonly ttl: number;
  readonly tos: number;
  readonly owner: number;
  readonly extra: number;
}

interface FollowDraw {
  readonly kind: 'follow';
  /** Which of the fresh packets before it. */
  readonly of: number;
  readonly step: number;
}

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

const freshDraw: fc.Arbitrary<FreshDraw> = fc.record({
  kind: fc.constant('fresh' as const),
  from: choice,
  src: choice,
  dst: choice,
  protocol: choice,
  sport: choice,
  dport: choice,
  flags: choice,
  ttl: choice,
  tos: choice,
  owner: choice,
  extra: choice,
});

const followDraw: fc.Arbitrary<FollowDraw> = fc.record({
  kind: fc.constant('follow' as const),
  of: choice,
  step: choice,
});

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

/** Numbers of a ruleset that may be ports, and the addresses in it. */
function hintsOf(ruleset: string): {
  readonly ports: readonly number[];
  readonly addresses: readonly string[];
} {
  const numbers = [...ruleset.matchAll(/(?:port|:|,)s? ?(\d{1,5})\b/g)]
    .map((m) => Number(m[1]))
    .filter((n) => n < 65536);
  const v4 = [...ruleset.matchAll(/\b\d+\.\d+\.\d+\.\d+\b/g)].map((m) => m[0]);
  const v6 = [...ruleset.matchAll(/(?<= |\[)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?=\/| |\]|\n|-)/g)].map(
    (m) => m[0],
  );
  return { ports: numbers, addresses: v4.length > 0 ? v4 : v6.filter((a) => a.includes('::')) };
}

const floor = Math.floor;

/** TCP as two sides speak it: what each has sent so far. */
interface Conversation {
  readonly at: number;
  readonly packet: CasePacket;
  next: [own: number, others: number];
  answered: boolean;
}

const data = '474554202f0d0a';

function freshPacket(
  d: FreshDraw,
  family: 4 | 6,
  drawn: DrawnHost,
  hints: ReturnType<typeof hintsOf>,
  index: number,
): CasePacket {
  const { interfaces } = drawn.host;
  const where = d.from % (interfaces.length + 2);
  const local = where === 1 || (where === 0 && d.from % 2 === 1);
  const arrives = local ? 0 : Math.max(0, where - 2) % interfaces.length;
  const port = (n: number): number =>
    n % 3 === 1 && hints.ports.length > 0 ? chosen(hints.ports, floor(n / 3)) : chosen(ports, floor(n / 3));
  const usable = local ? global : (addresses: readonly string[]) => addresses;
  const own = usable(drawn.own);
  const odd = usable(drawn.odd);
  const strange = hints.addresses.length > 0 ? usable(hints.addresses) : odd;
  const near = usable(drawn.near[arrives] ?? []);
  const outside = [...near, ...(arrives === 0 ? drawn.far : [])];
  const others = usable(drawn.near.filter((_, i) => i !== arrives).flat());
  const pick = (n: number, ...lists: readonly (readonly string[])[]): string => {
    const list = chosen(lists, n);
    return chosen(list.length > 0 ? list : outside, floor(n / lists.length));
  };
  const src = local
    ? pick(
        d.src,
        own,
        own,
        own,
        own,
        ['127.0.0.1'].map((a) => (family === 4 ? a : '::1')),
      )
    : pick(d.src, outside, outside, outside, outside, outside, outside, strange, odd, own);
  const dst = local
    ? pick(d.dst, near, drawn.far, others, own, drawn.far, strange, [family === 4 ? '127.0.0.1' : '::1'], odd)
    : pick(d.dst, own, own, others, others, drawn.far, strange, odd);
  const proto = chosen(
    ['tcp', 'udp', 'tcp', family === 4 ? 'icmp' : 'icmpv6', 'tcp', 'udp', 'sctp', 'udplite', '47', '50'],
    d.protocol,
  );
  const eth =
    local || !interfaces[arrives]
      ? { local: true, ...owner(d.owner) }
      : {
          iface: interfaces[arrives].name,
          eth_src: d.owner % 4 === 3 ? '02:ee:00:00:00:02' : '02:ee:00:00:00:01',
          eth_dst: linkAddress(dst, drawn, interfaces[arrives].mac, d.owner),
        };
  const base: CasePacket = {
    ...eth,
    src,
    dst,
    proto,
    ttl: chosen([64, 64, 64, 1, 2, 128, 255], d.ttl),
    tos: chosen([0, 0, 0, 0x10, 0xb8, 0x02], d.tos),
    ...(family === 4 ? { id: 4096 + 7 * index } : {}),
  };
  if (['47', '50'].includes(proto)) return { ...base, payload: '0000100100000001' };
  if (proto.startsWith('icmp')) {
    const types = family === 4 ? [8, 8, 8, 13, 0, 8, 3, 42] : [128, 128, 128, 129, 128, 1, 135, 200];
    const type = chosen(types, d.dport);
    return {
      ...base,
      icmp_type: type,
      icmp_code: 0,
      icmp_id: 7 + (d.sport % 3),
      icmp_seq: 1,
      ...(d.extra % 5 === 4 ? { payload: data } : {}),
    };
  }
  const withPorts = {
    ...base,
    sport: d.sport % 2 === 0 ? 40000 + (d.sport % 3) : port(d.sport),
    dport: port(d.dport),
  };
  const bad = d.extra % 31 === 30 ? { bad_checksum: true } : {};
  if (proto === 'tcp') {
    const flags = chosen(
      [
        ['SYN'],
        ['SYN'],
        ['SYN'],
        ['SYN'],
        ['ACK'],
        ['SYN'],
        ['RST'],
        ['SYN', 'ACK'],
        ['FIN', 'PSH', 'URG'],
        [],
      ],
      d.flags,
    );
    return {
      ...withPorts,
      tcp_flags: flags,
      ...(d.extra % 4 === 3 ? { mss: chosen([1460, 536, 1200], d.extra) } : {}),
      ...(d.extra % 7 === 6 ? { df: true } : {}),
      ...bad,
    };
  }
  if (proto === 'sctp') return withPorts;
  const wide = local || (interfaces[arrives]?.mtu ?? 1500) >= 1500;
  const size = wide && d.extra % 23 === 22 ? 1400 : d.extra % 4;
  return { ...withPorts, payload: '61'.repeat(size), ...(d.extra % 5 === 4 ? { df: true } : {}), ...bad };
}

/** Local senders would have to name an interface for link-local addresses. */
function global(addresses: readonly string[]): readonly string[] {
  return addresses.filter((a) => !a.startsWith('fe80'));
}

function owner(n: number): Partial<CasePacket> {
  return {
    ...(n % 3 === 2 ? { uid: 1000, gid: n % 2 === 0 ? 1000 : 0 } : {}),
    ...(n % 5 === 4 ? { mark: chosen([1, 2, 16], n) } : {}),
  };
}

/** The MAC address that the sender would take; sometimes another one. */
function linkAddress(dst: string, drawn: DrawnHost, own: string, n: number): string {
  if (n % 29 === 28) return 'ff:ff:ff:ff:ff:ff';
  if (n % 37 === 36) return '02:00:00:00:00:99';
  if (dst.startsWith('ff')) return `33:33:00:00:00:0${dst.slice(-1)}`;
  if (dst === '255.255.255.255' || (dst.endsWith('.255') && drawn.odd.includes(dst)))
    return 'ff:ff:ff:ff:ff:ff';
  const [first = 0, second = 0, third = 0, fourth = 0] = dst.split('.').map(Number);
  if (first < 224 || first > 239 || dst.includes(':')) return own;
  return ['01:00:5e', ...[second & 127, third, fourth].map((b) => b.toString(16).padStart(2, '0'))].join(':');
}

function followPacket(
  d: FollowDraw,
  talks: Conversation[],
  family: 4 | 6,
  index: number,
): RecordPacket | undefined {
  if (talks.length === 0) return undefined;
  const talk = talks[talks.length - 1 - (d.of % talks.length)] as Conversation;
  const { packet, at } = talk;
  const id = family === 4 ? { id: 4096 + 7 * index } : {};
  if (d.step % 11 === 10) return { error_about: at };
  if (packet.proto !== 'tcp') {
    if (d.step % 3 === 1) return { ...packet, ...id };
    const load = ['udp', 'udplite'].includes(packet.proto)
      ? { payload: '6161' }
      : ['47', '50'].includes(packet.proto) && d.step % 4 !== 3
        ? { payload: '0000200200000002' }
        : {};
    return { reply_to: at, ...load };
  }
  const [mine, others] = talk.next;
  const own = (fields: Partial<CasePacket>): RecordPacket => ({
    ...packet,
    ...id,
    seq: mine,
    ack: others,
    ...fields,
  });
  const reply = (fields: Partial<CasePacket>): RecordPacket => ({
    reply_to: at,
    seq: others,
    ack: mine,
    ...fields,
  });
  if (!talk.answered) {
    if (d.step % 5 === 4)
      return d.step % 2 === 0 ? { ...packet, ...id } : reply({ tcp_flags: ['RST', 'ACK'], seq: 0 });
    talk.answered = true;
    talk.next = [1001, 5001];
    return {
      reply_to: at,
      tcp_flags: ['SYN', 'ACK'],
      seq: 5000,
      ack: 1001,
      ...(d.step % 3 === 2 ? { mss: 1460 } : {}),
    };
  }
  const { mss: _, ...bare } = packet;
  const back = (fields: Partial<CasePacket>): RecordPacket => ({
    ...bare,
    ...id,
    seq: mine,
    ack: others,
    ...fields,
  });
  switch (d.step % 9) {
    case 0:
    case 1:
      return back({ tcp_flags: ['ACK'] });
    case 2:
      talk.next = [mine + data.length / 2, others];
      return back({ tcp_flags: ['PSH', 'ACK'], payload: data });
    case 3:
      talk.next = [mine, others + data.length / 2];
      return reply({ tcp_flags: ['PSH', 'ACK'], payload: data });
    case 4:
      talk.next = [mine + 1, others];
      return back({ tcp_flags: ['FIN', 'ACK'] });
    case 5:
      talk.next = [mine, others + 1];
      return reply({ tcp_flags: ['FIN', 'ACK'] });
    case 6:
      return d.of % 2 === 0 ? back({ tcp_flags: ['RST'] }) : reply({ tcp_flags: ['RST', 'ACK'] });
    case 7:
      return own({ tcp_flags: ['SYN'], seq: 1000 + (d.of % 2) * 900000, ack: 0 });
    default:
      return back({ tcp_flags: ['ACK'], seq: mine + 4_000_000 });
  }
}

function packetsOf(d: CaseDraw, drawn: DrawnHost, ruleset: string): readonly RecordPacket[] {
  const hints = hintsOf(ruleset);
  const out: RecordPacket[] = [];
  const talks: Conversation[] = [];
  for (const p of d.packets) {
    if (p.kind === 'fresh') {
      const packet = freshPacket(p, d.family, drawn, hints, out.length);
      talks.push({ at: out.length, packet, next: [1001, 5001], answered: false });
      out.push(packet);
    } else {
      const packet = followPacket(p, talks, d.family, out.length);
      if (packet) out.push(packet);
    }
  }
  return out;
}

function rulesetOf(d: CaseDraw, drawn: DrawnHost): string {
  const rules = d.rules.map((draw) => ruleText(draw, { family: d.family, drawn }));
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

function jobOf(d: CaseDraw): RecordJob {
  const drawn = hostAt(d.family, d.host, d.forwards, d.settings);
  const ruleset = rulesetOf(d, drawn);
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
export const arbitraryKernelCase: fc.Arbitrary<RecordJob> = caseDraw.map(jobOf);
