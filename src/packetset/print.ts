/** Sets as an administrator would write them: a few lines of match options. */

import { FALSE } from './bdd.ts';
import { type Box, type Boxes, boxSet, coverByBoxes } from './boxes.ts';
import { unknownText } from './choices.ts';
import { type FieldValues, fieldValues } from './field-values.ts';
import type { FieldName } from './fields.ts';
import { icmpTexts, laterFragmentText, type OptionText, optionTexts } from './option-texts.ts';
import { printableBoxes } from './printable.ts';
import { roundings } from './roundings.ts';
import type { PacketSet } from './space.ts';
import type { BddPacketSpace } from './space-bdd.ts';

/** How much to say, and about what. */
export interface DescribeOptions {
  /** Packets that matter: the lines may say anything about others. Default: all that can exist. */
  readonly care?: PacketSet;
  /** Lines shown; 8 by default. */
  readonly linesMax?: number;
  /** Boxes looked for before giving up on a full list; 400 by default. */
  readonly boxesMax?: number;
  /** What an unknown is called. Default: {@link unknownText}. */
  readonly unknownName?: typeof unknownText;
  /** Shared by descriptions of one space: see {@link ConditionTexts}. */
  readonly texts?: ConditionTexts;
}

/** Conditions that were put into words before. Good for as long as no set of the space is forgotten. */
export type ConditionTexts = Map<string, readonly OptionText[]>;

/** A set in words, as data. */
export interface SetDescription {
  /**
   * - `nothing`, `everything`: of what matters; there are no lines.
   * - `these`: packets that match one of the lines.
   * - `all-but`: packets that match one line of `within`, or any packet where that is empty, and none of the lines.
   * - `undecided`: the set is not known.
   */
  readonly kind: 'nothing' | 'everything' | 'these' | 'all-but' | 'undecided';
  /**
   * Match options in the spelling of iptables. A repeated negation (`! -s A ! -s B`) and a word in parentheses are
   * what a single rule cannot say.
   */
  readonly lines: readonly string[];
  /** Where `all-but` says something narrower than all packets; else empty. Never more than {@link withinLinesMax} lines. */
  readonly within: readonly string[];
  /** How many lines there would be in all, about: boxes beyond `linesMax` count as one each. At least that many where `complete` is false. */
  readonly lineCount: number;
  readonly complete: boolean;
}

/** Options in the order in which people write them: interfaces, protocol, addresses, ports, the rest. */
const printOrder: readonly FieldName[] = [
  'inInterface',
  'outInterface',
  'protocol',
  'src',
  'dst',
  'fragmentKind',
  'sport',
  'dport',
];

interface Lines {
  readonly lines: readonly string[];
  /** Boxes that were put into words, and those beyond. */
  readonly said: number;
  readonly unsaid: number;
  readonly complete: boolean;
}

/** Describes a set within `care`; the shortest of "these", "all but these", and "of those that have this in common, all but these". Deterministic. */
export function describeSet(
  space: BddPacketSpace,
  set: PacketSet,
  options: DescribeOptions = {},
): SetDescription {
  const care = options.care ?? space.valid;
  const wanted = space.and(set, care);
  const others = space.diff(care, set);
  if (!space.isDecided(wanted) || !space.isDecided(others)) return short('undecided');
  if (wanted === FALSE) return short('nothing');
  if (others === FALSE) return short('everything');
  const boxesMax = options.boxesMax ?? boxesUsual;
  const possible = possibleValues(space, care);
  const these = boxesOf(space, wanted, care, boxesMax);
  const theseLines = these.complete ? boxLines(space, these, { care, possible }, options) : undefined;
  let cheapest = theseLines === undefined ? Number.POSITIVE_INFINITY : cost(theseLines);
  let shorter: SetDescription | undefined;
  const consider = (kind: 'these' | 'all-but', lines: Lines, within: readonly string[], added: number) => {
    if (added + cost(lines) >= cheapest) return;
    cheapest = added + cost(lines);
    shorter = described(kind, lines, within, options);
  };
  const exceptFrom = (whole: PacketSet, values: PossibleValues, within: readonly string[]): void => {
    const added = allButWords + within.reduce((sum, line) => sum + lineCost(line), 0);
    // More boxes than this are never shorter to say.
    const worthwhile = Math.max(0, Math.ceil((cheapest - added) / boxWordsMin));
    if (worthwhile === 0) return;
    const most = Math.min(boxesMax, worthwhile);
    const rest = boxesOf(space, space.diff(whole, wanted), whole, most, true);
    if (!rest.complete) return;
    consider('all-but', boxLines(space, rest, { care: whole, possible: values }, options), within, added);
  };
  exceptFrom(care, possible, []);
  if (cheapest > hullWorthwhile) {
    const hull = hullOf(space, wanted, { care, possible }, options);
    if (hull?.set === wanted) consider('these', hull.lines, [], 0);
    else if (hull !== undefined) exceptFrom(hull.set, possibleValues(space, hull.set), hull.lines.lines);
  }
  return (
    shorter ??
    described('these', theseLines ?? boxLines(space, these, { care, possible }, options), [], options)
  );
}

