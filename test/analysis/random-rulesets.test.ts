/**
 * Goal: sets and engine agree, whatever of the machine is told. Method: random rulesets, each with rules that bring in
 * the extensions that were asked least; every way that the engine finds for packets drawn at random and for packets
 * taken out of the sets lies in the sets. `npm run soak -- --with sets` does the same for longer. And what it found
 * before is judged again.
 *
 * `FWSIM_LAW_RUNS` sets the number of rulesets.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultRegistry } from '../../src/index.ts';
import { runSetsCampaign } from '../support/sets-campaign.ts';
import { noCounts, type SetsCase, setsBreaches } from '../support/sets-differential.ts';
import { readState } from '../support/soak-state.ts';

const runs = Number(process.env['FWSIM_LAW_RUNS'] ?? 40);
const folder = join(import.meta.dirname, '..', 'fixtures', 'sets-live');

test('every way of a packet through a random ruleset is in the sets', () => {
  const state = readState(undefined, { with: 'sets', seed: 20261122, next: 0 });
  const found: unknown[] = [];
  runSetsCampaign(state, runs, { finding: (finding) => found.push(finding) });
  expect(found).toEqual([]);
  expect(state.counts.ways).toBeGreaterThan(10 * runs);
}, 180_000);

describe('what was found before', () => {
  test.each(readdirSync(folder).filter((name) => name.endsWith('.json')))('%s', (name) => {
    const c = JSON.parse(readFileSync(join(folder, name), 'utf8')) as SetsCase;
    const counts = noCounts();
    expect(setsBreaches(c, defaultRegistry(), counts)).toEqual([]);
    expect(counts.ways).toBeGreaterThan(0);
  });
});
