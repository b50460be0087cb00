/**
 * What strangers reach: the mechanism under the checks of exposure. Packets are openers as they come in from outside;
 * that something is open rests on packets that pass whatever is not known, or on a walk that names what it takes for
 * granted.
 */

import { atEntry } from '../../../analysis/fates.ts';
import type { FatePart } from '../../../analysis/road.ts';
import type { Description } from '../../../analysis/vocabulary.ts';
import type { Chain } from '../../../model/ruleset.ts';
import { type Family, prefix } from '../../../net/address.ts';
import { addressText, parseAddress } from '../../../net/address-text.ts';
import { interfacePattern } from '../../../net/interface-pattern.ts';
import type { FieldName } from '../../../packetset/fields.ts';
import { createMeasure } from '../../../packetset/measure.ts';
import type { PacketSet } from '../../../packetset/space.ts';
import type { AllPackets, Example } from '../../all-packets.ts';
import type { CheckContext, RulesetView, SendOptions, SidedInterface, Subject, Walk } from '../../check.ts';
import type { Inference } from '../../finding.ts';
import { isForContainers } from '../../sides.ts';
import { isTunnel } from './behind.ts';
import { accepts } from './rules-at.ts';
import { insideInterfaces } from './strangers.ts';

/** Where packets of strangers are heading. */
export type Way = 'to' | 'through';

/** Packets of strangers that pass, with what that rests on. */
export interface Opening {
  /** Packets as they come in, from outside, that pass on this way. */
  readonly set: PacketSet;
  /** `by eth0`, `by any interface`. */
  readonly from: string;
  /** Whether it is said of every interface: what is asked of it must then hold by each. */
  readonly everywhere: boolean;
  readonly inferences: readonly Inference[];
}

/** Something that strangers reach, with a packet that got there. */
export interface Reached {
  readonly walk: Walk;
  readonly opening: Opening;
  /** The packets of the opening that were asked about. */
  readonly set: PacketSet;
}

const privateTexts: Readonly<Record<Family, readonly (readonly [string, number])[]>> = {
  ipv4: [
    ['10.0.0.0', 8],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['100.64.0.0', 10],
    ['169.254.0.0', 16],
  ],
  ipv6: [
    ['fc00::', 7],
    ['fe80::', 10],
  ],
};

/** Networks that nobody on the Internet has. */
function privateNetworks(family: Family) {
  return privateTexts[family].flatMap(([text, length]) => {
    const address = parseAddress(family, text);
    return address ? [prefix(address, length)] : [];
  });
}

/** Packets to private networks; who asks for `publicDestinations` mentions it. */
export const toPrivateNetworks = (family: Family): Description => ofPrivateNetworks(family, 'dst');

/** The same for packets from private networks. */
export const fromPrivateNetworks = (family: Family): Description => ofPrivateNetworks(family, 'src');

/** A port that no rule is likely to name. */
export const unspokenPort = 49_513;

/** From so many addresses on, it is anybody's. */
const manyAddresses: Readonly<Record<Family, bigint>> = { ipv4: 1n << 24n, ipv6: 1n << 117n };

/** The port that ordinary clients send from here: one of many that are alike. */
const clientPort = 40_000;

/** What the questions about strangers mention. */
export function strangersMention(family: Family): Description {
  return (space) =>
    [6, 17].reduce<PacketSet>(
      (set, protocol) =>
        space.or(
          set,
          space.and(
            space.interval('protocol', protocol, protocol),
            space.interval('dport', unspokenPort, unspokenPort),
          ),
        ),
      // Of interfaces that nobody names, lo must be told apart: strangers never come by it.
      [
        space.interval('sport', clientPort, clientPort),
        space.interface('in', interfacePattern('lo')),
      ].reduce<PacketSet>((set, other) => space.or(set, other), ofPrivateNetworks(family, 'src')(space)),
    );
}

/** Packets from private networks, or to them. */
function ofPrivateNetworks(family: Family, side: 'src' | 'dst'): Description {
  return (space) =>
    privateNetworks(family).reduce<PacketSet>(
      (set, net) => space.or(set, space.network(side, net)),
      space.none,
    );
}

/** Names that interfaces to a provider commonly have; a tunnel or a bridge that is named alone is no such thing. */
const wireName = /^(eth|en[opsx]|em|venet|bond|wlan|wlp|wls|ppp|wan|wwan|p\d+p)\w*/;

/** Packets that come in from outside. */
interface Source extends Omit<Opening, 'set'> {
  readonly come: PacketSet;
}

