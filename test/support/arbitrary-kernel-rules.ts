/** Rules for random cases: matches and targets by tables and chains, with the addresses and names of the machine. */

import fc from 'fast-check';
import type { DrawnHost } from './arbitrary-kernel-hosts.ts';
import { extensionTables, isUserChain } from './extension-tables.ts';

/** A number that stands for a choice; the first choices are the plainest, so that shrinking leads to them. */
export const choice = fc.nat({ max: 9999 });

export function chosen<T>(list: readonly T[], n: number): T {
  return list[n % list.length] as T;
}

export interface RuleDraw {
  readonly table: number;
  readonly chain: number;
  /** Instead of all the rest: a line of the extensions' tables. */
  readonly line: number | undefined;
  readonly src: number | undefined;
  readonly dst: number | undefined;
  readonly device: number | undefined;
  readonly protocol: number | undefined;
  readonly negated: number;
  readonly matches: readonly (readonly [match: number, a: number, b: number, negated: boolean])[];
  readonly target: readonly [target: number, a: number, b: number];
}

const seldom = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 1 });

export const arbitraryRuleDraw: fc.Arbitrary<RuleDraw> = fc.record({
  table: choice,
  chain: choice,
  line: fc.option(choice, { nil: undefined, freq: 1 }).chain((n) => fc.constantFrom(undefined, undefined, n)),
  src: seldom(choice),
  dst: seldom(choice),
  device: seldom(choice),
  protocol: seldom(choice),
  negated: fc.nat(31),
  matches: fc.array(fc.tuple(choice, choice, choice, fc.boolean()), { maxLength: 2 }),
  target: fc.tuple(choice, choice, choice),
});

export interface RuleContext {
  readonly family: 4 | 6;
  readonly drawn: DrawnHost;
}

export interface TextRule {
  readonly table: string;
  readonly chain: string;
  readonly text: string;
}

/** Chains of users by table: which built-in chains jump to them decides what may stand in them. */
export const userChains: Readonly<Record<string, readonly string[]>> = {
  filter: ['web', 'LOGDROP', 'allow'],
  nat: ['DOCKER', 'out-nat'],
  mangle: ['marks', 'svc'],
  raw: ['early'],
  security: ['labels'],
};

