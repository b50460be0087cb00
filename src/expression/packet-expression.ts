/**
 * One packet written as iptables match options: `-i eth0 -p tcp -s 198.51.100.7 --dport 80`.
 *
 * The options are bound by the linker as a rule's would be, every match describes its packets to a draft, and what
 * the draft demands of each field is the packet; what it leaves open takes the defaults table's value and is listed.
 */

import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { basePackets, printBase } from '../extensions/base.ts';
import type { Registry } from '../extensions/registry.ts';
import { type BoundRule, ruleBinder } from '../link/bind-rule.ts';
import type { Machine } from '../model/machine.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Packet } from '../model/packet.ts';
import type { BaseMatch } from '../model/ruleset.ts';
import type { EntryPoint } from '../model/trace.ts';
import type { Family } from '../net/address.ts';
import { parseIpv4, parseIpv6 } from '../net/address-text.ts';
import type { PacketSet } from '../packetset/space.ts';
import { collectDemands, type Demands } from './demands.ts';
import { draftSpace } from './draft-space.ts';
import { type DefaultUsed, fillPacket } from './fill-packet.ts';
import { withImpliedMatches } from './implied-matches.ts';
import { takeOwnOptions } from './own-options.ts';
import { refuseWords, wordRefuser } from './refuse-words.ts';

/** What is known where an expression is read. */
export interface ExpressionContext {
  readonly registry: Registry;
  readonly machine: Machine;
  /** Family of the ruleset at hand, used where the expression does not say. */
  readonly family: Family;
  readonly backend: Backend;
  /** Sent by this machine; else it arrives. */
  readonly local: boolean;
  /** Take one packet of an expression that means several. */
  readonly pick: boolean;
  /** Interface names that the ruleset mentions, most used first: where the machine's own are not known. */
  readonly mentionedInterfaces: readonly string[];
}

/** A packet with the way it comes. */
export interface PacketRequest {
  readonly packet: Packet;
  readonly entry: EntryPoint;
  readonly defaults: readonly DefaultUsed[];
}

/** A packet, or what is wrong with its expression; spans are offsets into the words joined by single blanks. */
export type PacketExpressionResult =
  | { readonly ok: true; readonly request: PacketRequest }
  | { readonly ok: false; readonly text: string; readonly diagnostics: readonly Diagnostic[] };

/** Ways of an expression that are looked at. */
const waysMax = 64;

/** Quoted packets within quoted packets end here. */
const quoteDepthMax = 2;

/** The family that the words tell by an address or a protocol; undefined: they do not. */
export function familyOfWords(words: readonly string[]): Family | undefined {
  for (const word of words) {
    const host = word.replace(/\/.*/s, '').split('-')[0] ?? '';
    if (parseIpv4(host)) return 'ipv4';
    if (host.includes(':') && parseIpv6(host)) return 'ipv6';
    if (/^(icmpv6|ipv6-icmp|icmp6|--icmpv6-type)$/i.test(word)) return 'ipv6';
  }
  return undefined;
}

/** Makes the packet of an expression. Never throws; every refusal says what to write instead. */
export function packetFromExpression(
  words: readonly string[],
  context: ExpressionContext,
): PacketExpressionResult {
  return readExpression(words, context, 0);
}

