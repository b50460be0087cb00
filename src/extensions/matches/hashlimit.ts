import type { Packet } from '../../model/packet.ts';
import { addressBits, maskAddress, prefixMask } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, type MatchEnv, type OptionType, type Refusal, refuse, tri } from '../define.ts';
import { integer } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';
import { printRate, readRate } from '../rate.ts';

/** Cost units in a second of packet mode (XT_HASHLIMIT_SCALE_v2). */
const scale = 1_000_000;
/** Bytes are counted in steps of 16 (XT_HASHLIMIT_BYTE_SHIFT). */
const byteShift = 4;
const gcIntervalDefaultMs = 1000;

const modeWords = ['srcip', 'srcport', 'dstip', 'dstport'] as const;
type ModeWord = (typeof modeWords)[number];

/** The conditions of one `-m hashlimit`, as data; what was not given is undefined. */
export interface HashlimitData {
  readonly name: string;
  /** `above`: matches what exceeds the rate; else what stays within. */
  readonly above: boolean;
  /** What one packet costs (`packets`, in millionths of a second), or what 16 bytes cost (`bytes`). */
  readonly unit: 'packets' | 'bytes';
  readonly cost: number;
  /** Packets of burst; in byte mode the multiple of the rate, 0: none given. */
  readonly burst: number;
  /** Parts of the packet that make the key, in the order in which they print. */
  readonly mode: readonly ModeWord[];
  readonly sourceMaskLength: number;
  readonly destinationMaskLength: number;
  readonly tableSize: number;
  readonly tableMax: number;
  readonly gcIntervalMs: number;
  readonly expireMs: number;
  readonly rateMatch: boolean;
  readonly rateIntervalSeconds: number;
}

interface HashlimitRate {
  readonly unit: 'packets' | 'bytes';
  readonly cost: number;
  readonly unitSeconds: number;
}

const bytesToCost = (bytes: number): number =>
  Math.floor(0xffffffff / (Math.floor(bytes / 2 ** byteShift) + 1));
const costToBytes = (cost: number): number =>
  (cost === 0 ? 0xffffffff : Math.floor(0xffffffff / cost) - 1) * 2 ** byteShift;

const byteUnits = [
  ['m', 1024 * 1024],
  ['k', 1024],
  ['', 1],
] as const;

const rateOption: OptionType<HashlimitRate> = {
  arity: 1,
  placeholder: 'avg[/unit]',
  shape: {
    kind: 'sequence',
    parts: [
      { kind: 'integer', min: 1, max: 10000 },
      '/',
      { kind: 'words', values: ['sec', 'min', 'hour', 'day'] },
    ],
  },
  parse(words, context) {
    const text = words[0] ?? '';
    const bytes = /^(\d{1,15})(mb|kb|b)(\/s(ec(ond)?)?)?$/i.exec(text);
    if (bytes) {
      const factor = { mb: 1024 * 1024, kb: 1024, b: 1 }[
        (bytes[2] ?? 'b').toLowerCase() as 'mb' | 'kb' | 'b'
      ];
      const amount = Number(bytes[1]) * factor;
      if (amount > 0xffffffff)
        return refuse('rate-too-fast', `Rate value too large "${text}"`, {
          word: text,
          option: context.option,
        });
      return { unit: 'bytes', cost: bytesToCost(amount), unitSeconds: 1 };
    }
    const rate = readRate(text, scale, context.option);
    if (rate === undefined) {
      return refuse('bad-value', `hashlimit: bad value for option "${context.option}", or out of range`, {
        word: text,
        option: context.option,
      });
    }
    return 'refusal' in rate ? rate : { unit: 'packets', ...rate };
  },
};

