/** Words of a policy with the names in them replaced: `-s @office` is one expression for each network of the office. */

import { splitShellWords } from '../grammar/shell-words.ts';
import { addressBits, type Family } from '../net/address.ts';
import { parseAddress } from '../net/address-text.ts';
import type { PlacedText, PolicyNames, PolicyProblem } from './policy.ts';

/** A word, and where it stands in its text; a word that a name stood for has the name's place. */
export interface PlacedWord {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Packets of any of `any` that are in none of `none`. */
export interface Expansion {
  readonly any: readonly (readonly PlacedWord[])[];
  readonly none: readonly (readonly PlacedWord[])[];
}

/** Expressions that the names of one text may make. */
const expressionCountMax = 1000;

const addressOptions = ['-s', '-d', '--source', '--src', '--destination', '--dst'];
const interfaceOptions = ['-i', '-o', '--in-interface', '--out-interface'];

/** The words of a text as the shell would see them; an unusual character is a problem. */
export function wordsOf(text: PlacedText, problems: PolicyProblem[]): readonly PlacedWord[] {
  const { words, end } = splitShellWords(text.text, 0, 0);
  if (text.text.slice(end).trim() !== '')
    problems.push({
      message: `"${text.text.slice(end).trim().slice(0, 20)}" is no match option`,
      hint: 'match options of iptables: -i eth0 -p tcp --dport 22',
      span: text.place(end, text.text.length),
    });
  return words;
}

/** One place of a text: a word as it is, or a name with the words that may stand for it. */
interface Slot {
  readonly negated: boolean;
  readonly values: readonly (readonly PlacedWord[])[];
}

/** The family of an address or network; undefined for what is neither. */
function familyOfNetwork(text: string): Family | undefined {
  const [host = ''] = text.split('/');
  return (['ipv4', 'ipv6'] as const).find((family) => parseAddress(family, host) !== undefined);
}

/** Whether a text is an address or a network, as names of networks hold them. */
export function isNetwork(text: string): boolean {
  const family = familyOfNetwork(text);
  if (family === undefined) return false;
  const [, length, ...more] = text.split('/');
  if (more.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= addressBits(family));
}

/** What is written of a service: a protocol, and behind a slash a port, a range of ports, or a type of ICMP. */
export const servicePattern = /^[a-z][a-z0-9-]*(?:\/[a-z0-9-]+)?$/;

function serviceWords(service: string): readonly string[] {
  const [protocol = '', detail] = service.split('/');
  if (detail === undefined) return ['-p', protocol];
  if (protocol === 'icmp') return ['-p', 'icmp', '--icmp-type', detail];
  if (protocol === 'icmpv6') return ['-p', 'icmpv6', '--icmpv6-type', detail];
  return ['-p', protocol, '--dport', detail.replace('-', ':')];
}

/** Replaces the names of a text for one family. Problems are noted; what has any is of no use. */
export function expandNames(
  text: PlacedText,
  words: readonly PlacedWord[],
  names: PolicyNames,
  family: Family,
  problems: PolicyProblem[],
): Expansion {
  const slots: Slot[] = [];
  let literal: PlacedWord[] = [];
  const flush = (): void => {
    if (literal.length > 0) slots.push({ negated: false, values: [literal] });
    literal = [];
  };
  for (const word of words) {
    if (!/^@./.test(word.text)) {
      literal.push(word);
      continue;
    }
    const name = word.text.slice(1);
    const place = text.place(word.start, word.end);
    const refuse = (message: string, hint?: string): void =>
      void problems.push({ message, ...(hint === undefined ? {} : { hint }), span: place });
    const before = literal.at(-1);
    const isAddress = before !== undefined && addressOptions.includes(before.text);
    const isInterface = before !== undefined && interfaceOptions.includes(before.text);
    const option = isAddress || isInterface ? literal.pop() : undefined;
    const negated = literal.at(-1)?.text === '!';
    if (negated) literal.pop();
    flush();
    const zone = names.zones.get(name);
    const service = names.services.get(name);
    const networks = names.networks.get(name) ?? zone?.networks;
    const at = (value: string): PlacedWord => ({ text: value, start: word.start, end: word.end });
    let values: readonly (readonly PlacedWord[])[] = [];
    if (isAddress && option) {
      if (networks === undefined) refuse(...unknownName(name, 'network', names));
      else values = networks.filter((n) => familyOfNetwork(n) === family).map((n) => [option, at(n)]);
    } else if (isInterface && option) {
      if (zone === undefined) refuse(...unknownName(name, 'zone', names));
      else values = zone.interfaces.map((i) => [option, at(i)]);
    } else if (service !== undefined) values = service.map((s) => serviceWords(s).map(at));
    else if (networks !== undefined)
      refuse(
        `"@${name}" stands alone, and is no service`,
        `behind -s or -d it is an address${zone ? ', behind -i or -o an interface' : ''}`,
      );
    else refuse(...unknownName(name, 'service', names));
    slots.push({ negated, values });
  }
  flush();
  const positive = slots.filter((s) => !s.negated);
  const any = product(positive);
  const none = slots.flatMap((slot) => (slot.negated ? product([...positive, slot]) : []));
  if (any.length + none.length <= expressionCountMax) return { any, none };
  problems.push({
    message: `the names of this text make more than ${expressionCountMax} expressions`,
    hint: 'write networks that hold several of the addresses',
    span: text.place(),
  });
  return { any: [], none: [] };
}

function unknownName(
  name: string,
  wanted: 'network' | 'zone' | 'service',
  { networks, zones, services }: PolicyNames,
): [string, string | undefined] {
  const known = {
    network: [...networks.keys(), ...zones.keys()],
    zone: [...zones.keys()],
    service: [...services.keys()],
  }[wanted];
  const hint =
    known.length === 0
      ? `the policy names no ${wanted}s`
      : `known here: ${known
          .slice(0, 8)
          .map((n) => `@${n}`)
          .join(', ')}`;
  return [`there is no ${wanted} "${name}"`, hint];
}

/** Every way to choose one value of each slot; stops soon after there are too many. */
function product(slots: readonly Slot[]): readonly (readonly PlacedWord[])[] {
  let lists: (readonly PlacedWord[])[] = [[]];
  for (const { values } of slots) {
    lists = lists.flatMap((list) => values.map((value) => [...list, ...value]));
    if (lists.length > expressionCountMax) return lists;
  }
  return lists;
}