/** Whether rules let in by this interface whatever comes, and only there: they take it for the inside. */
function isTrusted(view: RulesetView, name: string): boolean {
  return view.rules().some((rule) => {
    const { inInterface, src, dst, protocol } = rule.base;
    if (rule.table !== 'filter' || src || dst || protocol || rule.matches.length > 0) return false;
    return inInterface?.value.name === name && !inInterface.negated && accepts(rule);
  });
}

/** Who comes by the interfaces that lead outside, as far as that is known or guessed. */
function outsideSources(context: CheckContext, all: AllPackets): readonly Source[] {
  const outside = context.interfaces(all.view.family).filter((i) => i.side === 'outside');
  // Masquerading into a tunnel says that its other end does not know us, not that strangers are there.
  const wires = outside.filter((i) => i.provenance === 'given' || !isTunnel(context, i.name));
  return (wires.length > 0 ? wires : outside).map((i) => ({
    come: all.comingBy([i.name]),
    everywhere: false,
    from: `by ${i.name}`,
    inferences: i.inferences,
  }));
}

/** Who comes from outside: the ways to say it, the surest first. */
function sources(context: CheckContext, all: AllPackets): readonly Source[] {
  const { space, view } = all;
  const list = [...outsideSources(context, all)];
  if (list.some((source) => source.inferences.length === 0)) return list;
  const sided = context.interfaces(view.family);
  // What holds by any interface needs no guess at which one leads outside.
  const kept = sided.filter(isKeptFor(context)).map((i) => i.name);
  list.unshift({
    come: space.not(all.comingBy(kept)),
    everywhere: true,
    from: 'by any interface',
    inferences: [],
  });
  const unknown = sided.filter((i) => i.side === 'unknown');
  const [only] = unknown;
  if (only && unknown.length === 1 && wireName.test(only.name) && !isTrusted(view, only.name))
    list.push({
      come: all.comingBy([only.name]),
      everywhere: false,
      from: `by ${only.name}`,
      inferences: [
        {
          text: `${only.name} leads outside (no other interface to somewhere is named)`,
          settledBy: 'ip -j route show table all',
        },
      ],
    });
  return list;
}

/** Whether an interface is known not to lead to strangers, whichever other one does. */
function isKeptFor({ machine }: CheckContext): (i: SidedInterface) => boolean {
  const told = new Set((machine.inside ?? []).map((fact) => fact.value));
  return ({ name, side }) =>
    side === 'loopback' || (side === 'inside' && (told.has(name) || isForContainers(name)));
}

/** Whether its destination was rewritten on the way. */
function isTranslated({ trace }: Walk): boolean {
  return trace.events.some((event) => event.kind === 'nat' && event.manip === 'destination');
}

const wayOf = ({ fate, visit }: FatePart): Way | 'before' | undefined => {
  if (visit === undefined) return fate === 'local' ? 'to' : fate === 'forward' ? 'through' : undefined;
  if (visit.hook === 'PREROUTING') return 'before';
  return visit.hook === 'INPUT' ? 'to' : 'through';
};

/** What may happen to packets on a way: as they came in. */
interface Decided {
  readonly accepted: PacketSet;
  readonly refused: PacketSet;
}

/**
 * Packets that are accepted and refused on this way, by their header as they came in. Whether they are routed that way
 * is not asked. `inNoSet`: they stand in no set whose contents are not known. `arriving`: only those whose header at the
 * end is this.
 */
function decidedOn(all: AllPackets, way: Way, inNoSet: boolean, arriving?: PacketSet): Decided {
  const { space, analysis } = all;
  const road = all.road('to');
  const sets = { accepted: [] as PacketSet[], refused: [] as PacketSet[] };
  for (const part of road.parts) {
    const on = wayOf(part);
    if (on !== way && on !== 'before') continue;
    const passes = part.visit === undefined;
    let set = part.set;
    if (passes && arriving !== undefined) set = space.and(set, arriving);
    if (inNoSet)
      for (const { unknown, identity } of space.unknownsOf(set))
        if (unknown.kind === 'choice' && identity.startsWith('shared set:'))
          set = space.diff(set, space.choice(unknown.choice));
    sets[passes ? 'accepted' : 'refused'].push(space.may(atEntry(analysis.vocabulary, set, road)));
  }
  return { accepted: space.union(sets.accepted), refused: space.union(sets.refused) };
}

/** A stranger who is in no set whose contents nobody gave. */
const strangerToSets: Inference = {
  text: 'the sender is in none of the sets whose contents are not known',
  settledBy: 'ipset save',
};

