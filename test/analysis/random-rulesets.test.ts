/**
 * Goal: sets and engine agree where the machine is not known. Method: random rulesets and packets; every way that the
 * engine finds for a packet, under any answer to what is not known, lies in the sets. Nothing of the machine is told,
 * or its interfaces alone; routes are never.
 *
 * `FWSIM_LAW_RUNS` sets the number of rulesets.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type CasePacket,
  entryOf,
  familyOf,
  type KernelCase,
  machineOf,
  readPacket,
} from '../../src/dev/conform-case.ts';
import { explore } from '../../src/engine/explore.ts';
import { compile } from '../../src/engine/program.ts';
import { emptyState } from '../../src/engine/simulate.ts';
import { defaultRegistry, readMachine } from '../../src/index.ts';
import type { Machine } from '../../src/model/machine.ts';
import type { Ruleset } from '../../src/model/ruleset.ts';
import { lawBook } from '../support/analysis-law.ts';
import { arbitraryKernelCase } from '../support/arbitrary-kernel-cases.ts';

const registry = defaultRegistry();
const runs = Number(process.env['FWSIM_LAW_RUNS'] ?? 40);

/** What the analysis says wrongly of these packets, each as the first one of its connection. */
function breaches(ruleset: Ruleset, machine: Machine, packets: readonly CasePacket[]): readonly string[] {
  const program = compile([ruleset], machine, registry);
  const book = lawBook(ruleset, program, registry);
  const state = emptyState();
  return packets.flatMap((p, i) => {
    const packet = readPacket(p, ruleset.family, machine);
    const { branches } = explore(program, state, packet, entryOf(p), undefined, {}, { forks: 24 });
    return branches.flatMap(({ trace, assumptions }) =>
      book
        .breaches(trace, state)
        .map((b) => `packet ${i} (${assumptions.map((a) => `${a.key}=${a.answer}`).join(', ')}): ${b}`),
    );
  });
}

test('every way of a packet through a random ruleset is in the sets', () => {
  fc.assert(
    fc.property(arbitraryKernelCase, fc.boolean(), (job, told) => {
      const c = { ...job, host: { ...job.host, routes_json: [], rules_json: [] } } as unknown as KernelCase;
      const read = readMachine([{ name: 'drawn', text: job.ruleset }], { registry, family: familyOf(c) });
      const ruleset = read.rulesets[0]?.linked.ruleset;
      fc.pre(ruleset !== undefined);
      const machine = told ? machineOf(c) : read.machine;
      // Answers and errors need what was sent before.
      const packets = job.packets
        .filter(
          (p): p is CasePacket => 'src' in p && 'proto' in p && !('reply_to' in p) && !('error_about' in p),
        )
        .slice(0, 8);
      expect(breaches(ruleset, machine, packets)).toEqual([]);
    }),
    { numRuns: runs, seed: 20261122, endOnFailure: true },
  );
}, 120_000);
