/** Packets that matter to some rules, for fast-check. */

import fc from 'fast-check';
import { choiceCount, regionsOf } from './regions.ts';
import type { Rules } from './rules.ts';
import { flow, type TestFlow } from './test-flow.ts';
import { packet, type TestPacket } from './test-packet.ts';

/** Which packets are drawn. */
export interface PacketOptions {
  /** All of them are among these, in match options; default: any. */
  readonly in?: string | readonly string[];
  /** None of them is among these. */
  readonly except?: string | readonly string[];
  /** Sent by the machine itself; default: they arrive. */
  readonly local?: boolean;
  /** Only packets that open a connection, from where they may come; default: also answers, errors and nonsense. */
  readonly openers?: boolean;
}

const listOf = (texts: string | readonly string[] | undefined, none: readonly string[]): readonly string[] =>
  texts === undefined ? none : typeof texts === 'string' ? [texts] : texts;

/** As often as not the ordinary value; shrinks to it. */
const choice = fc.oneof({ withCrossShrink: true }, fc.constant(0), fc.nat(997));

/**
 * Draws packets from every region of packets that these rules treat differently: at the boundaries of what they
 * mention, in every state of a connection, with odd flags and errors of ICMP. Shrinks to the most ordinary packet of
 * the first region that still fails.
 * @throws RulesError where there are no such packets.
 */
export function packets(rules: Rules, o: PacketOptions = {}): fc.Arbitrary<TestPacket> {
  const local = o.local ?? false;
  const regions = regionsOf(rules, {
    in: listOf(o.in, ['']),
    except: listOf(o.except, []),
    local,
    openers: o.openers ?? false,
  });
  return fc
    .tuple(fc.nat(regions.length - 1), fc.array(choice, { minLength: choiceCount, maxLength: choiceCount }))
    .map(([index, choices]) => packet(regions[index]?.draw(choices) ?? '', { local }));
}

/** Which conversations are drawn. */
export type FlowOptions = Omit<PacketOptions, 'openers'>;

/** Draws conversations by the packets that open them, with the same care. */
export function flows(rules: Rules, o: FlowOptions = {}): fc.Arbitrary<TestFlow> {
  const service = ['-p tcp', '-p udp'];
  const asked = listOf(o.in, ['']);
  const within = asked.flatMap((text) =>
    /(?:^|\s)(?:-p|--protocol|@\S+)(?:\s|$)/.test(text) ? [text] : service.map((s) => `${text} ${s}`.trim()),
  );
  return packets(rules, { ...o, in: within, openers: true }).map((opener) => flow(opener));
}
