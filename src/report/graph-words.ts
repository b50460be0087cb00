/** The words of a graph, the same in every medium; not escaped. */

import type { GraphCall, GraphNode } from '../graph/flow-graph.ts';
import type { RulesetGraph } from '../graph/graph.ts';
import type { Shares } from '../graph/shares.ts';
import { ruleText } from '../link/rule-text.ts';
import type { Assumption, Trace } from '../model/trace.ts';
import { decidedBy, type Ways } from '../trace/outcome.ts';
import type { PacketTrace } from '../trace/trace-packet.ts';
import { unreadLineCount } from './machine-header.ts';
import { ruleBook } from './rule-book.ts';
import { deciderWords } from './trace-verdict.ts';
import { assumptionWords, fateWords, packetText } from './trace-words.ts';

/** A piece of text with its meaning. */
export interface Piece {
  readonly text: string;
  readonly tone: 'plain' | 'accept' | 'drop' | 'nat';
}

/** Targets that are named in a box; further ones are in its tooltip. */
const actionsShown = 3;

const tones = { accept: 'accept', drop: 'drop', nat: 'nat', other: 'plain' } as const;

/** `12 rules`, `1 rule`, `no rules`. */
function countWords(count: number, one: string, many = `${one}s`): string {
  return count === 0 ? `no ${many}` : `${count} ${count === 1 ? one : many}`;
}

/**
 * The first line of small print: how many rules, and of a built-in chain its policy and share of all packets, of others
 * the program that writes them. What comes to those others is told on the arrows to them.
 */