/** Answers that a stranger who begins to talk, slowly, gets; by topic of what is asked. */
const calmAnswers: readonly (readonly [RegExp, string, Inference | undefined])[] = [
  [/^limit$/, 'under', { text: 'no limit is reached', ofSender: true }],
  [/^set:/, 'no', strangerToSets],
  [/^recent:/, 'absent', { text: 'the sender is not listed yet', ofSender: true }],
  [/^forwarding$/, 'on', { text: 'this machine forwards packets', settledBy: 'sysctl -a' }],
  [/^rpfilter$/, 'fine', undefined],
  [/^payload$/, 'other', undefined],
  [/^ipsec$/, 'no', undefined],
  [/^socket$/, 'none', undefined],
];

/** Questions that are answered for one packet. */
const answersMax = 12;

/** Walks the first packet of a calm stranger: what it depends on and is not known is answered so, and noted. */
export function calmWalk(context: CheckContext, sketch: Walk['sketch'], options: SendOptions): Walk {
  const assume = [...(options.assume ?? [])];
  let sent = sketch;
  const inferences = new Map((options.inferences ?? []).map((i) => [i.text, i]));
  for (let n = 0; ; n++) {
    const walk = context.send(sent, { assume, inferences: [...inferences.values()] });
    const { fate } = walk.trace;
    if (fate.kind !== 'undecided' || n === answersMax) return walk;
    const { topic, key } = fate.question;
    if (key.startsWith('out:') && sent.outInterface === undefined) {
      // Where packets leave is not asked here: to a network of ours, as they were meant to.
      const [to] = insideInterfaces(context, sent.dst.family, sent.inInterface ?? '');
      if (!to) return walk;
      sent = { ...sent, outInterface: to.name };
      for (const i of to.inferences) inferences.set(i.text, i);
      continue;
    }
    const calm = calmAnswers.find(([pattern]) => pattern.test(topic));
    if (!calm || assume.includes(`${topic}=${calm[1]}`)) return walk;
    assume.push(`${topic}=${calm[1]}`);
    if (calm[2] !== undefined) inferences.set(calm[2].text, calm[2]);
  }
}

/** Questions of exposure about one view; answers are kept. */
export interface Openness {
  readonly all: AllPackets;
  /** The ways in which strangers pass, the surest first; with openers, or with these packets. */
  openings(way: Way, who?: PacketSet): readonly Opening[];
  /** The packets of an opening that are asked about; where it is said of every interface, those that are so by each. */
  within(opening: Opening, asked: PacketSet): PacketSet;
  /**
   * Whether strangers reach packets of this description: a packet from nearly any public address got there. `what` is
   * said of the header as it arrives (translated), `asked` of the header as it is sent. `anyPort`: the sender may have
   * chosen his port; else he sends from an ordinary one.
   */
  reached(
    way: Way,
    what: PacketSet,
    options?: { readonly asked?: PacketSet; readonly anyPort?: boolean },
  ): Reached | undefined;
  /** Openers that pass on this way whatever is not known, from anywhere. Whether they are routed that way is not asked. */
  certain(way: Way): PacketSet;
  /**
   * Whether strangers may reach any of these packets, for some answer to what is not known. `what` is said of the header
   * as it is sent; with `arriving`, as it arrives.
   */
  mayReach(way: Way, what: PacketSet, options?: { readonly arriving?: boolean }): boolean;
  /** The share of what strangers may send that passes, counted in sources and both ports of one protocol. */
  shareOpen(way: Way, protocol: number): { readonly share: number; readonly opening: Opening } | undefined;
  /** Whether these packets come from a good part of the public addresses. */
  fromAnybody(set: PacketSet): boolean;
  /** Ordinary packets of the set, from public addresses where it has such. */
  examples(set: PacketSet, way: Way): readonly Example[];
  /** Packets to addresses that are not private. */
  readonly publicDestinations: PacketSet;
  /** TCP or UDP to these ports, both ends included. */
  ports(protocol: number, low: number, high?: number): PacketSet;
}

const known = new WeakMap<AllPackets, Openness>();

/** The questions of exposure of a view. */
export function opennessOf(context: CheckContext, view: RulesetView): Openness {
  const all = context.packets(view);
  const old = known.get(all);
  if (old) return old;
  const made = createOpenness(context, all);
  known.set(all, made);
  return made;
}

