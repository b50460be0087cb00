/**
 * What a new connection may reach: for each interface that it may come by, on this machine and through it, and what
 * this machine itself may reach; by service, for whom, by which rules.
 */

import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { ReadMachine, ReadRuleset } from '../link/read-machine.ts';
import type { Listener } from '../model/machine.ts';
import type { Hook } from '../model/netfilter.ts';
import type { Rule } from '../model/ruleset.ts';
import { compareAddresses } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { unknownText } from '../packetset/choices.ts';
import type { InterfaceLabel } from '../packetset/codings.ts';
import type { FieldName } from '../packetset/fields.ts';
import { createMeasure } from '../packetset/measure.ts';
import type { PacketSet } from '../packetset/space.ts';
import { type Analysis, analyse } from './analysis.ts';
import { type DecidedPart, type Decider, decidedParts, deciderKey } from './deciders.ts';
import { effectOf } from './effects.ts';
import { type ExposedService, exposedServices, whoFields } from './exposed-services.ts';
import { atEntry } from './fates.ts';
import {
  budgetReached,
  type MachineQuestion,
  type MachineRulesets,
  machineRulesets,
} from './machine-rulesets.ts';
import { namedProtocols, openingPackets, ordinaryAddresses, ordinaryOn } from './ordinary.ts';
import type { FatePart, Road } from './road.ts';
import { createSetFinder, type SetFinder } from './set-finder.ts';
import type { Side } from './side.ts';
import type { Visit } from './table-run.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What is asked. */
export interface ExposureOptions extends MachineQuestion {
  /** Rows of a section; default 6. */
  readonly rowsMax?: number;
}

/** A service that is open, or may be. */
export interface ExposureRow extends Omit<ExposedService, 'set'> {
  /** Open whatever is not known; else only for some answers. */
  readonly certain: boolean;
  /** Where DNAT or REDIRECT leads, and by which rule: `10.0.0.5:80`. */
  readonly translated: { readonly to: string; readonly by: Rule } | undefined;
  /** Who lets these packets pass, in the order of the rules. */
  readonly by: readonly Decider[];
  /** What it depends on where it is not certain: matches of rules, sets that are not known. */
  readonly dependsOn: readonly string[];
  /** Programs that listen there, if sockets are known; of a range of ports, those within it. */
  readonly listeners: readonly Listener[] | undefined;
}

/** What is open in one direction. */
export interface ExposureSection {
  readonly rows: readonly ExposureRow[];
  readonly rowsLeftOut: number;
  /** Who refuses the rest, most of it first; empty where nothing is refused. */
  readonly closedBy: readonly Decider[];
  /** No packet comes this way at all. */
  readonly idle: boolean;
}

/** What may be reached by packets that come in by some interfaces, all alike. */
export interface InterfaceExposure {
  /** `eth0`, `eth+`; empty: any other interface, or any at all where none is named. */
  readonly interfaces: readonly string[];
  readonly others: boolean;
  readonly to: ExposureSection;
  readonly through: ExposureSection;
}

/** One family's exposure. */
export interface FamilyExposure {
  readonly ruleset: ReadRuleset;
  readonly interfaces: readonly InterfaceExposure[];
  /** What this machine may reach. */
  readonly out: ExposureSection;
  /** Whether it forwards: as is known, or may be. */
  readonly forwards: 'yes' | 'no' | 'unknown';
}

/** What {@link exposureOf} found. */
export interface ExposureResult {
  readonly read?: ReadMachine;
  readonly families: readonly FamilyExposure[];
  readonly diagnostics: readonly Diagnostic[];
  readonly couldNotLook?: string;
}

/** The exposure of a machine; its own text first, then further ones about it. Never throws for any input. */
export function exposureOf(texts: readonly SourceText[], options: ExposureOptions): ExposureResult {
  const machine = machineRulesets(texts, options);
  if (typeof machine === 'string') return { families: [], diagnostics: [], couldNotLook: machine };
  return exposureOfRulesets(machine, options);
}

/** The same for a machine that has been read. */
function exposureOfRulesets(machine: MachineRulesets, options: ExposureOptions): ExposureResult {
  const { read, diagnostics } = machine;
  const families: FamilyExposure[] = [];
  for (const ruleset of machine.rulesets) {
    const { family } = ruleset.linked.ruleset;
    const analysis = analyse({
      ruleset: ruleset.linked.ruleset,
      machine: read.machine,
      registry: options.registry,
      program: machine.program,
      queries: [ordinaryAddresses(family), namedProtocols(family)],
      within: usualPackets,
      ...(options.nodesMax === undefined ? {} : { nodesMax: options.nodesMax }),
      ...(options.meter === undefined ? {} : { meter: options.meter }),
    });
    const view = new ExposureView(analysis, options.rowsMax ?? 6);
    const exposure = { ruleset, ...view.exposure() };
    const problem = budgetReached(view.decided, options);
    if (problem !== undefined) return { read, families, diagnostics, couldNotLook: problem };
    families.push(exposure);
  }
  return { read, families, diagnostics };
}