/** Burst: packets, or bytes with a unit (`10mb`). Byte bursts are kept as a multiple of the rate. */
const burstOption: OptionType<{ readonly value: number; readonly bytes: boolean }> = {
  arity: 1,
  placeholder: 'number',
  shape: { kind: 'integer', min: 1, max: 10000 },
  parse(words, context) {
    const text = words[0] ?? '';
    const m = /^(\d{1,15})(mb|kb|b)?$/i.exec(text);
    const factor = { mb: 1024 * 1024, kb: 1024, b: 1, '': 1 }[
      (m?.[2] ?? '').toLowerCase() as 'mb' | 'kb' | 'b' | ''
    ];
    const value = m ? Number(m[1]) * factor : 0;
    if (value < 1) {
      return refuse(
        'bad-value',
        `hashlimit: bad value for option "${context.option}", or out of range (1-1000000)`,
        { word: context.option, option: context.option },
      );
    }
    return { value, bytes: m?.[2] !== undefined };
  },
};

const modeOption: OptionType<readonly ModeWord[]> = {
  arity: 1,
  placeholder: 'srcip|srcport|dstip|dstport[,…]',
  shape: { kind: 'list', of: { kind: 'words', values: modeWords }, separator: ',', max: 4 },
  parse(words, context) {
    const given = (words[0] ?? '').split(',');
    const unknown = given.find((w) => !modeWords.some((m) => m === w.toLowerCase()));
    if (unknown !== undefined) {
      return refuse('bad-value', `hashlimit: bad value for option "${context.option}"`, {
        word: unknown === '' ? context.option : unknown,
        option: context.option,
      });
    }
    return modeWords.filter((m) => given.some((w) => w.toLowerCase() === m));
  },
};

const nameOption: OptionType<string> = {
  arity: 1,
  placeholder: 'name',
  shape: { kind: 'name', maxBytes: 15 },
  parse(words, context) {
    const name = words[0] ?? '';
    return name.length >= 1 && name.length < 256
      ? name
      : refuse('bad-value', `hashlimit: bad value for option "${context.option}"`, {
          word: name === '' ? context.option : name,
          option: context.option,
        });
  },
};

/** One bucket: credit in cost units, and when it was last filled. Price and size are those of the rule that made it. */
interface Bucket {
  readonly cost: number;
  readonly cap: number;
  readonly credit: number;
  readonly atMs: number;
  readonly expiresMs: number;
}

type Buckets = Readonly<Record<string, Bucket>>;

/** proto_ports_offset(): where the protocol has its ports, or the SPI of ESP and AH. */
const portsAt: Readonly<Record<number, number>> = { 6: 0, 17: 0, 33: 0, 50: 0, 51: 4, 132: 0, 136: 0 };

/**
 * Both ports in one number: zero of protocols without them, undefined of what is too short for them. In a later fragment
 * of IPv4 its data stand where ports would be; of one of IPv6 the fragment header counts as the protocol.
 */
function portsOf({
  family,
  protocol,
  fragmentOffsetBytes,
  spi,
  sport,
  dport,
  layer4,
}: Packet): number | undefined {
  const at = portsAt[protocol];
  if (at === undefined || (fragmentOffsetBytes > 0 && family === 'ipv6')) return 0;
  if (layer4 !== undefined && layer4.length < 2 * (at + 4)) return undefined;
  if (spi !== undefined) return spi;
  if (sport !== undefined) return (sport << 16) | (dport ?? 0);
  return layer4 === undefined ? 0 : Number.parseInt(layer4.slice(2 * at, 2 * at + 8), 16) | 0;
}

/** Undefined: the match drops the packet. */
function bucketKey(d: HashlimitData, packet: Packet): string | undefined {
  const needsPorts = d.mode.includes('srcport') || d.mode.includes('dstport');
  const ports = needsPorts ? portsOf(packet) : 0;
  if (ports === undefined) return undefined;
  const parts: (string | number)[] = [];
  for (const word of d.mode) {
    if (word === 'srcip')
      parts.push(addressText(maskAddress(packet.src, prefixMask(packet.family, d.sourceMaskLength))));
    else if (word === 'dstip')
      parts.push(addressText(maskAddress(packet.dst, prefixMask(packet.family, d.destinationMaskLength))));
    else if (word === 'srcport') parts.push(ports >>> 16);
    else parts.push(ports & 0xffff);
  }
  return parts.join(' ');
}

const tableOf = (d: HashlimitData, env: MatchEnv): string => `hashlimit:${env.family}:${d.name}`;