function createOpenness(context: CheckContext, all: AllPackets): Openness {
  const { space, view } = all;
  const { family } = view;
  const decided = new Map<string, Decided>();
  const decidedAs = (way: Way, inNoSet: boolean): Decided => {
    const key = `${way} ${inNoSet}`;
    let found = decided.get(key);
    if (found === undefined) {
      found = decidedOn(all, way, inNoSet);
      decided.set(key, found);
    }
    return found;
  };
  const kept = new Map<string, readonly Opening[]>();
  const inUse = (field: FieldName): boolean => space.codec.fields.has(field);
  const fieldsBut = (...wanted: readonly FieldName[]): readonly FieldName[] =>
    [...space.codec.fields.keys()].filter((f) => !wanted.includes(f));

  /** Packets of the set that come from this source, among those that are asked about. */
  const comingFrom = (source: Source, who: PacketSet, set: PacketSet): PacketSet => {
    const here = space.and(set, source.come);
    if (!source.everywhere || !inUse('inInterface')) return here;
    const entering = space.and(space.and(who, space.entryOf(all.road('to').entering)), source.come);
    const missing = space.forget(space.diff(entering, set), ['inInterface']);
    return space.diff(here, missing);
  };

  /**
   * Whether the packets go to a few addresses that nothing says to be this machine's: what other rules single out (those
   * of raw, say) may as well be hosts behind it.
   */
  const isTakenForOurs = (set: PacketSet, { dst }: Walk['sketch'], options: SendOptions): boolean => {
    const text = addressText(dst);
    if (!options.assume?.includes(`local=${text}`)) return false;
    if (options.inferences?.some((i) => i.text.startsWith(`${text} `))) return false;
    // How many each sender reaches: a rule for a single one may well let him ask anybody.
    const pairs = createMeasure(space, ['src', 'dst']).count(space.forget(set, fieldsBut('src', 'dst')));
    const senders = createMeasure(space, ['src']).count(space.forget(set, fieldsBut('src')));
    return pairs < manyAddresses[family] * senders;
  };

  const self: Openness = {
    all,
    openings(way, who = all.openers) {
      const key = `${way} ${who}`;
      let list = kept.get(key);
      if (list !== undefined) return list;
      const made: Opening[] = [];
      const outside = new Set(outsideSources(context, all).map((source) => source.from));
      const add = (set: PacketSet, source: Source, more: readonly Inference[]): void => {
        const here = comingFrom(source, who, space.and(set, who));
        if (here === space.none || !space.isDecided(here)) return;
        // A rule for one interface is wide open there, whatever the others let in.
        const isOfItsOwn = (o: Opening): boolean => o.everywhere && outside.has(source.from);
        if (made.some((o) => !isOfItsOwn(o) && space.implies(here, o.set))) return;
        const { from, everywhere } = source;
        made.push({ set: here, from, everywhere, inferences: [...source.inferences, ...more] });
      };
      const kinds = [
        [decidedAs(way, false), true, []],
        [decidedAs(way, true), true, [strangerToSets]],
        [decidedAs(way, true), false, []],
      ] as const;
      for (const [{ accepted, refused }, sure, more] of kinds)
        for (const source of sources(context, all))
          add(sure ? space.diff(accepted, refused) : accepted, source, more);
      list = made;
      kept.set(key, list);
      return list;
    },
    within({ set, everywhere }, asked) {
      const both = space.and(set, asked);
      if (!everywhere || !inUse('inInterface') || both === space.none) return both;
      return space.diff(both, space.forget(space.diff(set, asked), ['inInterface']));
    },
    reached(way, what, { asked = space.all, anyPort = false } = {}) {
      const translated = space.fieldsOf(what).some((f) => all.analysis.vocabulary.rewritten.has(f));
      const within = translated ? decidedOn(all, way, true, what).accepted : what;
      const ordinary = space.or(
        space.interval('sport', clientPort, clientPort),
        space.not(space.has('sport')),
      );
      const wanted = space.and(space.and(within, asked), anyPort ? space.all : ordinary);
      if (wanted === space.none || !space.isDecided(wanted)) return undefined;
      for (const opening of self.openings(way)) {
        const set = self.within(opening, wanted);
        if (set === space.none || !space.isDecided(set)) continue;
        if (!self.fromAnybody(set)) continue;
        for (const { sketch, options } of self.examples(set, way)) {
          const inferences = [...(options.inferences ?? []), ...opening.inferences];
          // What is translated was mostly sent to an address of ours.
          const local = (options.assume ?? []).map((word) => word.replace(/^remote=/, 'local='));
          const places = translated && way === 'through' ? [local, options.assume] : [options.assume];
          for (const assume of places) {
            const walk = calmWalk(context, sketch, { assume: assume ?? [], inferences });
            if (walk.fate !== (way === 'to' ? 'local' : 'forward')) continue;
            const changed = isTranslated(walk);
            if (way === 'to' ? changed || !isTakenForOurs(set, sketch, options) : !translated || changed)
              return { walk, opening, set };
          }
        }
      }
      return undefined;
    },
    certain(way) {
      const { accepted, refused } = decidedAs(way, false);
      return space.and(space.diff(accepted, refused), all.openers);
    },
    mayReach(way, what, { arriving = false } = {}) {
      const accepted = arriving
        ? decidedOn(all, way, false, what).accepted
        : space.and(decidedAs(way, false).accepted, what);
      const set = space.and(accepted, all.openers);
      const outside = outsideSources(context, all);
      const asked = outside.length > 0 ? outside : sources(context, all);
      return asked.some(({ come }) => space.and(set, come) !== space.none);
    },
    shareOpen(way, protocol) {
      const here = space.interval('protocol', protocol, protocol);
      const measure = createMeasure(space, ['src', 'sport', 'dport']);
      const flat = (set: PacketSet): PacketSet =>
        space.forget(space.and(set, here), fieldsBut('src', 'sport', 'dport'));
      const whole = flat(space.and(all.openers, space.entryOf(all.road('to').entering)));
      let best: { share: number; opening: Opening } | undefined;
      for (const opening of self.openings(way)) {
        const share = measure.share(flat(opening.set), whole);
        if (share > (best?.share ?? 0)) best = { share, opening };
      }
      return best;
    },
    fromAnybody(set) {
      const measure = createMeasure(space, ['src']);
      const open = space.forget(set, fieldsBut('src'));
      const inside = all.describe(ofPrivateNetworks(family, 'src')).may;
      return measure.count(space.diff(open, inside)) >= manyAddresses[family];
    },
    examples: (set, way) => {
      const tunnels = context
        .interfaces(family)
        .filter((i) => i.side === 'unknown' && !wireName.test(i.name))
        .map((i) => i.name);
      const outer = space.and(set, space.union(outsideSources(context, all).map(({ come }) => come)));
      let best = outer === space.none ? set : outer;
      for (const odd of [all.describe(ofPrivateNetworks(family, 'src')).may, all.comingBy(tunnels)]) {
        const better = space.diff(best, odd);
        if (better !== space.none) best = better;
      }
      return all.examples(best, way);
    },
    get publicDestinations() {
      return space.not(all.describe(ofPrivateNetworks(family, 'dst')).may);
    },
    ports: (protocol, low, high = low) =>
      space.and(space.interval('protocol', protocol, protocol), space.interval('dport', low, high)),
  };
  return self;
}

