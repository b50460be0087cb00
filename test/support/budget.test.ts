import { expect, test } from 'vitest';
import { createMeter } from '../../src/support/budget.ts';

test('work may use exactly its bound', () => {
  const meter = createMeter({ steps: 2 });
  expect([meter.spend('steps'), meter.spend('steps'), meter.spend('steps')]).toEqual([true, true, false]);
  expect(meter.exhausted).toEqual({ resource: 'steps', limit: 2 });
});

test('one exhausted resource stops all of them', () => {
  const meter = createMeter({ forks: 0 });
  expect(meter.spend('nodes', 1_000)).toBe(true);
  expect(meter.spend('forks')).toBe(false);
  expect(meter.spend('nodes')).toBe(false);
});

test('cancelling stops the work at its next step', () => {
  const meter = createMeter({});
  expect(meter.spend('steps', 1e9)).toBe(true);
  meter.cancel();
  expect(meter.spend('steps')).toBe(false);
  expect(meter.exhausted).toEqual({ resource: 'cancelled', limit: 0 });
});

test('time is asked for rarely, and ends the work', () => {
  let asked = 0;
  const meter = createMeter({ timeMs: 10 }, () => asked++ * 6);
  let spends = 0;
  while (meter.spend('steps')) spends++;
  expect(meter.exhausted).toEqual({ resource: 'timeMs', limit: 10 });
  expect(asked).toBe(3);
  expect(spends).toBeGreaterThan(1_000);
});