export function sizePieces({ ruleCount, chains, policy, owner, shares }: GraphNode): readonly Piece[] {
  const head = chains.length > 1 ? `${chains.length} chains, ` : '';
  const size: Piece = { text: `${head}${countWords(ruleCount, 'rule')}`, tone: 'plain' };
  if (policy !== undefined)
    return [
      size,
      { text: `policy ${policy}`, tone: policy === 'ACCEPT' ? 'accept' : 'drop' },
      ...(shares === undefined ? [] : [{ text: sharesText(shares), tone: 'plain' as const }]),
    ];
  // What stands in brackets is told in the tooltip.
  return owner === undefined ? [size] : [size, { text: owner.replace(/ \(.*/, ''), tone: 'plain' }];
}

/** The second line: the commonest targets; empty where all rules jump. */
export function actionPieces({ actions }: GraphNode): readonly Piece[] {
  const shown = actions.slice(0, actionsShown);
  const rest = actions.length > shown.length ? [{ text: '…', tone: 'plain' as const }] : [];
  return [...shown.map((a) => ({ text: `${a.ruleCount} ${a.target}`, tone: tones[a.kind] })), ...rest];
}

/** `1234` as `1.2k`. */
export function packetsText(packets: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P'];
  let value = packets;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)}${units[unit]}`;
}

/** A share from 0 to 1: `all`, `43 %`, `1 in 330k`, `none`. */
export function shareText(share: number): string {
  if (share <= 0) return 'none';
  if (share >= 1) return 'all';
  if (share < 0.001) return `1 in ${packetsText(1 / share)}`;
  // Nearly all is not all: what is missing may be what matters.
  if (share > 0.999) return '> 99.9 %';
  const percent = share * 100;
  return `${percent < 10 || percent > 99 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** Shares of those that arrive, and behind a dot of those that this machine sends, where both come here. */
function sharesText(shares: Shares): string {
  return (['arrive', 'local'] as const)
    .flatMap((name) => (shares[name] === undefined ? [] : [shareText(shares[name])]))
    .join(' · ');
}

/** The label of a call: what share of the packets takes it, or what it counted, or how many rules make it. */
export function callLabel({ packets, ruleCount, shares }: GraphCall): string {
  if (shares !== undefined) return sharesText(shares);
  if (packets !== undefined && packets > 0) return packetsText(packets);
  return ruleCount > 1 ? `${ruleCount} rules` : '';
}

/** The whole of a call: the rule, or how many. */
export function callTitle(call: GraphCall): string {
  const what = call.rule ? ruleText(call.rule) : `${call.ruleCount} rules`;
  if (call.shares !== undefined) return `${what} (${sharesText(call.shares)})`;
  return call.packets === undefined ? what : `${what} (${call.packets} packets)`;
}

/** Chains of a box that are named in its tooltip. */
const chainsNamed = 20;

/** The whole of a box, line by line. */
export function nodeTitle(node: GraphNode): readonly string[] {
  const { chains, table, owner, actions, line } = node;
  const named = chains.slice(0, chainsNamed).join(', ');
  const more = chains.length > chainsNamed ? ` and ${chains.length - chainsNamed} more` : '';
  return [
    `${table} ${named}${more}`,
    ...(line > 0 && chains.length === 1 ? [`line ${line}`] : []),
    ...(owner === undefined ? [] : [`written by ${owner}`]),
    ...actions.map((a) => `${a.ruleCount} ${a.target}`),
  ];
}

/** Whose rules the picture shows. */
export function graphHeading({ ruleset, read }: RulesetGraph): string {
  const { family, version, backend } = ruleset.linked.ruleset;
  const host = read.machine.hostName.value;
  return [
    ruleset.source.name,
    ...(host === undefined ? [] : [host]),
    family === 'ipv4' ? 'IPv4' : 'IPv6',
    `iptables ${version} (${backend === 'nft' ? 'nf_tables' : 'legacy'})`,
  ].join(' · ');
}

/** Ends of a packet that are told one by one. */
const endsShown = 6;

/** The packet whose road is lit, and each way that it may end; empty without one. */
export function roadWords({ traced }: RulesetGraph): readonly Piece[] {
  return traced ? packetRoadWords(traced) : [];
}

/** A packet, and each way that it may end. */
export function packetRoadWords(traced: PacketTrace): readonly Piece[] {
  const book = ruleBook(traced.ruleset.linked.ruleset);
  const ends = endsOf(traced.ways, []).map(({ trace, given }): Piece => {
    const { word, rest, tone } = fateWords(trace.fate);
    const at = decidedBy(trace);
    const by = at === undefined ? '' : `, ${deciderWords(at, book)}`;
    const when = given.length === 0 ? '' : `if ${given.map(assumptionWords).join(', ')}: `;
    const what = rest === '' || /^[,:]/.test(rest) ? rest : ` ${rest}`;
    return { text: `${when}${word}${what}${by}`, tone: tone === 'other' ? 'plain' : tone };
  });
  const more = ends.length - endsShown;
  return [
    { text: `the road of ${packetText(traced.request.packet)}`, tone: 'plain' },
    ...ends.slice(0, endsShown),
    ...(more > 0 ? [{ text: `and ${countWords(more, 'further end')}`, tone: 'plain' as const }] : []),
  ];
}

/** The ends of a packet, each with the answers that lead to it. */
function endsOf(
  ways: Ways,
  given: readonly Assumption[],
): readonly { readonly trace: Trace; readonly given: readonly Assumption[] }[] {
  if (ways.kind === 'way') return [{ trace: ways.branch.trace, given }];
  const { key } = ways.question;
  return ways.answers.flatMap(({ answer, ways: below }) => endsOf(below, [...given, { key, answer }]));
}

/** What numbers on arrows mean; empty where there are none. */
function weightWords({ graph: { calls, nodes } }: RulesetGraph): readonly string[] {
  if (nodes.some((n) => n.shares !== undefined))
    return [
      'numbers on arrows and in blue boxes: of all packets that may open a connection, how many may come there; every address, port and named interface counts alike',
      'they are shares of what arrives, in OUTPUT of what this machine sends, in POSTROUTING of the one · of the other',
    ];
  return calls.some((c) => c.packets !== undefined && c.packets > 0)
    ? ['numbers on arrows: packets that the rules have counted']
    : [];
}

/** Chains without callers that are named. */
const unusedNamed = 8;

/** What the picture does not show. */
export function graphNotes(drawn: RulesetGraph): readonly string[] {
  const { graph, otherFamilies, diagnostics, sharesProblem } = drawn;
  const unread = unreadLineCount(diagnostics);
  const { unused, foldedCount } = graph;
  const named = unused.slice(0, unusedNamed).join(', ');
  const more = unused.length > unusedNamed ? ` and ${unused.length - unusedNamed} more` : '';
  return [
    ...weightWords(drawn),
    ...(sharesProblem === undefined ? [] : [`no shares: ${sharesProblem}`]),
    ...(unread > 0 ? [`${countWords(unread, 'line')} would not load; fwsim lint shows them`] : []),
    ...(unused.length > 0 ? [`no rule leads to: ${named}${more}`] : []),
    ...(foldedCount > 0 ? [`${foldedCount} chains share boxes; --boxes COUNT shows more of them apart`] : []),
    ...otherFamilies.map((f) => `the ${f === 'ipv4' ? 'IPv4' : 'IPv6'} rules have a picture of their own`),
  ];
}
