import {
  type Address,
  type AddressRange,
  addressBits,
  type Family,
  networkRange,
  prefix,
} from '../../net/address.ts';
import { parseAddress } from '../../net/address-text.ts';
import { complementIf, type PacketSet, type PacketSpace } from '../../packetset/space.ts';
import {
  type BoundOption,
  defineMatch,
  invertTri,
  type OptionType,
  type Refusal,
  refuse,
  type SetContext,
  type SetTestFlags,
} from '../define.ts';
import { flag, parseUint64, uint64 } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** Which side of the packet a dimension of a set looks at. */
export type SetDirection = 'src' | 'dst';

/** A set and which side of the packet each of its dimensions looks at. */
export interface SetReference {
  readonly name: string;
  readonly dirs: readonly SetDirection[];
}

interface CounterTest {
  readonly op: 'eq' | 'ne' | 'lt' | 'gt';
  /** Decimal, 64 bits. */
  readonly value: string;
}

/** The conditions of one `-m set`, as data; what was not given is undefined. */
export interface SetMatchData {
  readonly set: SetReference;
  readonly negated: boolean;
  readonly returnNomatch: boolean;
  readonly updateCounters: boolean;
  readonly updateSubcounters: boolean;
  readonly packets: CounterTest | undefined;
  readonly bytes: CounterTest | undefined;
}

/** `NAME dir[,dir…]`: two words, at most six directions. */
export function setReference(optionName: string): OptionType<SetReference> {
  return {
    arity: 2,
    missing: `--${optionName} requires two args.`,
    placeholder: 'setname src|dst[,…]',
    shape: {
      kind: 'words-separately',
      parts: [
        { kind: 'name', maxBytes: 31 },
        { kind: 'list', of: { kind: 'words', values: ['src', 'dst'] }, separator: ',', max: 3 },
      ],
    },
    parse(words, context) {
      const [name = '', dirs = ''] = words;
      if (name.length > 31) {
        return refuse('bad-value', `setname \`${name}' too long, max 31 characters.`, {
          word: name,
          option: context.option,
        });
      }
      const list: SetDirection[] = [];
      for (const word of dirs.split(',')) {
        if (word !== 'src' && word !== 'dst') {
          return refuse('bad-value', "You must specify (the comma separated list of) `src' or `dst'.", {
            word: word === '' ? dirs : word,
            option: context.option,
          });
        }
        list.push(word);
      }
      return list.length > 6
        ? refuse('bad-value', "Can't be more src/dst options than 6.", { word: dirs, option: context.option })
        : { name, dirs: list };
    },
  };
}

/** Refuses a set that the machine is known not to have. */
export function missingSet(name: string, known: ReadonlySet<string> | undefined): Refusal | undefined {
  return known && !known.has(name)
    ? refuse('unknown-set', `Set ${name} doesn't exist.`, {
        word: name,
        hint: 'ipset create comes before iptables-restore',
      })
    : undefined;
}

const counter = (
  o: Readonly<Record<string, BoundOption<string> | undefined>>,
  name: string,
): CounterTest | undefined => {
  const eq = o[`${name}-eq`];
  if (eq) return { op: eq.negated ? 'ne' : 'eq', value: eq.value };
  const lt = o[`${name}-lt`];
  if (lt) return { op: 'lt', value: lt.value };
  const gt = o[`${name}-gt`];
  return gt && { op: 'gt', value: gt.value };
};

const printCounter = (name: string, test: CounterTest | undefined): readonly string[] =>
  test ? [option(`${name}-${test.op === 'ne' ? 'eq' : test.op}`, test.value, test.op === 'ne')] : [];

const counterFlag = (test: CounterTest) => ({ op: test.op, value: Number(parseUint64(test.value) ?? 0n) });