/** The table is the first rule's: its key, rate, burst and time. The rule's own are `above`, and what it counts. */
function judge(rule: HashlimitData, packet: Packet, env: MatchEnv, nowMs: number): 0 | 1 | 2 {
  const d = (env.firstUse?.('hashlimit', rule.name) as HashlimitData | undefined) ?? rule;
  const key = bucketKey(d, packet);
  if (key === undefined) return env.hotDrop();
  const slot = tableOf(d, env);
  const buckets = (env.readState(slot) as Buckets | undefined) ?? {};
  const known = buckets[key];
  const old = known && known.expiresMs > nowMs ? known : undefined;
  const cost = old?.cost ?? d.cost;
  const cap = old?.cap ?? (d.unit === 'packets' ? d.cost * d.burst : Math.max(d.burst, 1) * 0xffffffff);
  const perMs = d.unit === 'packets' ? scale / 1000 : 0xffffffff / 1000;
  const credit = old ? Math.min(cap, old.credit + (nowMs - old.atMs) * perMs) : cap;
  const price = rule.unit === 'packets' ? cost : cost * ((packet.lengthBytes >> byteShift) + 1);
  const within = credit >= price;
  const bucket: Bucket = {
    cost,
    cap,
    credit: within ? credit - price : credit,
    atMs: nowMs,
    expiresMs: nowMs + d.expireMs,
  };
  env.writeState(slot, { ...buckets, [key]: bucket });
  return tri(within, rule.above);
}

