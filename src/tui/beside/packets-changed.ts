/** Which packets in all fare differently with the changed rules, told in the words of `fwsim diff`. */

import { type Difference, diffRulesetsStepwise } from '../../comparing.ts';
import { buildMachine } from '../../context/machine.ts';
import { compile } from '../../engine/simulate.ts';
import type { Registry } from '../../extensions/registry.ts';
import type { ReadMachine } from '../../link/read-machine.ts';
import type { Ruleset } from '../../model/ruleset.ts';
import { changeWords, deciderWords, endsWords, roadWords } from '../../report/diff-words.ts';
import { exceptionHeads } from '../../report/set-words.ts';
import type { Answered } from './questions.ts';

/** Packets that fare differently in one way. */
export interface PacketsChanged {
  /** `opened`, `closed`, `redirected` … */
  readonly change: string;
  /** `new connections to this machine`. */
  readonly road: string;
  /** Which packets, in match options; each line some of them. */
  readonly packets: readonly string[];
  /** Lines that are not there, at least. */
  readonly more: number;
  /** `delivered, by filter INPUT #3`. */
  readonly before: string;
  readonly after: string;
  /** What the difference depends on; empty: on nothing. */
  readonly depends: string;
  /** A packet that shows it, as an accepted packet line is made of; undefined: none was found. */
  readonly witness:
    | { readonly packet: readonly string[]; readonly local: boolean; readonly assume: readonly string[] }
    | undefined;
}

/** Nodes that the sets may take: some hundred megabytes, beside the screen. */
const nodesMax = 6_000_000;

/** Differences that are told with a packet of each. */
const witnessesMax = 100;

/**
 * Compares the rulesets in force of two machines that differ in their rules alone, in steps; both lists go by family.
 * The rules of either tell of one machine.
 */
export function* packetsChanged(
  read: ReadMachine,
  before: readonly Ruleset[],
  after: readonly Ruleset[],
  registry: Registry,
): Generator<string, Answered<readonly PacketsChanged[]>> {
  const machine = buildMachine({
    facts: read.facts,
    rulesets: [...before, ...after],
    ...(read.machine.backend.provenance === 'given' ? { backend: read.machine.backend.value } : {}),
  });
  const oldProgram = compile(before, machine, registry);
  const newProgram = compile(after, machine, registry);
  const list: PacketsChanged[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const [old, now] = [before, after].map((rulesets) => rulesets.findLast((r) => r.family === family));
    if (!old || !now || old === now) continue;
    const diff = yield* diffRulesetsStepwise({
      registry,
      old: { ruleset: old, program: oldProgram },
      new: { ruleset: now, program: newProgram },
      oneMachine: true,
      witnessesMax,
      nodesMax,
    });
    if (diff.kind === 'undecided') return { kind: 'failed', reason: diff.why };
    if (diff.kind === 'different') list.push(...diff.differences.map(told));
  }
  return { kind: 'done', list };
}

function told(d: Difference): PacketsChanged {
  const side = ({ ends, deciders: [first] }: Difference['old']): string => {
    const by = first === undefined ? '' : `, by ${deciderWords(first, undefined).name}`;
    return `${endsWords(d, ends)}${by}`;
  };
  const { kind, lines, lineCount } = d.packets;
  const packets = lines.length === 0 ? [kind === 'everything' ? 'all packets' : kind] : lines;
  const heads = exceptionHeads(d.packets, 'all packets but:');
  return {
    change: changeWords(d),
    road: roadWords(d),
    packets: [...heads, ...packets],
    more: Math.max(0, lineCount - lines.length),
    before: side(d.old),
    after: side(d.new),
    depends: d.unknowns.join('; '),
    witness: d.witness && {
      packet: d.witness.packet,
      local: d.witness.local,
      assume: d.witness.assume.new,
    },
  };
}
