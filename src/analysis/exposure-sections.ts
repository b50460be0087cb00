/** One section of an exposure: services that are open, for whom, by which rules, and who refuses the rest. */

import type { Listener } from '../model/machine.ts';
import type { Rule } from '../model/ruleset.ts';
import { addressText } from '../net/address-text.ts';
import { unknownText } from '../packetset/choices.ts';
import { createMeasure } from '../packetset/measure.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { Analysis } from './analysis.ts';
import { type Decider, deciderKey } from './deciders.ts';
import { type ExposedService, exposedServices, whoFields } from './exposed-services.ts';
import { type Decision, type Direction, settledFields, type Translation } from './exposure-directions.ts';
import { atEntry } from './fates.ts';
import type { Road } from './road.ts';
import { createSetFinder, type SetFinder } from './set-finder.ts';
import type { Visit } from './table-run.ts';

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

/** A rule that may match or not, with the packets that it may take, as they came in. */
interface OpenRule {
  readonly set: PacketSet;
  /** Its matches that are left open. */
  readonly names: readonly string[];
}

/** Makes the sections of one analysis; what rules leave open is looked up once. */
export class SectionMaker {
  readonly #analysis: Analysis;
  readonly #rowsMax: number;

  /** `rowsMax`: rows of a section. */
  constructor(analysis: Analysis, rowsMax: number) {
    this.#analysis = analysis;
    this.#rowsMax = rowsMax;
  }

  /** What is open in a direction for packets of `inside`; `before` is what was refused on the way to it, `usual` all that was asked. */
  section(
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