/** A rate for each source, destination or port, in a table that rules share by name. */
export const hashlimit = defineMatch({
  name: 'hashlimit',
  families: ['ipv4', 'ipv6'],
  options: {
    'hashlimit-upto': {
      type: rateOption,
      aliases: ['hashlimit'],
      invertible: true,
      excludes: ['hashlimit-above'],
    },
    'hashlimit-above': { type: rateOption, invertible: true, excludes: ['hashlimit-upto'] },
    'hashlimit-burst': { type: burstOption },
    'hashlimit-mode': { type: modeOption },
    'hashlimit-name': { type: nameOption, required: true },
    'hashlimit-htable-size': { type: integer(0, 0xffffffff) },
    'hashlimit-htable-max': { type: integer(0, 0xffffffff) },
    'hashlimit-htable-gcinterval': { type: integer(0, 0xffffffff) },
    'hashlimit-htable-expire': { type: integer(0, 0xffffffff) },
    'hashlimit-srcmask': { type: integer(0, 128) },
    'hashlimit-dstmask': { type: integer(0, 128) },
    'hashlimit-rate-match': {
      type: { arity: 0, placeholder: '', shape: { kind: 'nothing' }, parse: () => true as const },
    },
    'hashlimit-rate-interval': { type: integer(1, 0xffffffff), requires: ['hashlimit-rate-match'] },
  },
  constraints: {},
  needs: ['clock'],
  bind: (o, context): HashlimitData | Refusal => {
    const rate = o['hashlimit-upto'] ?? o['hashlimit-above'];
    if (!rate)
      return refuse('missing-option', 'You have to specify --hashlimit', {
        hint: '--hashlimit-upto RATE or --hashlimit-above RATE',
      });
    const { unit, cost, unitSeconds } = rate.value;
    const burst = o['hashlimit-burst']?.value;
    if (burst && burst.bytes !== (unit === 'bytes')) {
      return refuse(
        'bad-value',
        unit === 'bytes'
          ? 'burst must be greater than zero and in bytes, as the rate is'
          : 'burst cannot be in bytes where the rate is in packets',
        {
          word: '--hashlimit-burst',
          option: '--hashlimit-burst',
        },
      );
    }
    const full = addressBits(context.family);
    const maskOf = (name: 'hashlimit-srcmask' | 'hashlimit-dstmask') => o[name]?.value ?? full;
    for (const name of ['hashlimit-srcmask', 'hashlimit-dstmask'] as const) {
      if (maskOf(name) > full) {
        return refuse(
          'bad-value',
          `hashlimit: bad value for option "--${name}", or out of range (0-${full})`,
          { word: `--${name}`, option: `--${name}` },
        );
      }
    }
    return {
      name: o['hashlimit-name'].value,
      above: (o['hashlimit-above'] !== undefined) !== rate.negated,
      unit,
      cost,
      burst: burst
        ? unit === 'bytes'
          ? Math.ceil(burst.value / Math.max(1, costToBytes(cost)))
          : burst.value
        : unit === 'bytes'
          ? 0
          : 5,
      mode: o['hashlimit-mode']?.value ?? [],
      sourceMaskLength: maskOf('hashlimit-srcmask'),
      destinationMaskLength: maskOf('hashlimit-dstmask'),
      tableSize: o['hashlimit-htable-size']?.value ?? 0,
      tableMax: o['hashlimit-htable-max']?.value ?? 0,
      gcIntervalMs: o['hashlimit-htable-gcinterval']?.value ?? gcIntervalDefaultMs,
      expireMs: o['hashlimit-htable-expire']?.value ?? unitSeconds * 1000,
      rateMatch: o['hashlimit-rate-match'] !== undefined,
      rateIntervalSeconds: o['hashlimit-rate-interval']?.value ?? 1,
    };
  },
  print: (d, context) => {
    const full = addressBits(context.family);
    const out: string[] = [];
    const rateName = d.above ? 'hashlimit-above' : 'hashlimit-upto';
    let quantumMs: number;
    if (d.unit === 'bytes') {
      const bytes = costToBytes(d.cost);
      const [unit, size] =
        byteUnits.find(([, n]) => bytes >= n && bytesToCost(bytes - (bytes % n)) === d.cost) ?? byteUnits[2];
      out.push(option(rateName, `${Math.floor(bytes / size)}${unit}b/s`));
      if (d.burst > 0) {
        const total = bytes * d.burst;
        const [burstUnit, burstSize] = byteUnits.find(([, n]) => total >= n) ?? byteUnits[2];
        out.push(option('hashlimit-burst', `${Math.floor(total / burstSize)}${burstUnit}b`));
      }
      quantumMs = 1000;
    } else {
      const rate = printRate(d.cost, scale);
      out.push(option(rateName, rate.text), option('hashlimit-burst', String(d.burst)));
      quantumMs = rate.unitSeconds * 1000;
    }
    if (d.mode.length > 0) out.push(option('hashlimit-mode', d.mode.join(',')));
    out.push(option('hashlimit-name', /[\s"'\\]/.test(d.name) ? saveString(d.name) : d.name));
    if (d.tableSize !== 0) out.push(option('hashlimit-htable-size', String(d.tableSize)));
    if (d.tableMax !== 0) out.push(option('hashlimit-htable-max', String(d.tableMax)));
    if (d.gcIntervalMs !== gcIntervalDefaultMs)
      out.push(option('hashlimit-htable-gcinterval', String(d.gcIntervalMs)));
    if (d.expireMs !== quantumMs) out.push(option('hashlimit-htable-expire', String(d.expireMs)));
    if (d.sourceMaskLength !== full) out.push(option('hashlimit-srcmask', String(d.sourceMaskLength)));
    if (d.destinationMaskLength !== full)
      out.push(option('hashlimit-dstmask', String(d.destinationMaskLength)));
    if (d.rateMatch) {
      out.push(option('hashlimit-rate-match'));
      if (d.rateIntervalSeconds !== 1)
        out.push(option('hashlimit-rate-interval', String(d.rateIntervalSeconds)));
    }
    return out;
  },
  compile: (d) => (packet, env) => {
    if (env.timeMs !== undefined && !d.rateMatch) return judge(d, packet, env, env.timeMs);
    return d.above ? env.ask('limit', ['under', 'over']) : env.ask('limit', ['over', 'under']);
  },
  // Two rules with the same table share its buckets, but each look takes from them: no two looks agree by need.
  packets: (d, space) => complementIf(d.above, space, space.choice({ kind: 'rule' })),
  docs: {
    summary: 'A packet or byte rate for each source, destination or port.',
    man: 'iptables-extensions(8) hashlimit',
    kernel: 'net/netfilter/xt_hashlimit.c hashlimit_mt_common()',
  },
});
