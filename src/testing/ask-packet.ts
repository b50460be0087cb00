/** Expectations about one packet: every way that the engine walks it must end so. */

import type { Branch } from '../engine/explore.ts';
import type { Fate, Trace } from '../model/trace.ts';
import { type Address, addressBits, networkContains, prefix } from '../net/address.ts';
import { addressText, parseAddress } from '../net/address-text.ts';
import { fatesOfExpectation } from '../policy/claims.ts';
import type { Expectation } from '../policy/policy.ts';
import { printTrace } from '../report/trace.ts';
import { waysOf } from '../trace/outcome.ts';
import { arrived, replyEnd } from '../trace/reply.ts';
import type { PacketTrace } from '../trace/trace-packet.ts';
import type { Answer } from './answer.ts';
import { plainStyle } from './plain-style.ts';
import { type Rules, RulesError } from './rules.ts';
import type { TestPacket } from './test-packet.ts';

const named = { 'hook-drop': 'drop', 'send-error': 'route-drop' } as const;

function fateName({ kind }: Fate): string {
  return kind in named ? named[kind as keyof typeof named] : kind;
}

/** Walks a packet and asks each of its ways. `expected`: for the message, after "expected". */
export function askPacket(
  rules: Rules,
  packet: TestPacket,
  expected: string,
  holds: (trace: Trace, branch: Branch, traced: PacketTrace) => boolean,
): Answer {
  const traced = rules.trace(packet);
  const ways = waysOf(traced.ways).map(({ branch }) => holds(branch.trace, branch, traced));
  const good = ways.filter((way) => way).length;
  return {
    verdict: good === ways.length ? 'holds' : good === 0 ? 'fails' : 'open',
    message: () =>
      `${packet}\nexpected ${expected}${good > 0 && good < ways.length ? ', which depends on what is not known' : ''}\n\n${printTrace({ traced }, plainStyle, { all: false, verbose: false })}`,
  };
}

/** How a packet ends. */
export const endsAs =
  (expectation: Expectation) =>
  ({ fate }: Trace): boolean =>
    (fatesOfExpectation[expectation] as readonly string[]).includes(fateName(fate));

/** By which interface it leaves. */
export const leavesBy =
  (interfaces: readonly string[]) =>
  ({ fate }: Trace): boolean =>
    fate.kind === 'forward' && interfaces.includes(fate.outInterface);

/** What it is addressed to in the end, or where it comes from. */
export function addressed(side: 'src' | 'dst', targets: readonly string[]): (trace: Trace) => boolean {
  const wanted = targets.map((text) => targetOf(text));
  return ({ fate }) => {
    if (!arrived(fate)) return false;
    const { packet } = fate;
    const port = side === 'src' ? packet.sport : packet.dport;
    return wanted.some((t) => t.has(packet[side]) && (t.port === undefined || t.port === port));
  };
}

interface Target {
  readonly has: (address: Address) => boolean;
  readonly port: number | undefined;
}

function targetOf(text: string): Target {
  const whole = parseAddress('ipv6', text) !== undefined;
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^[\]]*?))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const [host = '', length] = (whole ? text : (bracketed ?? plain ?? text)).split('/');
  const address = parseAddress('ipv4', host) ?? parseAddress('ipv6', host);
  const bits = address && addressBits(address.family);
  const long = length === undefined ? bits : Number(length);
  if (address === undefined || bits === undefined || long === undefined || !(long >= 0 && long <= bits))
    throw new RulesError(`"${text}" is no address: ADDRESS, ADDRESS:PORT, [IPV6-ADDRESS]:PORT or NETWORK`);
  const network = prefix(address, long);
  return {
    has: (other) => other.family === address.family && networkContains(network, other),
    port: whole || port === undefined ? undefined : Number(port),
  };
}

/** That its answer comes back, where it passes; a packet that nobody answers is none. */
export function isAnswered(trace: Trace, branch: Branch, traced: PacketTrace): boolean {
  const reply = traced.replies.get(branch);
  return (
    reply?.kind === 'walked' &&
    waysOf(reply.ways).every((way) => replyEnd(trace, way.branch.trace) === 'comes-back')
  );
}

/** Whether one packet fares alike under two rulesets: end, interface, addresses and ports. */
export function askSameWay(rules: Rules, other: Rules, packet: TestPacket): Answer {
  const ends = (traced: PacketTrace): readonly string[] =>
    [...new Set(waysOf(traced.ways).map(({ branch }) => endText(branch.trace)))].sort();
  const here = rules.trace(packet);
  const there = other.trace(packet);
  const same = ends(here).join('\n') === ends(there).join('\n');
  const shown = (traced: PacketTrace): string =>
    printTrace({ traced }, plainStyle, { all: false, verbose: false });
  return {
    verdict: same ? 'holds' : 'fails',
    message: () =>
      same
        ? `${packet}\nfares alike under ${rules.name} and ${other.name}: ${ends(here).join(' or ')}`
        : `${packet}\nexpected the same under ${rules.name} as under ${other.name}\n\n${shown(here)}\n${shown(there)}`,
  };
}

function endText({ fate }: Trace): string {
  if (!arrived(fate)) return fateName(fate);
  const { src, dst, sport, dport } = fate.packet;
  const out = fate.kind === 'local' ? '' : ` by ${fate.outInterface}`;
  return `${fate.kind}${out}, ${addressText(src)} ${sport ?? ''} to ${addressText(dst)} ${dport ?? ''}`;
}