function readExpression(
  words: readonly string[],
  context: ExpressionContext,
  depth: number,
): PacketExpressionResult {
  const { registry } = context;
  const { text, problems, refuse } = wordRefuser(words);
  const failed = (): PacketExpressionResult => ({ ok: false, text, diagnostics: problems });

  const own = takeOwnOptions(words);
  for (const p of own.problems) refuse(p.id, p.message, p.word, p.hint);
  const family = familyOfWords(own.rest) ?? context.family;
  const { words: rest, indices } = withImpliedMatches(
    { words: own.rest, indices: own.indices },
    registry,
    family,
  );
  const bound = ruleBinder({
    registry,
    family,
    backend: context.backend,
    version: '1.8.9',
    setNames: undefined,
    keepMeaning: true,
  }).bind('filter', rest, () => true);
  refuseWords(bound, rest, indices, refuse);
  if (problems.length > 0) return failed();

  const [base] = bound.bases;
  if (!base) {
    refuse('empty-expression', 'No packet matches these options together');
    return failed();
  }
  if (bound.bases.length > 1 && !context.pick) {
    const listed = rest.findIndex((word) => word.includes(','));
    refuse('several-packets', 'A list of addresses is more than one packet', indices[listed], pickHint);
    return failed();
  }

  const found = demandsOf(bound, base, family, context);
  if (typeof found === 'string') {
    refuse('no-single-packet', found);
    return failed();
  }
  const filled = fillPacket(found.demands, family, context);
  if ('refusal' in filled) {
    const { word } = placeOf(rest, filled.option ?? '');
    refuse(filled.id, filled.refusal, indices[word], filled.hint);
    return failed();
  }
  const vague = [...found.demands.vague];
  if (!context.pick && (found.several !== undefined || vague.length > 0)) {
    const { name, word } = placeOf(rest, found.several ?? vague[0] ?? '');
    refuse('several-packets', `"${name}" means more than one packet`, indices[word], pickHint);
    return failed();
  }

  let quote: Packet | undefined;
  if (own.quote) {
    const inner = own.quote.text.split(/\s+/).filter((word) => word !== '');
    const read =
      depth < quoteDepthMax
        ? readExpression(inner, { ...context, family, local: true }, depth + 1)
        : { ok: false as const, text: '', diagnostics: [] };
    if (!read.ok) {
      const why = read.diagnostics[0]?.message ?? 'quoted packets are nested too deeply';
      refuse('bad-value', `The quoted packet cannot be read: ${why}`, own.quote.word);
      return failed();
    }
    quote = read.request.packet;
  }
  const { request } = filled;
  const packet = request.makePacket({ ...own.init, ...(quote ? { quote } : {}) });
  return { ok: true, request: { packet, entry: request.entry, defaults: request.defaults } };
}

const pickHint = 'give single values, or --pick to take one of them';

const optionAliases: Readonly<Record<string, readonly string[]>> = {
  '-s': ['--source', '--src', '--src-range'],
  '-d': ['--destination', '--dst', '--dst-range'],
  '-i': ['--in-interface'],
  '-o': ['--out-interface'],
  '-p': ['--protocol', '--proto'],
  '-f': ['--fragment', '--fragments'],
  '--sport': ['--source-port', '--sports', '--source-ports', '--ports'],
  '--dport': ['--destination-port', '--dports', '--destination-ports', '--ports'],
  '--tcp-flags': ['--syn'],
  '--ctstate': ['--state'],
  '--icmp-type': ['--icmpv6-type'],
  '--ttl-eq': ['--ttl', '--ttl-gt', '--ttl-lt', '--hl-eq', '--hl-gt', '--hl-lt'],
  '--tos': ['--dscp', '--dscp-class'],
};

/** Where the words speak of an option (as people write it, or as it is printed): its name and its value's place. */
function placeOf(rest: readonly string[], option: string): { readonly name: string; readonly word: number } {
  const names = option.split(' ').filter((word) => word.startsWith('-') && word !== '-m');
  const wanted = names.flatMap((name) => [name, ...(optionAliases[name] ?? [])]);
  const index = rest.findIndex((word) => wanted.includes(word));
  const name = rest[index];
  if (name === undefined) return { name: option, word: -1 };
  const value = rest[index + 1];
  const alone = value === undefined || value.startsWith('-') || value === '!';
  return { name: rest[index - 1] === '!' ? `! ${name}` : name, word: alone ? index : index + 1 };
}

interface FoundDemands {
  readonly demands: Demands;
  /** The option that can be met in more than one way, if there is one. */
  readonly several: string | undefined;
}

/** What the options demand of a packet; a sentence where no packet can meet them. */
function demandsOf(
  bound: BoundRule,
  base: BaseMatch,
  family: Family,
  context: ExpressionContext,
): FoundDemands | string {
  const { registry, machine } = context;
  const space = draftSpace();
  const parts: { readonly text: string; readonly set: PacketSet }[] = [
    { text: printBase(base).join(' '), set: basePackets(base, space) },
  ];
  for (const use of bound.matches) {
    const extension = registry.match(use.extension, family);
    if (extension)
      parts.push({
        text: use.text,
        set: extension.packets(use.data as never, space, { family, base, machine }),
      });
  }
  const whole = parts.reduce((set, part) => space.and(set, part.set), space.all);
  const possible: Demands[] = [];
  let reason: string | undefined;
  for (const way of space.ways(whole, waysMax)) {
    const demands = collectDemands(way);
    if (typeof demands === 'string') reason ??= demands;
    else possible.push(demands);
  }
  const [demands] = possible;
  if (!demands) {
    return reason === undefined
      ? 'No packet matches these options together'
      : reason.charAt(0).toUpperCase() + reason.slice(1);
  }
  if (possible.length === 1) return { demands, several: undefined };
  const several = parts.find(({ set }) => space.ways(set, waysMax).length > 1) ?? parts[0];
  return { demands, several: several?.text ?? '' };
}