/** Looks the packet up in an ipset. */
export const set = defineMatch({
  name: 'set',
  families: ['ipv4', 'ipv6'],
  options: {
    'match-set': { type: setReference('match-set'), aliases: ['set'], invertible: true },
    'return-nomatch': { type: flag },
    'update-counters': { type: flag, invertible: true },
    'update-subcounters': { type: flag, invertible: true },
    'packets-eq': { type: uint64, invertible: true },
    'packets-lt': { type: uint64 },
    'packets-gt': { type: uint64 },
    'bytes-eq': { type: uint64, invertible: true },
    'bytes-lt': { type: uint64 },
    'bytes-gt': { type: uint64 },
  },
  constraints: {},
  needs: ['sets'],
  bind: (o, context): SetMatchData | Refusal => {
    const reference = o['match-set'];
    if (!reference)
      return refuse('missing-option', "You must specify `--match-set' with proper arguments", {
        hint: '--match-set NAME src',
      });
    return (
      missingSet(reference.value.name, context.setNames) ?? {
        set: reference.value,
        negated: reference.negated,
        returnNomatch: o['return-nomatch'] !== undefined,
        updateCounters: o['update-counters']?.negated !== true,
        updateSubcounters: o['update-subcounters']?.negated !== true,
        packets: counter(o as never, 'packets'),
        bytes: counter(o as never, 'bytes'),
      }
    );
  },
  print: (d) => [
    option('match-set', `${saveSetName(d.set.name)} ${d.set.dirs.join(',')}`, d.negated),
    ...(d.returnNomatch ? [option('return-nomatch')] : []),
    ...(d.updateCounters ? [] : [option('update-counters', '', true)]),
    ...(d.updateSubcounters ? [] : [option('update-subcounters', '', true)]),
    ...printCounter('packets', d.packets),
    ...printCounter('bytes', d.bytes),
  ],
  compile: (d) => {
    const flags: SetTestFlags = {
      returnNomatch: d.returnNomatch,
      updateCounters: d.updateCounters,
      updateSubcounters: d.updateSubcounters,
      ...(d.packets ? { packetsTest: counterFlag(d.packets) } : {}),
      ...(d.bytes ? { bytesTest: counterFlag(d.bytes) } : {}),
    };
    const topic = `set:${d.set.name}`;
    return (packet, env) => {
      const view = env.readSet(d.set.name);
      const inSet = view ? view.test(packet, env, d.set.dirs, flags) : env.ask(topic, ['no', 'yes']);
      return d.negated ? invertTri(inSet) : inSet;
    };
  },
  packets: (d, space, context) => {
    const members = knownAddresses(d, context, space);
    if (members !== undefined) return complementIf(d.negated, space, members);
    // Contents may be changed by SET targets: one variable per version of the list and per look into it.
    const counters = [...printCounter('packets', d.packets), ...printCounter('bytes', d.bytes)].join(' ');
    const key = `${d.set.dirs.join(',')}${d.returnNomatch ? ' return-nomatch' : ''}${counters}`;
    return complementIf(d.negated, space, space.choice({ kind: 'shared', list: `set:${d.set.name}`, key }));
  },
  docs: {
    summary: 'Whether an ipset holds addresses, ports or interfaces of the packet.',
    man: 'iptables-extensions(8) set',
    kernel: 'net/netfilter/xt_set.c set_match_v4()',
  },
});

/** Types whose elements are one address or network each, without a port, an interface or a mark beside it. */
const addressTypes: readonly string[] = ['hash:ip', 'hash:net', 'bitmap:ip'];

/** Sets beyond this are looked at one packet at a time. */
const membersMax = 20_000;

const isZero = (a: Address): boolean => (a.w0 | a.w1 | a.w2 | a.w3) === 0;

function rangeOf(text: string, family: Family, netmask: string | undefined): AddressRange | undefined {
  const [first = '', last] = text.split('-');
  const [host = '', length = netmask] = first.split('/');
  const low = parseAddress(family, host);
  const high = last === undefined ? low : parseAddress(family, last);
  if (low === undefined || high === undefined) return undefined;
  if (last !== undefined || length === undefined) return { low, high };
  const bits = Number(length);
  return Number.isInteger(bits) && bits >= 0 && bits <= addressBits(family)
    ? networkRange(prefix(low, bits))
    : undefined;
}

/**
 * The packets whose address is in the set, where its contents are known and will stay what they are; undefined: leave
 * it to a choice. Of nested networks, the longest that holds the address decides (`nomatch`).
 *
 * Source: net/netfilter/ipset/ip_set_hash_gen.h mtype_test_cidrs().
 */
function knownAddresses(d: SetMatchData, context: SetContext, space: PacketSpace): PacketSet | undefined {
  const { family } = context;
  const set = context.machine.sets.value?.find((s) => s.name === d.set.name);
  const [direction] = d.set.dirs;
  if (set === undefined || direction === undefined || d.set.dirs.length !== 1) return undefined;
  if (!addressTypes.includes(set.type) || set.family !== family) return undefined;
  if (d.packets !== undefined || d.bytes !== undefined || d.returnNomatch) return undefined;
  if ('timeout' in set.options || 'bitmask' in set.options || set.members.length > membersMax)
    return undefined;
  const ranges: { readonly range: AddressRange; readonly nomatch: boolean; readonly length: number }[] = [];
  for (const { text, nomatch } of set.members) {
    const range = rangeOf(text, family, set.options['netmask']);
    // A set of hosts never holds the address of nobody.
    if (range === undefined || isZero(range.low)) return undefined;
    const length = Number(text.split('/')[1] ?? addressBits(family));
    ranges.push({ range, nomatch, length });
  }
  return ranges
    .sort((a, b) => a.length - b.length)
    .reduce<PacketSet>((sum, { range, nomatch }) => {
      const here = space.addresses(direction, range);
      return nomatch ? space.and(sum, space.not(here)) : space.or(sum, here);
    }, space.none);
}

/** Set names are printed bare by libxt_set, whatever they hold; a blank would break the dump, so those are quoted. */
export function saveSetName(name: string): string {
  return /[\s"\\]/.test(name) || name === '' ? saveString(name) : name;
}
