/** ipsets during a walk: what the machine gave, with the changes of SET targets on top. */

import { changeSet as changedSet, type SetChanges, type SetClock } from '../context/set-changes.ts';
import { type PreparedSet, prepareSet } from '../context/set-index.ts';
import { createSetView } from '../context/sets.ts';
import type { SetChange, SetView } from '../extensions/define.ts';
import type { IpSet } from '../model/machine.ts';
import type { Walk } from './walk.ts';

/** Sets by name, prepared once per machine. */
export type PreparedSets = ReadonlyMap<string, PreparedSet>;

/** Indexes the machine's sets. */
export function prepareSets(sets: readonly IpSet[] | undefined): PreparedSets {
  return new Map((sets ?? []).map((s) => [s.name, prepareSet(s)]));
}

const slotOf = (name: string): string => `set ${name}`;

function changesOf(w: Walk, name: string): SetChanges {
  return (w.shared.slots.get(slotOf(name)) as SetChanges | undefined) ?? {};
}

/** The time for sets that forget: what was read counts from the first packet that looked. */
function clockOf(w: Walk, set: IpSet): SetClock | undefined {
  const nowMs = w.timeMs;
  if (nowMs === undefined || set.options['timeout'] === undefined) return undefined;
  const known = w.readState('set clock') as number | undefined;
  if (known === undefined) w.writeState('set clock', nowMs);
  return { nowMs, sinceMs: known ?? nowMs };
}

function lookupOf(w: Walk, name: string): ReturnType<typeof createSetView> | undefined {
  const prepared = w.shared.program.sets.get(name);
  if (!prepared) return undefined;
  return createSetView(
    prepared,
    (member) => lookupOf(w, member),
    changesOf(w, name),
    clockOf(w, prepared.set),
  );
}

/** The set as it is now; undefined if the machine's sets are not known or lack it. */
export function readSet(w: Walk, name: string): SetView | undefined {
  return lookupOf(w, name);
}

/** The SET target: adds or deletes the packet's element. */
export function changeSet(w: Walk, change: SetChange): void {
  const prepared = w.shared.program.sets.get(change.set);
  const view = lookupOf(w, change.set);
  const text = view?.elementOf(w.packet, w, change.dirs);
  if (prepared && text !== undefined && change.operation !== 'map') {
    const before = changesOf(w, change.set);
    w.writeState(
      slotOf(change.set),
      changedSet(
        prepared.set,
        before,
        change.operation,
        text,
        change.timeoutSeconds,
        clockOf(w, prepared.set),
        change.exist,
      ),
    );
  }
  if (w.rule)
    w.emit({ kind: 'set-change', rule: w.rule, set: change.set, text: `${change.operation} ${text ?? '?'}` });
}