/** First packets between ordinary addresses. */
function usualPackets(vocabulary: Vocabulary, side: Side): PacketSet {
  return vocabulary.space.and(openingPackets(vocabulary), vocabulary.describe(side, ordinaryOn(side)).may);
}

/** Fields that do not count among first packets. */
const settledFields: readonly FieldName[] = [
  'ctState',
  'ctDirection',
  'ctStatus',
  'tcpFlags',
  'fragmentKind',
  'connmark',
];

/** Packets of one direction: accepted and refused, as they came in but for their out-interface. */
interface Direction {
  readonly parts: readonly DecidedPart[];
  /** Finds among the parts, and among those that pass. */
  readonly among: SetFinder<DecidedPart>;
  readonly passing: SetFinder<DecidedPart>;
  /** Hooks where it is decided. */
  readonly hooks: readonly Hook[];
  /** Packets whose destination stayed as it was. */
  readonly direct: Decision;
  /** Packets that a rule has sent elsewhere. */
  readonly moved: Decision;
}

interface Decision {
  readonly accepted: PacketSet;
  readonly refused: PacketSet;
}

/** A NAT rule with the packets that it may send elsewhere. */
interface Translation {
  readonly rule: Rule;
  readonly to: string;
  readonly set: PacketSet;
}

/** A rule that may match or not, with the packets that it may take, as they came in. */
interface OpenRule {
  readonly set: PacketSet;
  /** Its matches that are left open. */
  readonly names: readonly string[];
}

class ExposureView {
  readonly #analysis: Analysis;
  readonly #rowsMax: number;
  /** Whether no set ran out of nodes. */
  decided = true;

  constructor(analysis: Analysis, rowsMax: number) {
    this.#analysis = analysis;
    this.#rowsMax = rowsMax;
  }

