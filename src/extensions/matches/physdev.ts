import {
  type InterfacePattern,
  interfaceMatches,
  interfaceNameMax,
  interfacePattern,
  interfacePatternText,
} from '../../net/interface-pattern.ts';
import {
  type BoundOption,
  defineMatch,
  NO,
  type OptionType,
  type Refusal,
  refuse,
  tri,
  YES,
} from '../define.ts';
import { flag, utf8Length } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

interface Negatable {
  readonly negated: boolean;
}

/** Conditions on the bridge ports of a packet; all must hold. */
export interface PhysdevData {
  readonly isIn: Negatable | undefined;
  readonly inPort: ({ readonly pattern: InterfacePattern } & Negatable) | undefined;
  readonly isOut: Negatable | undefined;
  readonly outPort: ({ readonly pattern: InterfacePattern } & Negatable) | undefined;
  readonly isBridged: Negatable | undefined;
}

const portOption: OptionType<InterfacePattern> = {
  arity: 1,
  placeholder: 'name[+]',
  shape: { kind: 'name', maxBytes: interfaceNameMax },
  parse(words, context) {
    const text = words[0] ?? '';
    if (utf8Length(text) > interfaceNameMax) {
      return refuse(
        'interface-name-too-long',
        `interface name \`${text}' must be shorter than IFNAMSIZ (${interfaceNameMax})`,
        { word: text, option: context.option },
      );
    }
    return interfacePattern(text);
  },
};

const port = (o: BoundOption<InterfacePattern> | undefined) => o && { pattern: o.value, negated: o.negated };
/** The empty name is compared under an empty mask: it is every port's. */
const portMatches = (pattern: InterfacePattern, name: string): boolean =>
  pattern.name === '' || interfaceMatches(pattern, name);
const given = (o: BoundOption<true> | undefined) => o && { negated: o.negated };

function printPort(name: string, c: PhysdevData['inPort'], keepMeaning: boolean): readonly string[] {
  if (!c) return [];
  const text = interfacePatternText(c.pattern);
  const word = keepMeaning && (text === '' || /[\s"'\\]/.test(text)) ? saveString(text) : text;
  return [`${c.negated ? '! ' : ''}--${name} ${word}`];
}

/** All conditions as text, to name the choice by. */
const allConditions = (d: PhysdevData): string =>
  [
    ...(d.isIn ? [option('physdev-is-in', '', d.isIn.negated)] : []),
    ...printPort('physdev-in', d.inPort, false),
    ...(d.isOut ? [option('physdev-is-out', '', d.isOut.negated)] : []),
    ...printPort('physdev-out', d.outPort, false),
    ...(d.isBridged ? [option('physdev-is-bridged', '', d.isBridged.negated)] : []),
  ].join(' ');

/** Bridge ports of packets that br_netfilter hands to iptables. Other packets meet negated conditions only. */
export const physdev = defineMatch({
  name: 'physdev',
  families: ['ipv4', 'ipv6'],
  options: {
    'physdev-in': { type: portOption, invertible: true },
    'physdev-out': { type: portOption, invertible: true },
    'physdev-is-bridged': { type: flag, invertible: true },
    'physdev-is-in': { type: flag, invertible: true },
    'physdev-is-out': { type: flag, invertible: true },
  },
  constraints: {},
  needs: ['interfaces'],
  bind: (o, context): PhysdevData | Refusal => {
    const data: PhysdevData = {
      isIn: given(o['physdev-is-in']),
      inPort: port(o['physdev-in']),
      isOut: given(o['physdev-is-out']),
      outPort: port(o['physdev-out']),
      isBridged: given(o['physdev-is-bridged']),
    };
    if (Object.values(data).every((c) => c === undefined))
      return refuse('missing-option', 'PHYSDEV: no physdev option specified');
    const at = data.outPort ? '--physdev-out' : '--physdev-is-out';
    return (data.outPort || data.isOut) && data.isBridged?.negated !== false && context.hook === 'OUTPUT'
      ? refuse(
          'wrong-hook',
          `physdev: ${at} works in FORWARD and POSTROUTING for bridged packets; in OUTPUT the kernel refuses it (Invalid argument)`,
          { option: at, hint: 'add --physdev-is-bridged, or use POSTROUTING' },
        )
      : data;
  },
  print: (d, { keepMeaning }) => [
    ...(d.isIn ? [option('physdev-is-in', '', d.isIn.negated)] : []),
    ...printPort('physdev-in', d.inPort, keepMeaning),
    ...(d.isOut ? [option('physdev-is-out', '', d.isOut.negated)] : []),
    ...printPort('physdev-out', d.outPort, keepMeaning),
    ...(d.isBridged ? [option('physdev-is-bridged', '', d.isBridged.negated)] : []),
  ],
  compile: (d) => {
    const { isIn, inPort, isOut, outPort, isBridged } = d;
    const notBridged = tri(
      Object.values(d).every((c: Negatable | undefined) => c === undefined || c.negated),
    );
    return (_packet, env) => {
      const { physIn, physOut } = env;
      if (physIn === undefined && physOut === undefined) return notBridged;
      if (isBridged && (physOut !== undefined) === isBridged.negated) return NO;
      if (isIn && (physIn !== undefined) === isIn.negated) return NO;
      if (isOut && (physOut !== undefined) === isOut.negated) return NO;
      // Without a port to compare, --physdev-in holds and --physdev-out does not, negated or not.
      if (inPort && physIn !== undefined && portMatches(inPort.pattern, physIn) === inPort.negated) return NO;
      if (!outPort) return YES;
      return physOut === undefined ? NO : tri(portMatches(outPort.pattern, physOut), outPort.negated);
    };
  },
  columns: () => [],
  packets: (d, space) => space.choice({ kind: 'pure', key: `physdev ${allConditions(d)}`, reads: [] }),
  docs: {
    summary: 'Bridge ports by which a bridged packet came in and goes out.',
    man: 'iptables-extensions(8) physdev',
    kernel: 'net/netfilter/xt_physdev.c physdev_mt()',
  },
});
