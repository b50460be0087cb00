/** Policy rules: `ip rule`, plain and `-j`. */

import type { PolicyRule, PolicyRuleAction } from '../model/machine.ts';
import type { Family, Network } from '../net/address.ts';
import { parseProtocol } from '../net/protocols.ts';
import { type FactsDraft, noteSource } from './facts.ts';
import { type JsonObject, numberOf, stringOf } from './json.ts';
import { lineAt, type ReadContext, type Reader, wordsOf } from './lines.ts';
import { familyOf, numberWord, parsePrefix, promptFamily, readTable } from './read-routes.ts';

type Span2 = readonly [low: number, high: number];

interface RuleText {
  readonly priority: number;
  readonly inverted: boolean;
  readonly source: string | undefined;
  readonly destination: string | undefined;
  readonly inInterface: string | undefined;
  readonly outInterface: string | undefined;
  readonly mark: number | undefined;
  readonly markMask: number | undefined;
  readonly tos: number | undefined;
  readonly protocol: string | undefined;
  readonly sport: Span2 | undefined;
  readonly dport: Span2 | undefined;
  readonly uid: Span2 | undefined;
  readonly action: PolicyRuleAction;
  readonly table: string | undefined;
  readonly goto: number | undefined;
  readonly suppressPrefixLength: number | undefined;
}

function addRule(draft: FactsDraft, t: RuleText, family: Family): void {
  const end = (text: string | undefined): Network | undefined =>
    text === undefined || text === 'all' ? undefined : parsePrefix(text, family);
  const rule: PolicyRule = {
    family,
    priority: t.priority,
    inverted: t.inverted,
    source: end(t.source),
    destination: end(t.destination),
    inInterface: t.inInterface,
    outInterface: t.outInterface,
    mark: t.mark ?? 0,
    markMask: t.markMask ?? (t.mark === undefined ? 0 : 0xffffffff),
    tos: t.tos ?? 0,
    protocol: t.protocol === undefined ? undefined : parseProtocol(t.protocol.replace(/^ipproto-/, '')),
    sport: t.sport,
    dport: t.dport,
    uid: t.uid,
    action: t.action,
    target: t.action === 'goto' ? (t.goto ?? 0) : t.action === 'lookup' ? readTable(draft, t.table, 254) : 0,
    suppressPrefixLength: t.suppressPrefixLength,
  };
  draft.policyRuleFamilies.add(family);
  draft.policyRules.set(JSON.stringify(rule), rule);
}

/** The family of one listing of rules: by its addresses, else the table `default`, which only IPv4 looks up. */
function listingFamily(
  hint: Family | undefined,
  tables: readonly (string | undefined)[],
  addresses: readonly (string | undefined)[],
  draft: FactsDraft,
): Family {
  const byAddress = familyOf(...addresses);
  if (byAddress) return byAddress;
  if (tables.some((t) => t === 'default' || t === '253')) return 'ipv4';
  if (hint) return hint;
  // No table `default`: IPv6's rules have none. But a machine may have deleted it.
  return tables.some((t) => t === 'main' || t === '254') || draft.policyRuleFamilies.has('ipv4')
    ? 'ipv6'
    : 'ipv4';
}

const actionNumbers: Readonly<Record<string, PolicyRuleAction>> = {
  '6': 'blackhole',
  '7': 'unreachable',
  '8': 'prohibit',
};

function actionOf(text: string | undefined): PolicyRuleAction | undefined {
  if (text === 'blackhole' || text === 'unreachable' || text === 'prohibit') return text;
  return text !== undefined && Object.hasOwn(actionNumbers, text) ? actionNumbers[text] : undefined;
}

/**
 * `ip -j rule`: an array of objects with `priority`. Rules for VRFs (`l3mdev`) and gotos to nowhere do nothing and
 * are left out. Returns the number of rules that have conditions nobody here knows.
 */
