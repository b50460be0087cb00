import { complementIf, type PacketSet } from '../../packetset/space.ts';
import type { MatchEnv, OptionType } from '../define.ts';
import {
  type BoundOption,
  defineMatch,
  invertTri,
  NO,
  type Refusal,
  refuse,
  type Tri,
  tri,
  UNKNOWN,
  YES,
} from '../define.ts';
import { type MaskedValue, maskedText, readMaskedValue } from '../option-types.ts';
import { option } from '../printed-words.ts';

interface GroupCondition extends MaskedValue {
  readonly negated: boolean;
}

/** Groups wanted of the incoming and of the outgoing interface. */
export interface DevgroupData {
  readonly source: GroupCondition | undefined;
  readonly destination: GroupCondition | undefined;
}

const allBits = 0xffffffff;

/** A number under a mask, or the one name that every machine knows: `default` for 0. */
const group: OptionType<MaskedValue> = {
  arity: 1,
  placeholder: 'name|value[/mask]',
  shape: {
    kind: 'sequence',
    parts: [
      { kind: 'integer', min: 0, max: allBits, hex: true },
      '/',
      { kind: 'integer', min: 0, max: allBits, hex: true },
    ],
  },
  parse(words, context) {
    const text = words[0] ?? '';
    if (text === 'default') return { value: 0, mask: allBits };
    const head = text.split('/')[0] ?? '';
    const number = /^\s*\+?(0x[0-9a-f]+|\d+)$/i.test(head) && Number(head) <= allBits;
    if (number && !/^\s*\+?0\d*[89]/.test(head)) return readMaskedValue(text, context);
    return refuse(
      'unknown-name',
      `devgroup: could not map name ${text} to an integer value for option "${context.option}"`,
      {
        word: context.option,
        option: context.option,
        hint: 'names stand in /etc/iproute2/group, which is not read: write the number',
      },
    );
  },
};

const condition = (o: BoundOption<MaskedValue> | undefined): GroupCondition | undefined =>
  o && { ...o.value, negated: o.negated };

const groupText = (c: GroupCondition): string =>
  c.value === 0 && c.mask === allBits ? 'default' : maskedText(c);

function judge(c: GroupCondition, device: string | undefined, env: MatchEnv): Tri {
  if (device === undefined) return NO;
  const number = env.fib.deviceGroup(device);
  const hit =
    number === undefined
      ? env.ask(`devgroup:${device}:${groupText(c)}`, ['no', 'yes'])
      : tri(((number ^ c.value) & c.mask) === 0);
  return c.negated ? invertTri(hit) : hit;
}

/** Group of the incoming or outgoing interface. */
export const devgroup = defineMatch({
  name: 'devgroup',
  families: ['ipv4', 'ipv6'],
  options: {
    'src-group': { type: group, invertible: true },
    'dst-group': { type: group, invertible: true },
  },
  constraints: {},
  needs: ['interfaces'],
  bind: (o): DevgroupData | Refusal =>
    o['src-group'] || o['dst-group']
      ? { source: condition(o['src-group']), destination: condition(o['dst-group']) }
      : refuse('missing-option', "devgroup match: You must specify either '--src-group' or '--dst-group'"),
  check: (d, { hook, chain }) => {
    if (d.source && (hook === 'OUTPUT' || hook === 'POSTROUTING')) {
      return refuse(
        'interface-in-wrong-hook',
        `devgroup: ${chain} has no incoming interface (Invalid argument)`,
        {
          word: '--src-group',
          option: '--src-group',
        },
      );
    }
    if (d.destination && (hook === 'PREROUTING' || hook === 'INPUT')) {
      return refuse(
        'interface-in-wrong-hook',
        `devgroup: ${chain} has no outgoing interface (Invalid argument)`,
        {
          word: '--dst-group',
          option: '--dst-group',
        },
      );
    }
    return undefined;
  },
  print: (d) => [
    ...(d.source ? [option('src-group', groupText(d.source), d.source.negated)] : []),
    ...(d.destination ? [option('dst-group', groupText(d.destination), d.destination.negated)] : []),
  ],
  compile: (d) => {
    const { source, destination } = d;
    return (_packet, env) => {
      const first = source ? judge(source, env.inInterface, env) : YES;
      if (first === NO || !destination) return first;
      const second = judge(destination, env.outInterface, env);
      return second === NO ? NO : first === UNKNOWN ? UNKNOWN : second;
    };
  },
  packets: (d, space) => {
    const side = (c: GroupCondition | undefined, direction: 'in' | 'out'): PacketSet =>
      c
        ? complementIf(
            c.negated,
            space,
            space.choice({ kind: 'pure', key: `devgroup ${direction} ${groupText(c)}`, reads: [] }),
          )
        : space.all;
    return space.and(side(d.source, 'in'), side(d.destination, 'out'));
  },
  docs: {
    summary: 'Group of the incoming or outgoing interface.',
    man: 'iptables-extensions(8) devgroup',
    kernel: 'net/netfilter/xt_devgroup.c devgroup_mt()',
  },
});
