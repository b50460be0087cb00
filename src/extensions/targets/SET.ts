import { parseUnsigned } from '../../net/integer-text.ts';
import type { OptionType } from '../define.ts';
import { defineTarget, type FieldChange, type Refusal, refuse } from '../define.ts';
import { missingSet, type SetReference, saveSetName, setReference } from '../matches/set.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j SET` says, as data. */
export interface SetTargetData {
  readonly add: SetReference | undefined;
  readonly del: SetReference | undefined;
  /** Set whose skbinfo extension is copied to the packet. */
  readonly map: SetReference | undefined;
  /** An element that is there already gets its timeout anew. */
  readonly exist: boolean;
  /** Undefined: the set's own. */
  readonly timeoutSeconds: number | undefined;
  readonly mapMark: boolean;
  readonly mapPrio: boolean;
  readonly mapQueue: boolean;
}

const timeoutMax = 0xfffffffe;

const timeout: OptionType<number> = {
  arity: 1,
  placeholder: 'seconds',
  shape: { kind: 'integer', min: 0, max: timeoutMax },
  parse: (words, context) =>
    parseUnsigned(words[0] ?? '', timeoutMax) ??
    refuse('bad-value', `Invalid value for option --timeout or out of range 0-${timeoutMax}`, {
      option: context.option,
    }),
};

const referenceText = (set: SetReference): string => `${saveSetName(set.name)} ${set.dirs.join(',')}`;

/** Adds the packet's addresses, ports or interfaces to a set, deletes them, or copies what the set knows of them. */
export const SET = defineTarget({
  name: 'SET',
  families: ['ipv4', 'ipv6'],
  options: {
    // A `!` is taken and has no effect.
    'add-set': { type: setReference('add-set'), invertible: true },
    'del-set': { type: setReference('del-set'), invertible: true },
    'map-set': { type: setReference('map-set'), invertible: true },
    exist: { type: flag, multiple: true, invertible: true },
    timeout: { type: timeout, invertible: true },
    'map-mark': { type: flag, multiple: true, invertible: true },
    'map-prio': { type: flag, multiple: true, invertible: true },
    'map-queue': { type: flag, multiple: true, invertible: true },
  },
  constraints: {},
  needs: ['sets'],
  bind: (o, context): SetTargetData | Refusal => {
    const [add, del, map] = [o['add-set']?.value, o['del-set']?.value, o['map-set']?.value];
    for (const set of [add, del, map]) {
      const missing = set && missingSet(set.name, context.setNames);
      if (missing) return missing;
    }
    const data: SetTargetData = {
      add,
      del,
      map,
      exist: o.exist.length > 0,
      timeoutSeconds: o.timeout?.value,
      mapMark: o['map-mark'].length > 0,
      mapPrio: o['map-prio'].length > 0,
      mapQueue: o['map-queue'].length > 0,
    };
    if (!add && !del && !map) {
      return refuse('missing-option', "You must specify either `--add-set' or `--del-set' or `--map-set'", {
        hint: '--add-set NAME src',
      });
    }
    if (!add && (data.exist || data.timeoutSeconds !== undefined)) {
      const name = data.exist ? 'exist' : 'timeout';
      return refuse('missing-option', `Option \`--${name}' can be used with \`--add-set' only`, {
        option: `--${name}`,
        word: `--${name}`,
      });
    }
    const mapFlag = data.mapMark ? 'mark' : data.mapPrio ? 'prio' : data.mapQueue ? 'queue' : undefined;
    if (!map && mapFlag) {
      return refuse('missing-option', `Flag \`--map-${mapFlag}' can be used with \`--map-set' only`, {
        option: `--map-${mapFlag}`,
        word: `--map-${mapFlag}`,
      });
    }
    if (map && !mapFlag) {
      return refuse(
        'missing-option',
        "You must specify flags `--map-mark' or '--map-prio` or `--map-queue'",
        { option: '--map-set' },
      );
    }
    return data;
  },
  check: (d, { table, hook }): Refusal | undefined => {
    if (!d.map) return undefined;
    if (table !== 'mangle') {
      return refuse(
        'wrong-table',
        `SET --map-set works in table mangle only; in ${table} the kernel refuses the rule (Invalid argument)`,
        { option: '--map-set' },
      );
    }
    const late = hook === undefined || hook === 'FORWARD' || hook === 'OUTPUT' || hook === 'POSTROUTING';
    return (d.mapPrio || d.mapQueue) && !late
      ? refuse(
          'wrong-hook',
          `SET --map-prio and --map-queue work in FORWARD, OUTPUT and POSTROUTING only; in ${hook} the kernel refuses the rule (Invalid argument)`,
          { option: d.mapPrio ? '--map-prio' : '--map-queue' },
        )
      : undefined;
  },
  print: (d) => [
    ...(d.add ? [option('add-set', referenceText(d.add))] : []),
    ...(d.exist ? [option('exist')] : []),
    ...(d.timeoutSeconds === undefined ? [] : [option('timeout', String(d.timeoutSeconds))]),
    ...(d.del ? [option('del-set', referenceText(d.del))] : []),
    ...(d.map ? [option('map-set', referenceText(d.map))] : []),
    ...(d.mapMark ? [option('map-mark')] : []),
    ...(d.mapPrio ? [option('map-prio')] : []),
    ...(d.mapQueue ? [option('map-queue')] : []),
  ],
  compile: (d) => {
    const common = { exist: d.exist, timeoutSeconds: d.timeoutSeconds };
    return (env) => {
      if (d.add) env.changeSet({ operation: 'add', set: d.add.name, dirs: d.add.dirs, ...common });
      if (d.del) env.changeSet({ operation: 'del', set: d.del.name, dirs: d.del.dirs, ...common });
      if (d.map) env.changeSet({ operation: 'map', set: d.map.name, dirs: d.map.dirs, ...common });
      return 'continue';
    };
  },
  effect: (d) => {
    const changes: FieldChange[] = [];
    if (d.add) changes.push({ field: 'set', set: d.add.name });
    if (d.del && d.del.name !== d.add?.name) changes.push({ field: 'set', set: d.del.name });
    if (d.mapMark) changes.push({ field: 'mark', operation: 'unknown' });
    return { changes, outcome: 'continue' };
  },
  docs: {
    summary: 'Adds to an ipset or deletes from it, or takes mark and priority from it.',
    man: 'iptables-extensions(8) SET',
    kernel: 'net/netfilter/xt_set.c set_target_v3()',
  },
});