export function readRulesJson(
  draft: FactsDraft,
  items: readonly JsonObject[],
  hint: Family | undefined,
): number {
  const family = listingFamily(
    hint,
    items.map((o) => stringOf(o, 'table')),
    items.flatMap((o) => [stringOf(o, 'src'), stringOf(o, 'dst')]),
    draft,
  );
  let unread = 0;
  for (const o of items) {
    const priority = numberOf(o, 'priority');
    if (priority === undefined || Object.hasOwn(o, 'l3mdev')) continue;
    if (Object.hasOwn(o, 'unresolved')) continue;
    if (Object.hasOwn(o, 'suppress_ifgroup') || Object.hasOwn(o, 'tun_id')) unread++;
    const withLength = (key: string, lengthKey: string): string | undefined => {
      const text = stringOf(o, key);
      const length = numberOf(o, lengthKey);
      return text === undefined || text === 'all' || length === undefined ? text : `${text}/${length}`;
    };
    const range = (one: string): Span2 | undefined => {
      const single = numberOf(o, one);
      const low = numberOf(o, `${one}_start`) ?? single;
      const high = numberOf(o, `${one}_end`) ?? single;
      return low === undefined || high === undefined ? undefined : [low, high];
    };
    const goto = numberOf(o, 'goto');
    addRule(
      draft,
      {
        priority,
        inverted: Object.hasOwn(o, 'not'),
        source: withLength('src', 'srclen'),
        destination: withLength('dst', 'dstlen'),
        inInterface: stringOf(o, 'iif'),
        outInterface: stringOf(o, 'oif'),
        mark: numberOf(o, 'fwmark'),
        markMask: numberOf(o, 'fwmask'),
        tos: numberOf(o, 'tos'),
        protocol: stringOf(o, 'ipproto') ?? numberOf(o, 'ipproto')?.toString(),
        sport: range('sport'),
        dport: range('dport'),
        uid: range('uid'),
        action:
          goto !== undefined
            ? 'goto'
            : Object.hasOwn(o, 'nop')
              ? 'nop'
              : (actionOf(stringOf(o, 'action')) ?? 'lookup'),
        table: stringOf(o, 'table') ?? numberOf(o, 'table')?.toString(),
        goto,
        suppressPrefixLength: numberOf(o, 'suppress_prefixlen'),
      },
      family,
    );
  }
  noteSource(draft, 'policyRules', family === 'ipv6' ? 'ip -j -6 rule' : 'ip -j rule');
  return unread;
}

const ruleLine = /^(\d{1,10}):\s+((?:not )?from .*)$/;

function spanOf(text: string | undefined): Span2 | undefined {
  const m = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(text ?? '');
  return m ? [Number(m[1]), Number(m[2] ?? m[1])] : undefined;
}

/** `ip rule`: consecutive lines are one listing, and of one family. */
export const ruleReader: Reader = {
  read(context: ReadContext, at) {
    const listing: { readonly priority: number; readonly words: readonly string[] }[] = [];
    for (let i = at; ; i++) {
      const m = ruleLine.exec(lineAt(context, i));
      const priority = Number(m?.[1]);
      // Priorities grow; a smaller one begins the next listing.
      if (!m || priority < (listing.at(-1)?.priority ?? 0)) break;
      listing.push({ priority, words: wordsOf(m[2] ?? '') });
    }
    if (listing.length === 0) return 0;
    const value = (words: readonly string[], ...keys: readonly string[]): string | undefined => {
      for (const key of keys) {
        const i = words.indexOf(key);
        if (i >= 0) return words[i + 1];
      }
      return undefined;
    };
    const { draft } = context;
    const family = listingFamily(
      promptFamily(draft),
      listing.map((r) => value(r.words, 'lookup', 'table')),
      listing.flatMap((r) => [value(r.words, 'from'), value(r.words, 'to')]),
      draft,
    );
    for (const { priority, words } of listing) {
      if (words.includes('[unresolved]') || words.includes('[l3mdev-table]')) continue;
      const [mark, markMask] = (value(words, 'fwmark') ?? '').split('/');
      const goto = numberWord(value(words, 'goto'));
      addRule(
        draft,
        {
          priority,
          inverted: words[0] === 'not',
          source: value(words, 'from'),
          destination: value(words, 'to'),
          inInterface: value(words, 'iif'),
          outInterface: value(words, 'oif'),
          mark: numberWord(mark),
          markMask: numberWord(markMask),
          tos: numberWord(value(words, 'tos', 'dsfield')),
          protocol: value(words, 'ipproto'),
          sport: spanOf(value(words, 'sport')),
          dport: spanOf(value(words, 'dport')),
          uid: spanOf(value(words, 'uidrange')),
          action:
            goto !== undefined
              ? 'goto'
              : words.includes('nop')
                ? 'nop'
                : (words.map(actionWord).find((a) => a !== undefined) ?? 'lookup'),
          table: value(words, 'lookup', 'table'),
          goto,
          suppressPrefixLength: numberWord(value(words, 'suppress_prefixlength')),
        },
        family,
      );
    }
    noteSource(draft, 'policyRules', family === 'ipv6' ? 'ip -6 rule' : 'ip rule');
    return listing.length;
  },
};

function actionWord(word: string): PolicyRuleAction | undefined {
  return word === 'blackhole' || word === 'unreachable' || word === 'prohibit' ? word : undefined;
}