export const hooks: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'POSTROUTING', 'OUTPUT', 'INPUT'],
  mangle: ['PREROUTING', 'FORWARD', 'POSTROUTING', 'INPUT', 'OUTPUT'],
  raw: ['PREROUTING', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

const tables = [
  ...Array(7).fill('filter'),
  ...Array(5).fill('nat'),
  ...Array(5).fill('mangle'),
  'raw',
  'raw',
  'security',
];

export const ports = [80, 22, 53, 443, 8080, 25, 123, 1024, 5432, 40000, 65535, 1, 500, 33434] as const;

function address(c: RuleContext, n: number): string {
  const { own, near, far, odd } = c.drawn;
  const all = [...near.flat(), ...own, ...far, ...own, ...near.flat(), ...odd];
  const one = chosen(all, n);
  const wide = c.family === 4 ? [32, 24, 16, 8, 31, 30] : [128, 64, 48, 32, 127, 120];
  return `${one}/${chosen(wide, Math.floor(n / all.length))}`;
}

function single(c: RuleContext, n: number): string {
  return address(c, n).split('/')[0] ?? '';
}

function device(c: RuleContext, n: number): string {
  return chosen([...c.drawn.host.interfaces.map((i) => i.name), 'lo', 'eth+', 'nope0', 'wg+'], n);
}

const masks = ['', '/0xff', '/0xf0', '/0x1', '/0xffff0000'];
const marks = ['0x1', '0x2', '0x10', '0x0', '0xff', '0x8000'];
const mark = (a: number, b: number): string => `${chosen(marks, a)}${chosen(masks, b)}`;
const not = (negated: boolean): string => (negated ? '! ' : '');
const states = [
  'ESTABLISHED',
  'NEW',
  'RELATED,ESTABLISHED',
  'INVALID',
  'RELATED',
  'UNTRACKED',
  'DNAT',
  'SNAT',
];

interface Part {
  readonly text: string;
  /** Protocol that the rule needs. */
  readonly protocol?: string;
}

type MatchMaker = (c: RuleContext, a: number, b: number, negated: boolean, place: Place) => Part | undefined;

interface Place {
  readonly table: string;
  readonly chain: string;
  readonly builtIn: boolean;
}

const plain =
  (make: (a: number, b: number, n: string, c: RuleContext) => string): MatchMaker =>
  (c, a, b, negated) => ({ text: make(a, b, not(negated), c) });

const range = (a: number, b: number): string => {
  const [low = 0, high = 0] = [chosen(ports, a), chosen(ports, b)].sort((x, y) => x - y);
  return a % 3 === 0 || low === high ? String(low) : `${low}:${high}`;
};

const ported: MatchMaker = (_c, a, b, negated) => {
  const protocol = chosen(['tcp', 'udp', 'tcp', 'sctp', 'udp'], b);
  const option = a % 3 === 2 ? '--sport' : '--dport';
  return { text: `-m ${protocol} ${not(negated)}${option} ${range(a, b)}`, protocol };
};

const icmp: MatchMaker = (c, a, b, negated) => {
  const types =
    c.family === 4
      ? ['8', '0', '3', '3/1', '3/3', '11', 'any', '5', '13', '255']
      : ['128', '129', '1', '1/4', '2', '3', '135'];
  return c.family === 4
    ? { text: `-m icmp ${not(negated)}--icmp-type ${chosen(types, a + b)}`, protocol: 'icmp' }
    : { text: `-m icmp6 ${not(negated)}--icmpv6-type ${chosen(types, a + b)}`, protocol: 'ipv6-icmp' };
};

const inChains =
  (chains: readonly string[], make: MatchMaker): MatchMaker =>
  (c, a, b, negated, place) =>
    chains.includes(place.chain) ? make(c, a, b, negated, place) : undefined;

const matchMakers: readonly MatchMaker[] = [
  plain((a, b, n) => `-m conntrack ${n}--ctstate ${chosen(states, a + b)}`),
  ported,
  icmp,
  plain((a, b, n) => `-m mark ${n}--mark ${mark(a, b)}`),
  ported,
  (_c, a, b, negated) => {
    const protocol = chosen(['tcp', 'udp', 'sctp', 'udplite'], b);
    const option = chosen(['--dports', '--sports', '--ports'], a);
    return { text: `-m multiport ${not(negated)}${option} ${range(b, a)},${chosen(ports, a + 3)}`, protocol };
  },
  plain((a, b, n) => `-m connmark ${n}--mark ${mark(a, b)}`),
  (_c, a, b, negated) => {
    const flags = ['SYN', 'SYN,ACK', 'ACK', 'FIN', 'RST', 'NONE', 'ALL', 'PSH'];
    const seen = chosen(['FIN,SYN,RST,ACK', 'SYN,ACK', 'ALL', 'FIN,RST'], b);
    return { text: `-m tcp ${not(negated)}--tcp-flags ${seen} ${chosen(flags, a)}`, protocol: 'tcp' };
  },
  plain((a, b) => `-m conntrack --ctdir ${chosen(['ORIGINAL', 'REPLY'], a + b)}`),
  plain((a, b, n) => {
    const all = ['SEEN_REPLY', 'ASSURED', 'CONFIRMED', 'EXPECTED', 'NONE', 'SEEN_REPLY,ASSURED'];
    return `-m conntrack ${n}--ctstatus ${chosen(all, a + b)}`;
  }),
  plain((a, b, n, c) => {
    const option = chosen(['--ctorigsrc', '--ctorigdst', '--ctreplsrc', '--ctrepldst'], b);
    return `-m conntrack ${n}${option} ${address(c, a)}`;
  }),
  (_c, a, b, negated) => {
    const option = chosen(['--ctorigdstport', '--ctorigsrcport', '--ctreplsrcport', '--ctrepldstport'], b);
    return { text: `-m conntrack ${not(negated)}--ctproto tcp ${not(negated)}${option} ${range(a, b)}` };
  },
  plain((a, b, n) => `-m conntrack ${n}--ctexpire ${a % 60}:${600000 + b}`),
  plain((a, b, n, c) =>
    c.family === 4
      ? `-m ttl ${chosen(['--ttl-eq', '--ttl-gt', '--ttl-lt'], a)} ${chosen([64, 63, 1, 128, 2], b)}`
      : `-m hl ${n === '' ? chosen(['--hl-eq', '--hl-gt', '--hl-lt'], a) : '--hl-eq'} ${chosen([64, 63, 1], b)}`,
  ),
  plain((a, b, n) => `-m tos ${n}--tos ${chosen(['0x10', '0xb8', '0x0', '0x10/0x3f', '0x3/0x3'], a + b)}`),
  plain((a, b, n) => `-m dscp ${n}--dscp ${chosen(['0x2e', '0x00', '0x04'], a + b)}`),
  plain(
    (a, b, n) => `-m length ${n}--length ${chosen(['40', '0:39', '41:60', '29:100', '61:', '52'], a + b)}`,
  ),
  plain((a, b) => `-m limit --limit 1/${chosen(['hour', 'day'], a)} --limit-burst ${1 + (b % 4)}`),
  plain((a, b, _n, c) => {
    const how = chosen(['--hashlimit-upto', '--hashlimit-above'], a);
    const mode = chosen(['srcip', 'srcip,dstport', 'dstip', 'srcip,srcport,dstip,dstport'], b);
    const mask = c.family === 4 ? '24' : '64';
    const width = mode.startsWith('srcip') && a % 5 === 0 ? ` --hashlimit-srcmask ${mask}` : '';
    return `-m hashlimit ${how} 1/hour --hashlimit-burst ${1 + (b % 3)} --hashlimit-mode ${mode}${width} --hashlimit-name h${a}`;
  }),
  plain((a, b, n) => {
    const how = chosen(['--set', '--rcheck', '--update', '--remove', '--rcheck --hitcount 2'], a);
    const negated = how.includes('hitcount') ? '' : n;
    return `-m recent ${negated}${how} --name r${b % 2} ${chosen(['--rsource', '--rdest'], b)}`;
  }),
  plain((a, b, n) => `-m statistic --mode nth ${n}--every ${2 + (a % 3)} --packet ${b % 2}`),
  plain((a, b, n) => `-m quota ${n}--quota ${60 + ((a + b) % 200)}`),
  plain((a, b, n) => {
    const direction = chosen(['original', 'reply', 'both'], b);
    const mode = chosen(['packets', 'bytes', 'avgpkt'], a);
    return `-m connbytes ${n}--connbytes ${chosen(['2:3', '0:1', '2', '50:200'], a + b)} --connbytes-mode ${mode} --connbytes-dir ${direction}`;
  }),
  plain((a, b, _n, c) => {
    const how = chosen(['--connlimit-above', '--connlimit-upto'], a);
    const mask = chosen(c.family === 4 ? [32, 24, 0] : [128, 64, 0], b);
    return `-m connlimit ${how} ${1 + (a % 2)} --connlimit-mask ${mask} ${chosen(['--connlimit-saddr', '--connlimit-daddr'], b)}`;
  }),
  inChains(
    ['OUTPUT', 'POSTROUTING'],
    plain(
      (a, b, n) =>
        `-m owner ${n}${chosen(['--uid-owner 0', '--uid-owner 1000', '--gid-owner 0', '--uid-owner 1-1000'], a + b)}`,
    ),
  ),
  plain((a, b, n) => {
    const side = chosen(['--dst-type', '--src-type'], b);
    return `-m addrtype ${n}${side} ${chosen(['LOCAL', 'UNICAST', 'BROADCAST', 'MULTICAST', 'UNSPEC'], a)}`;
  }),
  plain((a, b, n) => `-m pkttype ${n}--pkt-type ${chosen(['unicast', 'broadcast', 'multicast'], a + b)}`),
  inChains(
    ['PREROUTING', 'INPUT', 'FORWARD'],
    plain(
      (a, b, n) => `-m mac ${n}--mac-source ${chosen(['02:ee:00:00:00:01', '02:ee:00:00:00:02'], a + b)}`,
    ),
  ),
  plain((a, b, n, c) => {
    const side = chosen(['--src-range', '--dst-range'], b);
    const one = single(c, a);
    return `-m iprange ${n}${side} ${one}-${one}`;
  }),
  plain((a, b, n) => `-m set ${n}--match-set ${chosen(['hosts', 'nets'], a)} ${chosen(['src', 'dst'], b)}`),
  plain((a, b, n) => `-m set ${n}--match-set services ${chosen(['dst,dst', 'src,src', 'src,dst'], a + b)}`),
  plain((a, b, n) => `-m set ${n}--match-set ports ${chosen(['dst', 'src'], a + b)}`),
  (_c, a, b, negated) => ({
    text: `-m tcpmss ${not(negated)}--mss ${chosen(['1460', '0:536', '1000:1500'], a + b)}`,
    protocol: 'tcp',
  }),
  plain((a, b, n) => {
    const test = ['0>>22&0x3C@0&0xffff=0x50', '6&0xFF=0x6', '0&0xFFFF=0x28', '12=0xc6336407', '8>>24=0:63'];
    return `-m u32 ${n}--u32 "${chosen(test, a + b)}"`;
  }),
  plain(
    (a, b, n) =>
      `-m string --algo ${chosen(['bm', 'kmp'], a)} ${n}--string "${chosen(['GET ', 'aa', 'zz'], b)}"`,
  ),
  plain((a, b, n) => `-m state ${n}--state ${chosen(['NEW', 'ESTABLISHED', 'INVALID', 'UNTRACKED'], a + b)}`),
  (c, a, b, negated, place) =>
    place.chain === 'PREROUTING' && ['raw', 'mangle'].includes(place.table)
      ? {
          text: `-m rpfilter${chosen(['', ' --loose', ' --validmark', ' --accept-local'], a + b)}${negated ? ' --invert' : ''}`,
        }
      : ported(c, a, b, negated, place),
  plain((a, b, n) => `-m ecn ${n}--ecn-ip-ect ${(a + b) % 4}`),
  plain((a, b) => `-m comment --comment "c${a}${b}"`),
  plain((a, _b, n) => `-m connlabel ${n}--label ${a % 4}`),
  plain((a, b, n) => `-m helper ${n}--helper ${chosen(['ftp', 'sip'], a + b)}`),
];

type TargetMaker = (c: RuleContext, a: number, b: number) => Part;

const of =
  (...texts: readonly string[]): TargetMaker =>
  (_c, a, b) => ({ text: `-j ${chosen(texts, a + b)}` });

const anywhere: readonly TargetMaker[] = [
  of('ACCEPT'),
  of('DROP'),
  (_c, a, b) => ({
    text: `-j MARK ${chosen(['--set-mark', '--set-xmark', '--or-mark', '--and-mark', '--xor-mark'], a).replace(/--(or|and|xor)-mark/, '--$1-mark')} ${a % 5 < 2 ? mark(a, b) : chosen(marks, b)}`,
  }),
  of('RETURN'),
  of('LOG', 'NFLOG --nflog-group 3', ''),
  (_c, a, b) => ({
    text: `-j CONNMARK ${chosen([`--set-xmark ${mark(b, a)}`, '--save-mark', '--restore-mark', '--restore-mark --nfmask 0xff --ctmask 0xff', '--save-mark --nfmask 0x1 --ctmask 0xff'], a)}`,
  }),
  (_c, a, b) => ({
    text: `-j SET ${chosen(['--add-set', '--del-set'], a)} hosts ${chosen(['src', 'dst'], b)}`,
  }),
];

const rejects = {
  4: [
    '',
    ' --reject-with icmp-host-prohibited',
    ' --reject-with icmp-net-unreachable',
    ' --reject-with icmp-admin-prohibited',
  ],
  6: [
    '',
    ' --reject-with icmp6-adm-prohibited',
    ' --reject-with icmp6-no-route',
    ' --reject-with icmp6-addr-unreachable',
  ],
} as const;

const reject: TargetMaker = (c, a, b) =>
  a % 3 === 0
    ? { text: '-j REJECT --reject-with tcp-reset', protocol: 'tcp' }
    : { text: `-j REJECT${chosen(rejects[c.family], b)}` };

const bracket = (c: RuleContext, text: string): string => (c.family === 6 ? `[${text}]` : text);

const portRange = (a: number): string => chosen(['80', '8080-8083', '1024-1025', '22'], a);
/** Where the source is changed, the kernel draws from a range by lot. */
const onePort = (a: number): string => chosen(['8080', '1024', '80'], a);

const dnat: TargetMaker = (c, a, b) => {
  const to = single(c, b);
  if (a % 3 === 0) return { text: `-j DNAT --to-destination ${to}` };
  const protocol = chosen(['tcp', 'udp'], a);
  const keeps = a % 7 === 0 ? ' --persistent' : '';
  return { text: `-j DNAT --to-destination ${bracket(c, to)}:${portRange(a + b)}${keeps}`, protocol };
};

const snat: TargetMaker = (c, a, b) => {
  const to = chosen(a % 4 === 3 ? c.drawn.far : c.drawn.own, b);
  if (a % 3 !== 0) return { text: `-j SNAT --to-source ${to}` };
  return {
    text: `-j SNAT --to-source ${bracket(c, to)}:${onePort(a + b)}`,
    protocol: chosen(['tcp', 'udp'], a),
  };
};

const masquerade: TargetMaker = (_c, a, b) =>
  a % 4 === 3
    ? { text: `-j MASQUERADE --to-ports ${onePort(b)}`, protocol: chosen(['tcp', 'udp'], b) }
    : { text: '-j MASQUERADE' };

const redirect: TargetMaker = (_c, a, b) =>
  a % 3 === 0
    ? { text: '-j REDIRECT' }
    : { text: `-j REDIRECT --to-ports ${portRange(b)}`, protocol: chosen(['tcp', 'udp'], a) };

const netmap: TargetMaker = (c, a, b) => {
  const wide = c.family === 4 ? 24 : 64;
  return { text: `-j NETMAP --to ${single(c, a + b)}/${wide}` };
};

const ttl: TargetMaker = (c, a, b) => {
  const how = chosen(['set', 'dec', 'inc'], a);
  const value = how === 'set' ? chosen([64, 1, 2, 200], b) : 1 + (b % 2);
  return { text: c.family === 4 ? `-j TTL --ttl-${how} ${value}` : `-j HL --hl-${how} ${value}` };
};

function targetsOf(place: Place): readonly TargetMaker[] {
  const { table, chain } = place;
  const [accept = reject, , ...harmless] = anywhere;
  if (table === 'nat') {
    const into = chain === 'PREROUTING' || chain === 'OUTPUT' || chain === 'DOCKER';
    if (into) return [dnat, dnat, redirect, netmap, accept, ...harmless];
    if (chain === 'INPUT') return [snat, accept, ...harmless];
    return [masquerade, snat, masquerade, snat, netmap, accept, ...harmless];
  }
  if (table === 'filter') return [...anywhere, reject, reject];
  if (table === 'mangle')
    return [
      ...anywhere,
      ttl,
      of('TOS --set-tos 0x10/0xff', 'DSCP --set-dscp 0x2e', 'TOS --set-tos 0x0/0xff', 'TOS --xor-tos 0x8'),
      (_c, a, b) => ({
        text: `-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss ${chosen([536, 1000, 1400], a + b)}`,
        protocol: 'skip',
      }),
      of('CLASSIFY --set-class 1:2', 'CHECKSUM --checksum-fill'),
    ];
  if (table === 'raw')
    return [
      of('CT --notrack', 'CT --notrack', 'CT --zone 3', 'CT --zone-orig 2', 'NOTRACK', 'CT --ctevents new'),
      ...anywhere,
    ];
  return anywhere;
}

/** Extensions whose answer is up to chance, to clocks or to what is not described. */
const unfit =
  /random|statistic|\btime\b|-m set|SET|bpf|cgroup|cpu|nfacct|rateest|RATEEST|ipvs|TEE|IDLETIMER|LED|NFQUEUE|SYNPROXY|CLUSTERIP|TRACE|account|osf|helper|HMARK|AUDIT|SECMARK|limit|-m socket|realm|--timeout|ctevents|DCCP|dccp|cluster|QUEUE/;

interface Line extends TextRule {
  readonly family: 4 | 6;
}

let knownLines: readonly Line[] | undefined;

function tableLines(): readonly Line[] {
  knownLines ??= extensionTables()
    .flatMap((t) => t.cases)
    .filter(
      (c) => c.expected !== undefined && c.expected !== '' && c.unverified === undefined && !isUserChain(c),
    )
    .filter((c) => !unfit.test(c.rule))
    .map((c) => ({
      family: c.family === 'ipv4' ? (4 as const) : (6 as const),
      table: c.table,
      chain: c.chain,
      text: c.rule,
    }));
  return knownLines;
}

/** The text of a drawn rule. */
export function ruleText(draw: RuleDraw, c: RuleContext): TextRule {
  if (draw.line !== undefined) {
    const lines = tableLines().filter((l) => l.family === c.family);
    const { table, chain, text } = chosen(lines, draw.line * 7919 + draw.chain);
    return { table, chain, text: `-A ${chain} ${text}` };
  }
  const table = chosen(tables, draw.table);
  const own = userChains[table] ?? [];
  const builtIn = hooks[table] ?? [];
  const chain = chosen([...builtIn, ...builtIn, ...own], draw.chain);
  const place: Place = { table, chain, builtIn: builtIn.includes(chain) };
  const words: string[] = [];
  const bit = (n: number): string => ((draw.negated >> n) & 1 && draw.negated > 15 ? '! ' : '');
  if (draw.src !== undefined) words.push(`${bit(0)}-s ${address(c, draw.src)}`);
  if (draw.dst !== undefined) words.push(`${bit(1)}-d ${address(c, draw.dst)}`);
  if (draw.device !== undefined) {
    const sides =
      chain === 'PREROUTING' || chain === 'INPUT'
        ? ['-i']
        : chain === 'OUTPUT' || chain === 'POSTROUTING'
          ? ['-o']
          : ['-i', '-o'];
    words.push(`${bit(2)}${chosen(sides, draw.device)} ${device(c, Math.floor(draw.device / 2))}`);
  }
  const made: Part[] = [];
  for (const [n, a, b, negated] of draw.matches) {
    const part = chosen(matchMakers, n)(c, a, b, negated, place);
    const fits =
      part?.protocol === undefined || made.every((m) => !m.protocol || m.protocol === part.protocol);
    if (part && fits) made.push(part);
  }
  const target = targetOf(draw, place, c);
  let protocol = made.find((m) => m.protocol !== undefined)?.protocol;
  if (target.protocol !== undefined && target.protocol !== 'skip') {
    // The matches give way where the target wants another protocol.
    if (protocol !== undefined && protocol !== target.protocol) made.splice(0);
    protocol = target.protocol;
  }
  if (target.protocol === 'skip') {
    made.splice(0);
    protocol = undefined;
  }
  if (protocol !== undefined) words.push(`-p ${protocol}`);
  else if (draw.protocol !== undefined && target.protocol !== 'skip') {
    const all = c.family === 4 ? ['tcp', 'udp', 'icmp', 'gre', 'esp'] : ['tcp', 'udp', 'ipv6-icmp', 'esp'];
    words.push(`${bit(3)}-p ${chosen(all, draw.protocol)}`);
  }
  words.push(...made.map((m) => m.text));
  if (target.text !== '-j ') words.push(target.text);
  return { table, chain, text: `-A ${chain} ${words.join(' ')}`.trimEnd() };
}

function targetOf(draw: RuleDraw, place: Place, c: RuleContext): Part {
  const [n, a, b] = draw.target;
  const own = userChains[place.table] ?? [];
  // Chains call only those after them, so that there are no loops.
  const below = own.slice(own.indexOf(place.chain) + 1);
  const callable =
    place.table !== 'nat'
      ? below
      : place.chain === 'PREROUTING' || place.chain === 'OUTPUT'
        ? ['DOCKER']
        : place.chain === 'POSTROUTING'
          ? ['out-nat']
          : [];
  if (n % 4 === 3 && callable.length > 0)
    return { text: `${a % 5 === 4 ? '-g' : '-j'} ${chosen(callable, b)}` };
  return chosen(targetsOf(place), n)(c, a, b);
}