function boxesOf(
  space: BddPacketSpace,
  wanted: PacketSet,
  care: PacketSet,
  boxesMax: number,
  allOrNone = false,
): Boxes {
  return coverByBoxes(space, wanted, space.or(wanted, space.not(care)), boxesMax, { allOrNone });
}

function described(
  kind: 'these' | 'all-but',
  { lines, unsaid, complete }: Lines,
  within: readonly string[],
  options: DescribeOptions,
): SetDescription {
  const shown = lines.slice(0, options.linesMax ?? linesUsual);
  return { kind, within, lines: shown, lineCount: lines.length + unsaid, complete };
}

/**
 * The smallest product of conditions on single fields around the set: what all its packets have in common. Undefined where
 * they have nothing in common, or nothing that is short to say.
 */
function hullOf(
  space: BddPacketSpace,
  wanted: PacketSet,
  { care, possible }: Cared,
  options: DescribeOptions,
): { readonly set: PacketSet; readonly lines: Lines } | undefined {
  const own = possibleValues(space, wanted);
  const box = new Map<FieldName, PacketSet>();
  for (const field of space.codec.fields.keys()) {
    if (!space.implies(possible(field), own(field))) box.set(field, own(field));
  }
  const set = space.and(boxSet(space, box), care);
  if (box.size === 0 || !space.isDecided(set) || !space.implies(wanted, set)) return undefined;
  const lines = boxLines(space, { boxes: [box], complete: true }, { care, possible }, options);
  return lines.lines.length > withinLinesMax || lines.unsaid > 0 ? undefined : { set, lines };
}

function short(kind: 'nothing' | 'everything' | 'undecided'): SetDescription {
  return { kind, within: [], lines: [], lineCount: 0, complete: kind !== 'undecided' };
}

/** Lines shown, and boxes looked for, where nobody says how many. */
const linesUsual = 8;
const boxesUsual = 400;

/** What packets have in common is said in so many lines at most. */
const withinLinesMax = 3;

/** Descriptions of fewer words than this are short enough: looking for what packets have in common takes time. */
const hullWorthwhile = 16;

/** What "all but" costs its reader, in words. */
const allButWords = 4;

/** What a box costs at the least: a line of its own, of one word. */
const boxWordsMin = 3;

/** Words to read; two for each new line. */
function cost({ lines, said, unsaid }: Lines): number {
  const words = lines.reduce((sum, line) => sum + lineCost(line), 0);
  return said === 0 ? 0 : (words / said) * (said + unsaid);
}

function lineCost(line: string): number {
  return 2 + line.split(/[ ,]/).length;
}

/** The description in one text, a line each: `all but:` first where that is meant, `… and 12 more` last. */
export function describeSetText(
  space: BddPacketSpace,
  set: PacketSet,
  options: DescribeOptions = {},
): string {
  const d = describeSet(space, set, options);
  if (d.lines.length === 0) return d.kind === 'undecided' ? 'not decided' : d.kind;
  const more = d.lineCount - d.lines.length;
  const tail = d.complete ? (more > 0 ? [`… and ${more} more`] : []) : [`… and ${more} more at least`];
  const lines = [...d.lines, ...tail];
  if (d.kind !== 'all-but') return lines.join('\n');
  const head = d.within.length === 0 ? ['all but:'] : [...d.within, 'but not:'];
  return [...head, ...lines.map((l) => `  ${l}`)].join('\n');
}

function boxLines(
  space: BddPacketSpace,
  { boxes, complete }: Boxes,
  { care, possible }: Cared,
  options: DescribeOptions,
): Lines {
  const linesMax = options.linesMax ?? linesUsual;
  const lines = new Set<string>();
  let said = 0;
  for (const box of boxes) {
    // Words cost more than boxes, and nobody reads beyond the last line.
    if (lines.size >= linesMax) break;
    said++;
    for (const part of printableBoxes(space, box, care)) {
      for (const line of partLines(space, part.box, part.laterFragment, options, possible)) lines.add(line);
    }
  }
  return { lines: [...lines], said, unsaid: boxes.length - said, complete };
}

