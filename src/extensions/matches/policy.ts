import { type Network, networkContains } from '../../net/address.ts';
import { networkTextShort } from '../../net/address-text.ts';
import { parseProtocol, protocolText } from '../../net/protocols.ts';
import {
  type BoundOption,
  defineMatch,
  type IpsecTransform,
  type OptionType,
  type Refusal,
  refuse,
  tri,
} from '../define.ts';
import { hostMask, hostMaskNetwork } from '../host-address.ts';
import { flag, hex, integer, oneOf } from '../option-types.ts';
import { option } from '../printed-words.ts';

interface Negatable<T> {
  readonly value: T;
  readonly negated: boolean;
}

/** Conditions on one transformation. */
export interface PolicyElement {
  readonly reqid: Negatable<number> | undefined;
  readonly spi: Negatable<number> | undefined;
  readonly protocol: Negatable<number> | undefined;
  readonly mode: Negatable<'transport' | 'tunnel'> | undefined;
  readonly tunnelDst: Negatable<Network> | undefined;
  readonly tunnelSrc: Negatable<Network> | undefined;
}

/** What IPsec must have done to the packet, or will have to. */
export interface PolicyData {
  readonly direction: 'in' | 'out';
  readonly policy: 'none' | 'ipsec';
  /** All transformations must fit, one element each; else the first element must fit one of them. */
  readonly strict: boolean;
  /** Empty for `none`, else one to four, in the order in which a sent packet is transformed. */
  readonly elements: readonly PolicyElement[];
}

const elementsMax = 4;

const protocolOption: OptionType<number> = {
  arity: 1,
  placeholder: 'ah|esp|ipcomp',
  shape: { kind: 'words', values: ['ah', 'esp', 'ipcomp'] },
  parse(words, context) {
    const word = words[0] ?? '';
    const value = word === word.toLowerCase() ? parseProtocol(word) : undefined;
    if (value === undefined)
      return refuse('bad-protocol', `unknown protocol "${word}" specified`, { word, option: context.option });
    return value === 50 || value === 51 || value === 108
      ? value
      : refuse('bad-protocol', 'policy match: protocol must be ah/esp/ipcomp', {
          word,
          option: context.option,
        });
  },
};

/** Options of an element, by their key in {@link PolicyElement}. */
const elementOptions = {
  reqid: 'reqid',
  spi: 'spi',
  protocol: 'proto',
  mode: 'mode',
  tunnelDst: 'tunnel-dst',
  tunnelSrc: 'tunnel-src',
} as const satisfies Record<keyof PolicyElement, string>;

const isEmpty = (e: PolicyElement): boolean => Object.values(e).every((c) => c === undefined);

function elementRefusal(e: PolicyElement): Refusal | undefined {
  const tunnel = e.mode && (e.mode.value === 'tunnel') !== e.mode.negated;
  return (e.tunnelDst || e.tunnelSrc) && !tunnel
    ? refuse('bad-combination', 'policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode', {
        option: e.tunnelSrc ? '--tunnel-src' : '--tunnel-dst',
        hint: 'add --mode tunnel in front',
      })
    : undefined;
}

/** Splits the options of all elements at `--next`. */
function readElements(
  nexts: readonly BoundOption<true>[],
  given: Readonly<Record<keyof PolicyElement, readonly BoundOption<unknown>[]>>,
): readonly PolicyElement[] | Refusal {
  if (nexts.length >= elementsMax)
    return refuse('too-many-elements', 'policy match: maximum policy depth reached', { option: '--next' });
  const elements: Partial<Record<keyof PolicyElement, Negatable<unknown>>>[] = [{}, ...nexts.map(() => ({}))];
  for (const [key, list] of Object.entries(given) as [
    keyof PolicyElement,
    readonly BoundOption<unknown>[],
  ][]) {
    for (const o of list) {
      const element = elements[nexts.filter((n) => n.position < o.position).length] ?? {};
      const name = elementOptions[key];
      if (element[key] !== undefined)
        return refuse('repeated-option', `policy match: double --${name} option`, {
          word: `--${name}`,
          option: `--${name}`,
        });
      element[key] = { value: o.value, negated: o.negated };
    }
  }
  return elements.map((e) => ({
    reqid: e.reqid as PolicyElement['reqid'],
    spi: e.spi as PolicyElement['spi'],
    protocol: e.protocol as PolicyElement['protocol'],
    mode: e.mode as PolicyElement['mode'],
    tunnelDst: e.tunnelDst as PolicyElement['tunnelDst'],
    tunnelSrc: e.tunnelSrc as PolicyElement['tunnelSrc'],
  }));
}

function printElement(e: PolicyElement): readonly string[] {
  const out: string[] = [];
  const add = <T>(
    key: keyof PolicyElement,
    c: Negatable<T> | undefined,
    text: (value: T) => string,
  ): void => {
    if (c) out.push(option(elementOptions[key], text(c.value), c.negated));
  };
  add('reqid', e.reqid, String);
  add('spi', e.spi, hex);
  add('protocol', e.protocol, protocolText);
  add('mode', e.mode, (mode) => mode);
  add('tunnelDst', e.tunnelDst, networkTextShort);
  add('tunnelSrc', e.tunnelSrc, networkTextShort);
  return out;
}

