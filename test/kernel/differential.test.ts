/**
 * Goal: what the simulator says is what the running kernel does. Method: random machines, rulesets and packets go
 * through both. `npm run soak` does the same for longer.
 */
import { describe, expect, test } from 'vitest';
import { runDifferential } from '../support/kernel-differential.ts';
import { kernelRecords } from '../support/kernel-record.ts';

/** The same cases every time, so that a change is judged and not the day; `npm run soak` draws new ones. */
const defaultSeed = 20261122;
const runs = 300;
const minutes = 4;

const available = kernelRecords();

describe('random cases', () => {
  const title = `${runs} rulesets agree with the running kernel`;
  test.skipIf(!available.ok)(
    available.ok ? title : `${title} (skipped: ${available.reason})`,
    {
      timeout: (minutes + 2) * 60_000,
    },
    async () => {
      const seed = Number(process.env['FWSIM_SEED'] ?? defaultSeed);
      const tally = await runDifferential({ seed, from: 0, runs, seconds: minutes * 60 });
      const { cases, packets, rules, hits, refused, unsteady, findings } = tally;
      console.log(
        `seed ${seed} (FWSIM_SEED=${seed} for the same again): ${cases} rulesets with ${rules} rules, ${hits} of them hit ` +
          `by ${packets} packets; ${refused} refused by the kernel, ${unsteady} not the same twice`,
      );
      const found = findings.map(({ index, recorded, differences }) => ({
        again: `npm run soak -- --seed ${seed} --from ${index} --runs 1`,
        ruleset: recorded.ruleset,
        packets: recorded.packets.map((p) => JSON.stringify(p)),
        differences,
      }));
      expect(found).toEqual([]);
      expect(cases).toBe(runs);
      expect(refused + unsteady).toBeLessThan(runs / 10);
    },
  );
});