/** Where whoever let a walk pass, or refused it, stands. */
export function deciderOf(view: RulesetView, walk: Walk): Subject | undefined {
  const by = walk.decidedBy;
  if (by === undefined) return undefined;
  if (by.kind === 'rule') {
    const rule = view.ruleById(by.id);
    return rule && { kind: 'rule', view, rule };
  }
  const chain = view.chain(by.table, by.chain);
  return chain && hasPolicyOfItsOwn(view, chain) ? { kind: 'policy', view, chain } : undefined;
}

/** Whether the text sets the policy: a file that only adds to the rules in force leaves it as it is (`:INPUT -`). */
function hasPolicyOfItsOwn({ source, table }: RulesetView, chain: Chain): boolean {
  if (/^:\S+\s+-(?:\s|$)/.test(source.text.slice(chain.offset, chain.offset + 80))) return false;
  return chain.declared && (chain.rules.length > 0 || chain.offset !== table(chain.table)?.offset);
}

/** `rule 3 of INPUT`, `the policy of INPUT`. */
export function deciderText(walk: Walk): string {
  const by = walk.decidedBy;
  if (by === undefined) return 'no rule';
  return by.kind === 'rule' ? `rule ${by.number} of ${by.chain}` : `the policy of ${by.chain}`;
}

/** Whether a program wrote what decided, and what to change then. */
export function knobOf(view: RulesetView, at: Subject): string | undefined {
  if (at.kind !== 'rule') return undefined;
  const owner = view.writer(at.rule);
  return owner && `${owner.name} wrote this rule: change ${owner.knob}`;
}

/** From this share on, what is closed is the exception. */
export const openShare = 0.9;

/** Whether nearly all that strangers send to this machine arrives: then nothing single is worth telling. */
export function isWideOpen(openness: Openness, way: Way): boolean {
  return [6, 17].some((protocol) => (openness.shareOpen(way, protocol)?.share ?? 0) >= openShare);
}

/** Whether something that is not looked at guards the machine itself. */
export function isGuardedElsewhere(context: CheckContext): boolean {
  return context.machine.inputFilteredElsewhere?.value === true;
}
