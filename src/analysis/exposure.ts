/**
 * What a new connection may reach: for each interface that it may come by, on this machine and through it, and what
 * this machine itself may reach; by service, for whom, by which rules.
 */

import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { ReadMachine, ReadRuleset } from '../link/read-machine.ts';
import type { Hook } from '../model/netfilter.ts';
import { ruleCount } from '../model/ruleset.ts';
import type { InterfaceLabel } from '../packetset/codings.ts';
import type { PacketSet } from '../packetset/space.ts';
import { type Analysis, analyse } from './analysis.ts';
import {
  type Direction,
  directionOf,
  idleDirection,
  outsideOf,
  translationsOf,
  usualPackets,
} from './exposure-directions.ts';
import { type ExposureSection, SectionMaker } from './exposure-sections.ts';
import { atEntry } from './fates.ts';
import {
  budgetReached,
  type MachineQuestion,
  type MachineRulesets,
  machineRulesets,
  tooManyRules,
} from './machine-rulesets.ts';
import { namedProtocols, ordinaryAddresses } from './ordinary.ts';
import type { FatePart } from './road.ts';

/** What is asked. */
export interface ExposureOptions extends MachineQuestion {
  /** Rows of a section; default 6. */
  readonly rowsMax?: number;
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

/** Beyond so many rules of a family the table takes more than a minute; it is made where a ceiling on nodes is given. */
const rulesMax = 500_000;

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
    if (options.nodesMax === undefined && ruleCount(ruleset.linked.ruleset) > rulesMax) {
      const couldNotLook = tooManyRules('what is open is not worked out', rulesMax);
      return { read, families, diagnostics, couldNotLook };
    }
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
    const { decided, ...exposure } = new ExposureView(analysis, options.rowsMax ?? 6).exposure();
    const problem = budgetReached(decided, options);
    if (problem !== undefined) return { read, families, diagnostics, couldNotLook: problem };
    families.push({ ruleset, ...exposure });
  }
  return { read, families, diagnostics };
}

class ExposureView {
  readonly #analysis: Analysis;
  readonly #sections: SectionMaker;

  constructor(analysis: Analysis, rowsMax: number) {
    this.#analysis = analysis;
    this.#sections = new SectionMaker(analysis, rowsMax);
  }

  /** `decided`: no set ran out of nodes. */
  exposure(): Omit<FamilyExposure, 'ruleset'> & { readonly decided: boolean } {
    const { vocabulary, side } = this.#analysis;
    const { space } = vocabulary;
    const arrive = this.#analysis.road('arrive');
    const usual = usualPackets(vocabulary, side);
    const entering = space.and(space.may(atEntry(vocabulary, arrive.entering, arrive)), usual);
    const along = (way: Way, hooks: readonly Hook[]): Direction =>
      directionOf(this.#analysis, arrive, entering, hooks, (part) => wayOf(part) === way);
    const to = along('to', ['PREROUTING', 'INPUT']);
    const through = along('through', ['PREROUTING', 'FORWARD', 'POSTROUTING']);
    const before = along('before', ['PREROUTING']);
    const translations = translationsOf(this.#analysis, arrive, entering);

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
      to: this.#sections.section(arrive, to, before, translations, inside, entering),
      through: this.#sections.section(arrive, through, before, translations, inside, entering),
    }));
    const local = this.#analysis.road('local');
    const sending = space.and(space.may(atEntry(vocabulary, local.entering, local)), usual);
    const out = directionOf(
      this.#analysis,
      local,
      sending,
      ['OUTPUT', 'POSTROUTING'],
      (part) => !part.looped && (part.fate === 'sent' || part.visit !== undefined),
    );
    const passes = [through.direct, through.moved].some(
      ({ accepted, refused }) => accepted !== space.none || refused !== space.none,
    );
    return {
      interfaces,
      out: this.#sections.section(
        local,
        outsideOf(vocabulary, out),
        idleDirection(space),
        [],
        space.all,
        sending,
      ),
      forwards: passes ? this.#forwards() : 'no',
      decided: [to, through, before, out].every((direction) => direction.decided),
    };
  }

  /** Whether forwarding is known. */
  #forwards(): 'yes' | 'unknown' {
    const { space } = this.#analysis.vocabulary;
    return space.unknowns.some((v) => v.unknown.kind === 'ambient' && v.unknown.key.endsWith('forwarding'))
      ? 'unknown'
      : 'yes';
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
}

type Way = 'to' | 'through' | 'before';

/** The way on which a part of the road of arriving packets was decided. */
function wayOf({ fate, visit }: FatePart): Way | undefined {
  if (visit === undefined) return fate === 'local' ? 'to' : fate === 'forward' ? 'through' : undefined;
  if (visit.hook === 'INPUT') return 'to';
  return visit.hook === 'PREROUTING' ? 'before' : 'through';
}