/** Values that packets of interest have in a field. */
type PossibleValues = (field: FieldName) => PacketSet;

/** Packets of interest. */
interface Cared {
  readonly care: PacketSet;
  readonly possible: PossibleValues;
}

function possibleValues(space: BddPacketSpace, care: PacketSet): PossibleValues {
  const layouts = [...space.codec.fields.values()];
  const copied = layouts.filter((l) => l.entry !== l.now).map((l) => l.field);
  const header = space.forget(space.may(care), copied, 'entry');
  const known = new Map<FieldName, PacketSet>();
  return (field) => {
    let set = known.get(field);
    if (set === undefined) {
      set = space.forget(
        header,
        layouts.map((l) => l.field).filter((f) => f !== field),
      );
      known.set(field, set);
    }
    return set;
  };
}

/** Fields in whose conditions a value that no packet of interest has is in or not, whichever is shorter to say. */
const roundedFields = ['inInterface', 'outInterface', 'src', 'dst', 'sport', 'dport', 'icmpType'] as const;
type RoundedField = (typeof roundedFields)[number];
const isRounded = (field: FieldName): field is RoundedField =>
  (roundedFields as readonly FieldName[]).includes(field);

function roundedTexts(
  space: BddPacketSpace,
  field: RoundedField,
  values: PacketSet,
  possible: PacketSet,
  textsOf: (values: FieldValues) => readonly OptionText[],
): readonly OptionText[] {
  const said = roundings(space, field, values, possible).map((set) =>
    set === space.all ? [''] : textsOf(fieldValues(space, field, set)),
  );
  const length = (texts: readonly OptionText[]): number =>
    texts.join(' ').split(/[ ,]/).length + 2 * texts.length;
  return said.reduce((best, texts) => (length(texts) < length(best) ? texts : best));
}

/** All ways to say one part; more than one where a field's values need several options. */
function partLines(
  space: BddPacketSpace,
  box: Box,
  laterFragment: boolean,
  options: DescribeOptions,
  possible: PossibleValues,
): readonly string[] {
  const { family } = space.codec;
  const intervals = (field: FieldName) => {
    const set = box.get(field);
    const values = set === undefined ? undefined : fieldValues(space, field, set);
    return values?.kind === 'numbers' ? values.intervals : undefined;
  };
  const inWords = (field: FieldName, set: PacketSet): readonly OptionText[] => {
    const textsOf = (said: FieldValues): readonly OptionText[] =>
      field === 'icmpType'
        ? icmpTexts(said.kind === 'numbers' ? said.intervals : undefined, intervals('icmpCode'), family)
        : optionTexts(field, said, family);
    const values = fieldValues(space, field, set);
    return isRounded(field) && values.kind !== 'maskedAddress'
      ? roundedTexts(space, field, set, possible(field), textsOf)
      : textsOf(values);
  };
  const textsFor = (field: FieldName, set: PacketSet): readonly OptionText[] => {
    // An ICMP type is said together with its code.
    if (options.texts === undefined || field === 'icmpType') return inWords(field, set);
    const key = `${field} ${set} ${isRounded(field) ? possible(field) : ''}`;
    const texts = options.texts.get(key) ?? inWords(field, set);
    options.texts.set(key, texts);
    return texts;
  };
  const choices: (readonly OptionText[])[] = [];
  const asked = [...box.keys()].filter((field) => field !== 'unknown');
  const rest = asked.filter((f) => !printOrder.includes(f));
  for (const field of [...printOrder, ...rest]) {
    if (field === 'fragmentKind' && laterFragment) choices.push([laterFragmentText(family)]);
    const set = box.get(field);
    if (set !== undefined && field !== 'icmpCode') choices.push(textsFor(field, set));
  }
  if (box.has('icmpCode') && !box.has('icmpType')) {
    choices.push(icmpTexts(undefined, intervals('icmpCode'), family));
  }
  const unknown = box.get('unknown');
  if (unknown !== undefined) choices.push([unknownsText(space, unknown, options.unknownName ?? unknownText)]);
  return choices
    .reduce<string[][]>((all, texts) => all.flatMap((words) => texts.map((t) => [...words, t])), [[]])
    .map((words) => words.filter((w) => w !== '').join(' '));
}

function unknownsText(space: BddPacketSpace, condition: PacketSet, name: typeof unknownText): string {
  return space
    .unknownsOf(condition)
    .map((v) => {
      const holds = space.diagram.cofactor(condition, v.level, 0) === FALSE;
      return `(${holds ? 'if' : 'unless'} ${name(v.unknown)})`;
    })
    .join(' ');
}