/** Undefined: the transformation is not known well enough. */
function elementMatches(e: PolicyElement, t: IpsecTransform): boolean | undefined {
  let known = true;
  const fails = <T, V>(
    c: Negatable<T> | undefined,
    actual: V | undefined,
    same: (want: T, is: V) => boolean,
  ) => {
    if (!c) return false;
    if (actual === undefined) {
      known = false;
      return false;
    }
    return same(c.value, actual) === c.negated;
  };
  const equal = (a: unknown, b: unknown): boolean => a === b;
  const inside = (want: Network, is: Network): boolean => networkContains(hostMaskNetwork(want), is.address);
  if (fails(e.protocol, t.protocol, equal) || fails(e.mode, t.mode, equal)) return false;
  if (fails(e.spi, t.spi, equal) || fails(e.reqid, t.reqid, equal)) return false;
  if (fails(e.tunnelDst, t.tunnelDst, inside) || fails(e.tunnelSrc, t.tunnelSrc, inside)) return false;
  return known ? true : undefined;
}

function transformsMatch(d: PolicyData, transforms: readonly IpsecTransform[]): boolean | undefined {
  if (d.strict && transforms.length !== d.elements.length) return false;
  let unknown = false;
  for (const [i, t] of transforms.entries()) {
    const element = d.elements[d.strict ? i : 0];
    const answer = element ? elementMatches(element, t) : false;
    if (answer === undefined) unknown = true;
    else if (answer !== d.strict) return answer;
  }
  return unknown ? undefined : d.strict;
}

/** IPsec: what was applied to the packet (`in`), or will be (`out`). */
export const policy = defineMatch({
  name: 'policy',
  families: ['ipv4', 'ipv6'],
  options: {
    dir: { type: oneOf(['in', 'out'], (word) => `policy_match: invalid dir "${word}"`) },
    pol: { type: oneOf(['none', 'ipsec'], (word) => `policy match: invalid policy "${word}"`) },
    strict: { type: flag },
    reqid: { type: integer(0, 0xffffffff), invertible: true, multiple: true },
    spi: { type: integer(0, 0xffffffff, { hex: true }), invertible: true, multiple: true },
    'tunnel-src': { type: hostMask, invertible: true, multiple: true },
    'tunnel-dst': { type: hostMask, invertible: true, multiple: true },
    proto: { type: protocolOption, invertible: true, multiple: true },
    mode: {
      type: oneOf(['transport', 'tunnel'], (word) => `policy match: invalid mode "${word}"`),
      invertible: true,
      multiple: true,
    },
    next: { type: flag, multiple: true, requires: ['strict'] },
  },
  constraints: {},
  needs: [],
  bind: (o): PolicyData | Refusal => {
    const elements = readElements(o.next, {
      reqid: o.reqid,
      spi: o.spi,
      protocol: o.proto,
      mode: o.mode,
      tunnelDst: o['tunnel-dst'],
      tunnelSrc: o['tunnel-src'],
    });
    if ('refusal' in elements) return elements;
    if (!o.dir)
      return refuse('missing-option', 'policy match: neither --dir in nor --dir out specified', {
        hint: '--dir in or --dir out',
      });
    const data: PolicyData = {
      direction: o.dir.value,
      policy: o.pol?.value ?? 'ipsec',
      strict: o.strict !== undefined,
      elements: o.pol?.value === 'none' ? [] : elements,
    };
    if (data.policy === 'none' && data.strict)
      return refuse('bad-combination', 'policy match: policy none but --strict given', {
        option: '--strict',
      });
    for (const [i, e] of data.elements.entries()) {
      if (data.strict && isEmpty(e)) {
        return refuse(
          'missing-option',
          `policy match: empty policy element ${i}. --strict is in effect, but at least one of reqid, spi, tunnel-src, tunnel-dst, proto or mode is required.`,
          { option: '--strict' },
        );
      }
      const refusal = elementRefusal(e);
      if (refusal) return refusal;
    }
    return data;
  },
  check: (data, { hook }) => {
    const wrong =
      data.direction === 'in'
        ? hook === 'OUTPUT' || hook === 'POSTROUTING'
        : hook === 'INPUT' || hook === 'PREROUTING';
    return wrong
      ? refuse(
          'wrong-hook',
          `policy: --dir ${data.direction} has no meaning in ${hook}; the kernel refuses it (Invalid argument)`,
          { word: data.direction, option: '--dir' },
        )
      : undefined;
  },
  print: (d) => {
    const out = [option('dir', d.direction), option('pol', d.policy)];
    if (d.strict) out.push(option('strict'));
    for (const [i, e] of d.elements.entries()) {
      if (i > 0) out.push(option('next'));
      out.push(...printElement(e));
    }
    return out;
  },
  compile: (d) => (_packet, env) => {
    const ipsec = d.direction === 'out' && 'ipsecOut' in env ? env.ipsecOut : env.ipsec;
    if (ipsec !== undefined) {
      if (d.policy === 'none' || ipsec.length === 0)
        return tri((d.policy === 'none') === (ipsec.length === 0));
      const answer = transformsMatch(d, ipsec);
      if (answer !== undefined) return tri(answer);
    }
    return d.policy === 'none' ? env.ask('ipsec', ['yes', 'no']) : env.ask('ipsec', ['no', 'yes']);
  },
  packets: (d, space) => {
    // Whether there are transformations at all is one question for all rules of a direction, which ones is another.
    const some = space.choice({ kind: 'pure', key: `ipsec ${d.direction}`, reads: ipsecReads });
    if (d.policy === 'none') return space.not(some);
    const text = d.elements.map((e) => printElement(e).join(' ')).join(' --next ');
    if (text === '') return some;
    const key = `ipsec ${d.direction}${d.strict ? ' strict' : ''} ${text}`;
    return space.and(some, space.choice({ kind: 'pure', key, reads: ipsecReads }));
  },
  docs: {
    summary: 'Whether IPsec was applied to the packet, or will be, and how.',
    man: 'iptables-extensions(8) policy',
    kernel: 'net/netfilter/xt_policy.c policy_mt()',
  },
});

/** Security policies select by addresses, protocol, ports and mark. */
const ipsecReads = ['src', 'dst', 'sport', 'dport', 'mark'] as const;