  exposure(): Omit<FamilyExposure, 'ruleset'> {
    const { vocabulary, side } = this.#analysis;
    const { space } = vocabulary;
    const arrive = this.#analysis.road('arrive');
    const usual = usualPackets(vocabulary, side);
    const entering = space.and(space.may(atEntry(vocabulary, arrive.entering, arrive)), usual);
    const along = (way: Way, hooks: readonly Hook[]): Direction =>
      this.#direction(arrive, entering, hooks, (part) => wayOf(part) === way);
    const to = along('to', ['PREROUTING', 'INPUT']);
    const through = along('through', ['PREROUTING', 'FORWARD', 'POSTROUTING']);
    const before = along('before', ['PREROUTING']);
    const translations = this.#translations(arrive, entering);

    const groups = new Map<string, { names: string[]; others: boolean; inside: PacketSet }>();
    for (const label of this.#labels()) {
      const inside = this.#by(label);
      const here = space.and(entering, inside);
      if (here === space.none) continue;
      const key = [to, through, before]
        .flatMap(({ direct, moved }) => [direct.accepted, direct.refused, moved.accepted, moved.refused])
        .concat(translations.map((t) => t.set))
        .map((set) => space.forget(space.and(set, inside), ['inInterface']))
        .join(' ');
      const group = groups.get(key) ?? { names: [], others: false, inside: space.none };
      groups.set(key, group);
      group.inside = space.or(group.inside, inside);
      if (label.kind === 'name') group.names.push(label.name);
      else if (label.kind === 'prefix') group.names.push(`${label.prefix}+`);
      else group.others = true;
    }
    const interfaces = [...groups.values()].map(({ names, others, inside }) => ({
      interfaces: names,
      others,
      to: this.#section(arrive, to, before, translations, inside, entering),
      through: this.#section(arrive, through, before, translations, inside, entering),
    }));
    const local = this.#analysis.road('local');
    const sending = space.and(space.may(atEntry(vocabulary, local.entering, local)), usual);
    const out = this.#direction(
      local,
      sending,
      ['OUTPUT', 'POSTROUTING'],
      (part) => !part.looped && (part.fate === 'sent' || part.visit !== undefined),
    );
    const nothing: Decision = { accepted: space.none, refused: space.none };
    const none = (): readonly DecidedPart[] => [];
    const idle: Direction = {
      parts: [],
      among: none,
      passing: none,
      hooks: [],
      direct: nothing,
      moved: nothing,
    };
    const passes = [through.direct, through.moved].some(
      ({ accepted, refused }) => accepted !== space.none || refused !== space.none,
    );
    return {
      interfaces,
      out: this.#section(local, this.#outside(out), idle, [], space.all, sending),
      forwards: passes ? this.#forwards() : 'no',
    };
  }

  /** Whether forwarding is known. */
  #forwards(): 'yes' | 'unknown' {
    const { space } = this.#analysis.vocabulary;
    return space.unknowns.some((v) => v.unknown.kind === 'ambient' && v.unknown.key.endsWith('forwarding'))
      ? 'unknown'
      : 'yes';
  }

  /** Without what this machine says to itself. */
  #outside(d: Direction): Direction {
    const { space } = this.#analysis.vocabulary;
    const byLo = space.interface('out', { name: 'lo', exact: true });
    const without = ({ accepted, refused }: Decision): Decision => ({
      accepted: space.diff(accepted, byLo),
      refused: space.diff(refused, byLo),
    });
    // What a rule in OUTPUT translates is asked for by its first address all the same.
    const direct = without(d.direct);
    const moved = without(d.moved);
    return {
      ...d,
      direct: {
        accepted: space.or(direct.accepted, moved.accepted),
        refused: space.or(direct.refused, moved.refused),
      },
    };
  }

  #direction(
    road: Road,
    within: PacketSet,
    hooks: readonly Hook[],
    only: (part: FatePart) => boolean,
  ): Direction {
    const { vocabulary } = this.#analysis;
    const { space } = vocabulary;
    const open = road.name === 'arrive' ? space.forget(within, ['outInterface']) : within;
    const relation = space.atEntry(open);
    const kept = space.unchanged(['dst', 'dport']);
    const decide = (choose: (set: PacketSet) => PacketSet): Decision => {
      const sets = { accepted: [] as PacketSet[], refused: [] as PacketSet[] };
      for (const part of road.parts) {
        if (!only(part)) continue;
        const set = space.may(space.entryOf(choose(space.and(part.set, relation))));
        this.decided &&= space.isDecided(set);
        sets[part.visit === undefined ? 'accepted' : 'refused'].push(space.forget(set, settledFields));
      }
      return { accepted: space.union(sets.accepted), refused: space.union(sets.refused) };
    };
    const parts = decidedParts(vocabulary, road, { within: open, only });
    return {
      parts,
      among: createSetFinder(space, parts),
      passing: createSetFinder(
        space,
        parts.filter((p) => p.part.visit === undefined),
      ),
      hooks,
      direct: decide((set) => space.and(set, kept)),
      moved: decide((set) => space.diff(set, kept)),
    };
  }

  /** Names that packets may come in by, and the class of all others. */
  #labels(): readonly InterfaceLabel[] {
    const { vocabulary, side } = this.#analysis;
    const layout = vocabulary.space.codec.fields.get('inInterface');
    if (layout?.coding.kind !== 'interfaces') return [];
    const labels = layout.coding.atoms.values.filter(
      (l) => l.kind !== 'none' && !(l.kind === 'name' && l.name === 'lo'),
    );
    if (!side.facts.interfacesKnown) return labels;
    return labels.filter((l) => l.kind === 'name' && side.facts.interfaces.has(l.name));
  }

  #by(label: InterfaceLabel): PacketSet {
    const { space } = this.#analysis.vocabulary;
    const layout = space.codec.fields.get('inInterface');
    if (layout?.coding.kind !== 'interfaces') return space.all;
    const { atoms } = layout.coding;
    const i = atoms.values.indexOf(label);
    const first = atoms.firstCodes[i + (atoms.hasAbsent ? 1 : 0)] as number;
    const next = atoms.firstCodes[i + 1 + (atoms.hasAbsent ? 1 : 0)] ?? 2 ** atoms.bits;
    return space.diagram.codes(layout.now, [[first, next - 1]]);
  }

  /** Rules that send packets to another address or port, with these packets. */
  #translations(road: Road, within: PacketSet): readonly Translation[] {
    const { vocabulary, side } = this.#analysis;
    const { space } = vocabulary;
    const visit = road.visits.find((v) => v.table === 'nat' && v.hook === 'PREROUTING');
    if (visit === undefined) return [];
    const found: Translation[] = [];
    for (const chain of visit.analysis.model.chains.values())
      for (const { rule, changes } of chain.rules) {
        const change = changes.find((c) => c.field === 'nat');
        if (change?.field !== 'nat' || change.manip === 'source') continue;
        if (effectOf(side.ruleset, side.program.machine, side.registry, rule) === undefined) continue;
        const set = space.and(space.may(atEntry(vocabulary, visit.taking(rule), road)), within);
        if (set === space.none) continue;
        const { addresses, ports } = change.range;
        const address =
          change.from !== 'range' || addresses === undefined
            ? change.from === 'range'
              ? ''
              : 'this machine'
            : compareAddresses(addresses.low, addresses.high) === 0
              ? addressText(addresses.low)
              : `${addressText(addresses.low)}-${addressText(addresses.high)}`;
        const port = ports === undefined ? '' : `:${ports[0]}${ports[1] === ports[0] ? '' : `-${ports[1]}`}`;
        found.push({
          rule,
          to: `${address.includes(':') && port !== '' ? `[${address}]` : address}${port}`,
          set: space.forget(space.forget(set, settledFields), ['outInterface']),
        });
      }
    return found;
  }

  #section(
    road: Road,
    direction: Direction,
    before: Direction,
    translations: readonly Translation[],
    inside: PacketSet,
    usual: PacketSet,
  ): ExposureSection {
    const { vocabulary } = this.#analysis;
    const { space } = vocabulary;
    const here = (set: PacketSet): PacketSet => space.forget(space.and(set, inside), ['inInterface']);
    const { direct, moved } = direction;
    const asked = [direct.accepted, direct.refused, moved.accepted].some((set) => here(set) !== space.none);
    if (!asked) return { rows: [], rowsLeftOut: 0, closedBy: [], idle: true };

    const rows: ExposureRow[] = [];
    let rowsLeftOut = 0;
    const collect = (
      open: PacketSet,
      within: PacketSet,
      certain: boolean,
      by: Translation | undefined,
    ): void => {
      if (open === space.none) return;
      const found = exposedServices(space, open, within, Math.max(0, this.#rowsMax - rows.length));
      rowsLeftOut += found.leftOut;
      for (const { set, ...said } of found.rows)
        rows.push({
          ...said,
          certain,
          translated: by && { to: by.to, by: by.rule },
          ...this.#origins(road, direction, set, inside, certain),
          listeners:
            by === undefined && direction.hooks.includes('INPUT') ? this.#listeners(said) : undefined,
        });
    };
    const refusedBefore = this.#anyOut(space.or(here(before.direct.refused), here(before.moved.refused)));
    const everything = here(space.forget(usual, [...settledFields, 'outInterface']));
    for (const certain of [true, false]) {
      const choose = ({ accepted, refused }: Decision): PacketSet => {
        const rivals = space.or(here(refused), refusedBefore);
        return certain ? space.diff(here(accepted), rivals) : space.and(here(accepted), rivals);
      };
      collect(choose(direct), space.or(here(direct.accepted), here(direct.refused)), certain, undefined);
      for (const t of translations) {
        const part = here(t.set);
        const chosen = choose({
          accepted: space.and(moved.accepted, t.set),
          refused: space.and(moved.refused, t.set),
        });
        const asking = space.forget(
          space.and(space.or(moved.accepted, moved.refused), t.set),
          [...space.codec.fields.keys()].filter((f) => !whoFields.includes(f)),
        );
        collect(space.and(chosen, part), space.and(everything, here(asking)), certain, t);
      }
    }
    return { rows, rowsLeftOut, closedBy: this.#closedBy(direction, before, inside), idle: false };
  }

  /** Packets that were refused before it was known by which interface they would leave. */
  #anyOut(set: PacketSet): PacketSet {
    return this.#analysis.vocabulary.space.forget(set, ['outInterface']);
  }

  /** Who lets the packets of a row pass, and on what that depends. */
  #origins(
    road: Road,
    { passing, among, hooks }: Direction,
    set: PacketSet,
    inside: PacketSet,
    certain: boolean,
  ): Pick<ExposureRow, 'by' | 'dependsOn'> {
    const { vocabulary } = this.#analysis;
    const { space } = vocabulary;
    const row = space.and(this.#anyOut(set), inside);
    const deciders = new Map<string, Decider>();
    const unknown = new Set<string>();
    const relation = certain ? space.none : space.atEntry(row);
    for (const { by } of passing(row)) if (by !== undefined) deciders.set(deciderKey(by), by);
    const open = certain ? [] : new Set(among(row).map(({ part }) => part));
    for (const part of open)
      for (const v of space.unknownsOf(space.and(part.set, relation)))
        if (v.unknown.kind === 'choice') unknown.add(unknownText(v.unknown));
    if (!certain)
      for (const visit of road.visits)
        if (hooks.includes(visit.hook))
          for (const name of this.#openMatches(road, visit, row)) unknown.add(name);
    return { by: [...deciders.values()], dependsOn: [...unknown] };
  }

  /** Matches that may hold or not, of rules of a visit that these packets meet. */
  #openMatches(road: Road, visit: Visit, row: PacketSet): readonly string[] {
    const { space } = this.#analysis.vocabulary;
    let open = this.#openRules.get(visit);
    if (open === undefined) {
      open = createSetFinder(space, this.#rulesLeftOpen(road, visit));
      this.#openRules.set(visit, open);
    }
    return open(row).flatMap(({ names }) => names);
  }

  readonly #openRules = new Map<Visit, SetFinder<OpenRule>>();

  #rulesLeftOpen(road: Road, visit: Visit): readonly OpenRule[] {
    const { vocabulary, side } = this.#analysis;
    const { space, family } = vocabulary;
    const { machine } = side.program;
    const found: OpenRule[] = [];
    for (const chain of visit.analysis.model.chains.values())
      for (const { rule, may, must, action } of chain.rules) {
        if (may === must || action.kind === 'continue') continue;
        const set = space.may(atEntry(vocabulary, visit.taking(rule), road));
        if (set === space.none) continue;
        const open = rule.matches.filter((use) => {
          const extension = use.known ? side.registry.match(use.extension, family) : undefined;
          if (extension === undefined) return true;
          const described = vocabulary.describe(side, (s) =>
            extension.packets(use.data as never, s, { family, base: rule.base, machine }),
          );
          return described.may !== described.must;
        });
        const table = rule.table === 'filter' ? '' : `${rule.table} `;
        const names = open.map((use) => `${use.extension} of ${table}${rule.chain} ${rule.index + 1}`);
        found.push({ set, names });
      }
    return found;
  }

  /** Programs behind a row of packets to this machine. */
  #listeners({ service }: Omit<ExposedService, 'set'>): readonly Listener[] | undefined {
    const listeners = this.#analysis.side.program.machine.listeners.value;
    if (listeners === undefined) return undefined;
    const inside = (list: Service['protocols'] | Service['ports'], value: number): boolean =>
      list === 'any' || list.some(([low, high]) => low <= value && value <= high);
    const { family } = this.#analysis.vocabulary;
    const meant = ({ protocols, ports }: Omit<Service, 'except'>, { protocol, port }: Listener): boolean =>
      inside(protocols, protocol) && inside(ports, port);
    return listeners.filter(
      (l) =>
        meant(service, l) &&
        !(service.except ?? []).some((piece) => meant(piece, l)) &&
        (l.address === undefined || l.address.family === family) &&
        !(l.address !== undefined && isLoopback(addressText(l.address))),
    );
  }

  /** Who refuses what is not open, most of it first. */
  #closedBy(direction: Direction, before: Direction, inside: PacketSet): readonly Decider[] {
    const { space } = this.#analysis.vocabulary;
    const measure = createMeasure(space);
    const sizes = new Map<string, { readonly by: Decider; size: bigint }>();
    const refusing = [...direction.parts, ...before.parts].filter((p) => p.part.visit !== undefined);
    // Whoever comes late in a very long list refuses little.
    for (const { by, set } of refusing.slice(0, deciderCountMax)) {
      if (by === undefined) continue;
      const size = measure.count(space.and(set, inside));
      if (size === 0n) continue;
      const known = sizes.get(deciderKey(by)) ?? { by, size: 0n };
      known.size += size;
      sizes.set(deciderKey(by), known);
    }
    return [...sizes.values()]
      .sort((a, b) => (a.size < b.size ? 1 : a.size > b.size ? -1 : 0))
      .map(({ by }) => by);
  }
}

/** Refusing rules that are measured. */
const deciderCountMax = 200;

type Service = ExposedService['service'];

const isLoopback = (text: string): boolean => text.startsWith('127.') || text === '::1';

type Way = 'to' | 'through' | 'before';

/** The way on which a part of the road of arriving packets was decided. */
function wayOf({ fate, visit }: FatePart): Way | undefined {
  if (visit === undefined) return fate === 'local' ? 'to' : fate === 'forward' ? 'through' : undefined;
  if (visit.hook === 'INPUT') return 'to';
  return visit.hook === 'PREROUTING' ? 'before' : 'through';
}
