/**
 * Packet rates as `-m limit` and `-m hashlimit` keep them: a cost per packet, in units of 1/`scale` second.
 *
 * Source: iptables 1.8.9 extensions/libxt_limit.c, libxt_hashlimit.c parse_rate(), print_rate().
 */

import { type Refusal, refuse } from './define.ts';

const units = [
  ['day', 86400],
  ['hour', 3600],
  ['min', 60],
  ['sec', 1],
] as const;

const longUnits = ['second', 'minute', 'hour', 'day'] as const;
const unitSeconds = { second: 1, minute: 60, hour: 3600, day: 86400 } as const;

/** A rate: what one packet costs, and the seconds of the unit that it was written in. */
export interface Rate {
  readonly cost: number;
  readonly unitSeconds: number;
}

/** Reads `5/min`, `5/minute`, `5/m`, `5` (a second). `scale`: cost units in a second. Undefined: not a rate. */
export function readRate(text: string, scale: number, option: string): Rate | Refusal | undefined {
  const slash = text.indexOf('/');
  let seconds = 1;
  if (slash >= 0) {
    const unit = text.slice(slash + 1).toLowerCase();
    const found = unit === '' ? undefined : longUnits.find((u) => u.startsWith(unit));
    if (!found) return undefined;
    seconds = unitSeconds[found];
  }
  const rate = Number.parseInt(/^\s*\d+/.exec(slash < 0 ? text : text.slice(0, slash))?.[0] ?? '', 10);
  if (!Number.isFinite(rate) || rate <= 0) return undefined;
  const cost = Math.floor((scale * seconds) / rate);
  return cost === 0
    ? refuse('rate-too-fast', `Rate too fast "${text}"`, { word: text, option })
    : { cost, unitSeconds: seconds };
}

/** The rate as iptables-save prints it, in the largest unit that keeps it; with the seconds of that unit. */
export function printRate(
  cost: number,
  scale: number,
): { readonly text: string; readonly unitSeconds: number } {
  let i = 1;
  for (; i < units.length; i++) {
    const multiple = (units[i]?.[1] ?? 1) * scale;
    if (cost > multiple || Math.floor(multiple / cost) < multiple % cost) break;
  }
  const [name, seconds] = units[i - 1] ?? units[3];
  return { text: `${Math.floor((seconds * scale) / cost)}/${name}`, unitSeconds: seconds };
}
