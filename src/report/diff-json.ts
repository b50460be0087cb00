/** A comparison as JSON: the schema below, stable to the byte for the same input. */

import type { ConnectionsDiff } from '../analysis/diff-connections.ts';
import type { Decider } from '../analysis/diff-frame.ts';
import type { FamilyDiff, MachineDiff, MachineDiffResult } from '../analysis/diff-machines.ts';
import type { Difference } from '../analysis/diff-tell.ts';
import type { Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { hasPorts } from '../net/protocols.ts';
import { changeWords, deciderWords, type SideName, sideFile, witnessTrace } from './diff-words.ts';
import { jsonText } from './escape-json.ts';
import { packetText } from './trace-words.ts';

/** Raised when a field changes its meaning or goes away; new fields do not raise it. */
const diffSchemaVersion = 1;

/**
 * Prints a comparison as one JSON object:
 *
 * - `schemaVersion`, `tool` (`name`, `version`)
 * - `equal`: whether no packet of any family fares differently; absent where something was not decided
 * - `old`, `new`: `files`; `oneMachine`: whether both are rules of one machine
 * - `expression`: the match options that narrow the question; `logging`: whether log lines count
 * - `families`, each with `family`, `result` (`equal`, `different`, `undecided`), of an equal one `proof` (`structure`:
 *   the rules are the same; `sets`: they differ, and no packet fares differently; `nothing`: no packet is of the kind
 *   that was asked for), of an undecided one `why`,
 *   `missing` (sides without rules of this family: they accept everything) and `differences`:
 *   - `change`: `opened`, `closed`, `answered` (dropped or rejected in another way), `redirected`, `translated`,
 *     `marked`, `limited`, `effect`, `otherwise`; `words`: the same for people; `about`: fields, or the kind of effect
 *   - `road`: `arrive` or `local`; `hook`: `INPUT` or `FORWARD`, where all are seen there on some side; `described`: which of its packets `packets` is about: `opening` (those that open
 *     connections), `known` (of established connections, where none opens one), `others`; `states`: of further packets
 *   - `packets`: `kind` (`these`, `all-but`, `everything`), `within` (what of; empty: all), `lines` (match options), `lineCount`, `complete`
 *   - `old`, `new`: `ends`, and `deciders`: rules (`table`, `chain`, `number`, `file`, `line`, `text`), policies
 *     (`table`, `chain`, `policy`, `file`, `line`), `kind` `routing` or `none`
 *   - `unknowns`: what the difference depends on; `certain`: some packets differ whatever that is
 *   - `witness`: `packet` (words), `text`, `inInterface` (absent: sent by this machine), and for `old` and `new` the
 *     engine's `fate`, `assume` and `command`; absent where no packet of a few showed the difference
 * - `connections`, where some are known: `looked` (how many), `lost`, each with `protocol`, `source`, `destination`,
 *   `sport`, `dport` (of the original direction), `own`, `assumed` (nobody listed it), `direction` (whose packets are
 *   stopped), `certain`, `fate`, `by`
 * - `couldNotLook`
 *
 * Absent fields do not apply.
 */
export function printDiffJson({ compared, couldNotLook }: MachineDiffResult, version: string): string {
  const answer = {
    schemaVersion: diffSchemaVersion,
    tool: { name: 'fwsim', version },
    ...(compared === undefined ? {} : comparedJson(compared)),
    couldNotLook,
  };
  return `${jsonText(answer, 2)}\n`;
}

function comparedJson(compared: MachineDiff) {
  const { families, old, new: now } = compared;
  const decided = families.every((f) => f.diff.kind !== 'undecided');
  return {
    equal: decided ? families.every((f) => f.diff.kind === 'equal') : undefined,
    old: { files: old.read.texts.map((t) => t.name) },
    new: { files: now.read.texts.map((t) => t.name) },
    oneMachine: compared.oneMachine,
    expression: compared.expression,
    logging: compared.logging,
    families: families.map((f) => familyJson(f, compared)),
    connections: compared.connections && connectionsJson(compared.connections),
  };
}

function familyJson(f: FamilyDiff, compared: MachineDiff) {
  const { diff } = f;
  return {
    family: f.family,
    result: diff.kind,
    proof: diff.kind === 'equal' ? diff.proof : undefined,
    why: diff.kind === 'undecided' ? diff.why : undefined,
    missing: (['old', 'new'] as const).filter((side) => f[side] === undefined),
    differences: diff.kind === 'different' ? diff.differences.map((d) => differenceJson(d, f, compared)) : [],
  };
}

function differenceJson(d: Difference, f: FamilyDiff, compared: MachineDiff) {
  const sideJson = (side: SideName) => ({
    ends: d[side].ends,
    deciders: d[side].deciders.map((decider) => deciderJson(decider, f, compared, side)),
  });
  const { witness } = d;
  const walkJson = (side: SideName, trace: Trace) => ({
    fate: trace.fate.kind,
    assume: witness?.assume[side],
    command: witnessTrace(d, compared[side], side),
  });
  return {
    change: d.change,
    words: changeWords(d),
    about: d.about === '' ? undefined : d.about,
    road: d.road,
    hook: d.hook,
    described: d.described,
    states: d.states,
    packets: d.packets,
    old: sideJson('old'),
    new: sideJson('new'),
    unknowns: d.unknowns,
    certain: d.certain,
    witness: witness && {
      packet: witness.packet,
      text: packetText(witness.old.packet),
      inInterface: witness.old.entry.kind === 'arrives' ? witness.old.entry.inInterface : undefined,
      old: walkJson('old', witness.old),
      new: walkJson('new', witness.new),
    },
  };
}

function deciderJson(decider: Decider, f: FamilyDiff, compared: MachineDiff, side: SideName) {
  const { line, text } = deciderWords(decider, f[side]?.linked.ruleset);
  const file = line === undefined ? undefined : sideFile(f, compared, side);
  switch (decider.kind) {
    case 'rule': {
      const { table, chain, index } = decider.rule;
      return { kind: decider.kind, table, chain, number: index + 1, file, line, text };
    }
    case 'policy':
      return { ...decider, file, line };
    default:
      return { kind: decider.kind };
  }
}

function connectionsJson({ looked, lost }: ConnectionsDiff) {
  return {
    looked,
    lost: lost.map(({ connection, own, assumed, direction, certain, fate, by }) => {
      const { src, dst, protocol, sport, dport } = connection.original;
      return {
        protocol,
        source: addressText(src),
        destination: addressText(dst),
        sport: hasPorts(protocol) ? sport : undefined,
        dport: hasPorts(protocol) ? dport : undefined,
        own,
        assumed,
        direction,
        certain,
        fate: fate.kind,
        by,
      };
    }),
  };
}
