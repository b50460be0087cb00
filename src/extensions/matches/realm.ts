import { parseUnsigned } from '../../net/integer-text.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, type OptionType, refuse, tri } from '../define.ts';
import { type MaskedValue, maskedText } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** The routing realm that is wanted. */
export interface RealmData extends MaskedValue {
  readonly negated: boolean;
}

/** The one name that /etc/iproute2/rt_realms has from the start; its number is printed as the name. */
const zeroName = 'cosmos';
const all = 0xffffffff;

const realmOption: OptionType<MaskedValue> = {
  arity: 1,
  placeholder: 'value[/mask]',
  shape: {
    kind: 'sequence',
    parts: [
      { kind: 'integer', min: 0, max: all, hex: true },
      '/',
      { kind: 'integer', min: 0, max: all, hex: true },
    ],
  },
  parse(words, context) {
    const text = words[0] ?? '';
    if (text === zeroName) return { value: 0, mask: all };
    const start = /^\s*\+?(0[xX][0-9a-fA-F]+|\d+)(?=\/|$)/.exec(text)?.[0];
    const value = start === undefined ? undefined : parseUnsigned(start, all);
    if (start === undefined || value === undefined) {
      return refuse(
        'unknown-name',
        `realm: could not map name ${text} to an integer value for option "${context.option}".`,
        {
          word: context.option,
          option: context.option,
          hint: 'names of realms are looked up when the rule is loaded: write the number',
        },
      );
    }
    const masks = text.slice(start.length + 1).split('/');
    const mask = text.length === start.length ? all : parseUnsigned(masks[0] ?? '', all);
    if (mask === undefined)
      return refuse(
        'bad-value',
        `realm: bad integer value for option "${context.option}", or out of range.`,
        {
          word: context.option,
          option: context.option,
        },
      );
    return masks.length > 1
      ? refuse('bad-value', `realm: trailing garbage after value for option "${context.option}".`, {
          word: context.option,
          option: context.option,
        })
      : { value, mask };
  },
};

const realmText = (d: MaskedValue): string => (d.value === 0 && d.mask === all ? zeroName : maskedText(d));

/** Routing realm of the packet's route, under a mask. */
export const realm = defineMatch({
  name: 'realm',
  families: ['ipv4'],
  options: { realm: { type: realmOption, required: true, invertible: true } },
  constraints: { hooks: ['INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] },
  needs: ['routes'],
  bind: (o): RealmData => ({ ...o.realm.value, negated: o.realm.negated }),
  print: (d) => [option('realm', realmText(d), d.negated)],
  compile: (d) => (packet, env) => {
    const actual = env.fib.realm(packet);
    if (actual === undefined)
      return env.ask('realm', d.negated ? ['matching', 'other'] : ['other', 'matching']);
    return tri((actual & d.mask) >>> 0 === d.value, d.negated);
  },
  packets: (d, space) =>
    complementIf(
      d.negated,
      space,
      space.choice({ kind: 'pure', key: `realm ${maskedText(d)}`, reads: ['src', 'dst', 'mark', 'tos'] }),
    ),
  docs: {
    summary: 'Routing realm of the route that the packet takes.',
    man: 'iptables-extensions(8) realm',
    kernel: 'net/netfilter/xt_realm.c realm_mt()',
  },
});
