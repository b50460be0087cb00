/** Random uses of an extension, drawn from its table of options and the shapes of their values. */

import fc from 'fast-check';
import type { Extension, OptionSpec, TextShape } from '../../src/extensions/define.ts';
import { builtinChains, type Hook, type TableName, tableNames } from '../../src/model/netfilter.ts';
import type { Family } from '../../src/net/address.ts';
import { protocolText } from '../../src/net/protocols.ts';

/** A rule with one use of an extension, in a place where that may stand. */
export interface DrawnRule {
  readonly rule: string;
  readonly table: TableName;
  readonly chain: Hook;
  readonly family: Family;
  /** The options that were drawn, without dashes. */
  readonly options: readonly string[];
}

const quote = (word: string): string =>
  /^[\w.,:/+=|-]+$/.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`;

function integerText(min: number, max: number, hex: boolean): fc.Arbitrary<string> {
  const value = fc.oneof(
    fc.integer({ min, max: Math.min(max, Number.MAX_SAFE_INTEGER) }),
    fc.constantFrom(min, max, Math.min(max, min + 1), Math.min(max, 80)),
  );
  return hex
    ? fc.tuple(value, fc.boolean()).map(([n, h]) => (h ? `0x${n.toString(16)}` : String(n)))
    : value.map(String);
}

function addressTextOf(family: Family): fc.Arbitrary<string> {
  return family === 'ipv4'
    ? fc.oneof(fc.ipV4(), fc.constantFrom('10.0.0.1', '192.0.2.7', '0.0.0.0', '255.255.255.255'))
    : fc.constantFrom('2001:db8::1', '::1', '::', 'fe80::1', 'ff02::1', '2001:db8:1:2:3:4:5:6');
}

/** Words of a value of this shape. */
function shapeWords(shape: TextShape, family: Family): fc.Arbitrary<readonly string[]> {
  if (shape.kind === 'nothing') return fc.constant([]);
  if (shape.kind === 'words-separately')
    return fc.tuple(...shape.parts.map((p) => shapeText(p, family))).map((words) => words);
  return shapeText(shape, family).map((word) => [word]);
}

function shapeText(shape: TextShape, family: Family): fc.Arbitrary<string> {
  switch (shape.kind) {
    case 'integer':
      return integerText(shape.min, shape.max, shape.hex === true);
    case 'range': {
      const end = integerText(shape.min, shape.max, false);
      const both = fc
        .tuple(end, end)
        .map(([a, b]) =>
          Number(a) <= Number(b) ? `${a}${shape.separator}${b}` : `${b}${shape.separator}${a}`,
        );
      const open = fc
        .tuple(end, fc.constantFrom('low', 'high', 'none'))
        .map(([a, side]) =>
          side === 'low'
            ? `${shape.separator}${a}`
            : side === 'high'
              ? `${a}${shape.separator}`
              : shape.separator,
        );
      return shape.open ? fc.oneof(end, both, open) : fc.oneof(end, both);
    }
    case 'words':
      return fc.constantFrom(...shape.values);
    case 'list':
      return fc
        .array(shapeText(shape.of, family), { minLength: 1, maxLength: Math.min(shape.max, 5) })
        .map((parts) => [...new Set(parts)].join(shape.separator));
    case 'sequence':
      return fc
        .tuple(...shape.parts.map((p) => (typeof p === 'string' ? fc.constant(p) : shapeText(p, family))))
        .map((parts) => parts.join(''));
    case 'choice':
      return fc.oneof(...shape.of.map((s) => shapeText(s, family)));
    case 'address':
      return addressTextOf(family);
    case 'network': {
      const clean =
        family === 'ipv4'
          ? ['10.0.0.0/8', '192.0.2.0/24', '0.0.0.0/0']
          : ['2001:db8::/48', 'fd00::/48', '::/0'];
      const any = fc
        .tuple(addressTextOf(family), fc.option(fc.nat(family === 'ipv4' ? 32 : 128), { nil: undefined }))
        .map(([a, length]) => (length === undefined ? a : `${a}/${length}`));
      return fc.oneof(fc.constantFrom(...clean), any);
    }
    case 'mac':
      return fc.constantFrom('00:11:22:33:44:55', 'aa:bb:cc:dd:ee:ff', '01:00:5e:00:00:20');
    case 'name':
      return fc
        .stringMatching(/^[a-z][a-z0-9_-]{0,14}$/)
        .map((name) => name.slice(0, Math.max(1, Math.min(shape.maxBytes, 15))));
    case 'text':
      return fc
        .string({
          minLength: Math.max(1, shape.minBytes ?? 1),
          maxLength: Math.min(shape.maxBytes, 20),
          unit: 'grapheme-ascii',
        })
        .filter((text) => text.trim() === text);
    default:
      return fc.constant('');
  }
}

/** Tables and hooks where the extension may stand. */
function placesOf(extension: Extension): readonly (readonly [TableName, Hook])[] {
  const { tables = tableNames, hooks } = extension.constraints;
  return tables.flatMap((table) =>
    builtinChains[table]
      .filter((hook) => !hooks || hooks.includes(hook))
      .map((hook) => [table, hook] as const),
  );
}

interface Draw {
  readonly family: Family;
  readonly place: readonly [TableName, Hook];
  readonly protocol: number | undefined;
  readonly hasDestination: boolean;
  readonly chosen: readonly string[];
  readonly negations: readonly boolean[];
  readonly words: readonly (readonly string[])[];
}

/** The keys that may stand together: what is required and what the chosen ones need, without what they exclude. */
function consistent(
  options: Readonly<Record<string, OptionSpec<unknown>>>,
  wanted: readonly string[],
): string[] {
  const keys = Object.keys(options);
  const chosen = new Set<string>();
  const conflicts = (key: string): boolean =>
    [...chosen].some((c) => options[c]?.excludes?.includes(key) || options[key]?.excludes?.includes(c));
  const add = (key: string): void => {
    if (chosen.has(key) || conflicts(key)) return;
    chosen.add(key);
    for (const needed of options[key]?.requires ?? []) add(needed);
  };
  for (const key of keys) if (options[key]?.required) add(key);
  for (const key of wanted) add(key);
  const met = (key: string): boolean => (options[key]?.requires ?? []).every((r) => chosen.has(r));
  return keys.filter((key) => chosen.has(key) && met(key));
}

function write(extension: Extension, d: Draw): DrawnRule {
  const use = d.chosen.map((key, i) =>
    [
      d.negations[i] === true && extension.options[key]?.invertible ? '!' : '',
      `--${key}`,
      ...(d.words[i] ?? []).map(quote),
    ]
      .filter((w) => w !== '')
      .join(' '),
  );
  const [table, chain] = d.place;
  const head = `${extension.kind === 'match' ? '-m' : '-j'} ${extension.name}`;
  const destination = d.hasDestination
    ? [`-d ${d.family === 'ipv4' ? '192.0.2.7/32' : '2001:db8::7/128'}`]
    : [];
  const protocol = d.protocol === undefined ? [] : [`-p ${protocolText(d.protocol)}`];
  return {
    rule: [...destination, ...protocol, head, ...use].join(' '),
    table,
    chain,
    family: d.family,
    options: d.chosen,
  };
}

/** Rules with one use of this extension. Some are refused for reasons that its table of options does not tell. */
export function arbitraryRule(extension: Extension): fc.Arbitrary<DrawnRule> {
  const options = extension.options as Readonly<Record<string, OptionSpec<unknown>>>;
  const keys = Object.keys(options);
  const places = placesOf(extension);
  const { protocols } = extension.constraints;
  // Some ask for a protocol in code: offer those that have ports, or none.
  const protocol: fc.Arbitrary<number | undefined> = protocols
    ? fc.constantFrom(...protocols)
    : fc.constantFrom(undefined, 6, 17, undefined);
  return fc
    .record({
      family: fc.constantFrom(...extension.families),
      place: fc.constantFrom(...places),
      protocol,
      hasDestination: fc.boolean(),
      wanted: fc.oneof(
        {
          weight: 2,
          arbitrary: fc.shuffledSubarray(keys, {
            minLength: Math.min(1, keys.length),
            maxLength: Math.min(1, keys.length),
          }),
        },
        { weight: 3, arbitrary: fc.shuffledSubarray(keys) },
        { weight: 1, arbitrary: fc.shuffledSubarray(keys, { minLength: keys.length }) },
      ),
      order: fc.shuffledSubarray(keys, { minLength: keys.length }),
    })
    .chain(({ wanted, order, ...rest }) => {
      const together = consistent(options, wanted);
      const chosen = order.filter((key) => together.includes(key));
      return fc
        .tuple(
          fc.array(fc.boolean(), { minLength: chosen.length, maxLength: chosen.length }),
          fc.tuple(
            ...chosen.map((key) => shapeWords((options[key] as OptionSpec<unknown>).type.shape, rest.family)),
          ),
        )
        .map(([negations, words]) => write(extension, { ...rest, chosen, negations, words }));
    });
}

/** The same rule with the `!` of its only option turned over; undefined if it has not exactly one that may have it. */
export function negationOf(extension: Extension, drawn: DrawnRule): string | undefined {
  const [key, ...more] = drawn.options;
  if (key === undefined || more.length > 0 || !extension.options[key]?.invertible) return undefined;
  return drawn.rule.includes(` ! --${key}`)
    ? drawn.rule.replace(` ! --${key}`, ` --${key}`)
    : drawn.rule.replace(` --${key}`, ` ! --${key}`);
}
