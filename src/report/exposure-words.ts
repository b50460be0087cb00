/** The words of an exposure table, the same in every medium; not escaped. */

import type { InterfaceExposure } from '../analysis/exposure.ts';
import type { ExposureRow } from '../analysis/exposure-sections.ts';
import type { Machine } from '../model/machine.ts';
import type { Family } from '../net/address.ts';
import { addressText, serviceText } from './service-words.ts';
import { deciderPlace, rulePlace } from './set-words.ts';

/** Addresses of a list that fit into a table. */
const addressesMax = 4;

/** Whence packets come: `eth0 (leads outside)`, `any other interface`. `several`: the table tells of more than one. */
export function interfaceWords(
  { interfaces, others }: InterfaceExposure,
  several: boolean,
  machine: Machine,
): string {
  const outside = new Map(machine.outside.map((f) => [f.value, f.source]));
  const names = interfaces.map((name) => `${name}${outside.has(name) ? ' (leads outside)' : ''}`);
  if (!others) return names.join(', ');
  if (names.length === 0) return several ? 'any other interface' : 'any interface';
  return `${names.join(', ')} and any other interface`;
}

/** Between whom a service is open, in a table of one direction. */
export type Who = (row: ExposureRow) => string;

/** To this machine. */
export const toWho: Who = (row) => {
  const to = addressText(row.to, addressesMax);
  const from = addressText(row.from, addressesMax) ?? 'anywhere';
  return to === undefined ? from : `${from} to ${to}`;
};

/** Through this machine. */
export const throughWho: Who = (row) => {
  const to = [addressText(row.to, addressesMax), outText(row)].filter((t) => t !== undefined).join(' by ');
  const from = addressText(row.from, addressesMax) ?? 'anywhere';
  return to === '' ? from : `${from} to ${to}`;
};

/** From this machine. */
export const outWho: Who = (row) => {
  const to = [addressText(row.to, addressesMax), outText(row)].filter((t) => t !== undefined).join(' by ');
  const from = addressText(row.from, addressesMax);
  return `${from === undefined ? '' : `from ${from} `}to ${to === '' ? 'anywhere' : to}`;
};

function outText({ out }: ExposureRow): string | undefined {
  if (out.length === 0) return undefined;
  const [first = ''] = out;
  if (first.startsWith('!')) return `any interface but ${out.map((name) => name.slice(1)).join(', ')}`;
  return out.join(', ');
}

/** What is open, under which conditions, and where it leads by translation. */
export function whatText(row: ExposureRow, family: Family): string {
  const { service, conditions, translated } = row;
  const when = conditions.length === 0 ? '' : ` ${conditions.join(' ')}`;
  const to = translated === undefined ? '' : ` -> ${translated.to || 'elsewhere'}`;
  return `${serviceText(service, family)}${when}${to}`;
}

/** Who lets it pass, and what that depends on. */
export function byText({ by, dependsOn, translated }: ExposureRow): string {
  // `limit of INPUT 10` beside INPUT 10 is said once.
  const own = new Map(by.map((one) => [deciderPlace(one), [] as string[]]));
  const elsewhere = dependsOn.filter((text) => {
    const [match = '', place = ''] = text.split(' of ');
    own.get(place)?.push(match);
    return !own.has(place);
  });
  const names = [...own]
    .slice(0, 2)
    .map(([place, open]) => (open.length === 0 ? place : `${place} (${open.join(', ')})`));
  const more = by.length > 2 ? ` and ${by.length - 2} more` : '';
  const nat = translated === undefined ? '' : ` (${rulePlace(translated.by)})`;
  const depends = elsewhere.length === 0 ? '' : `; if ${elsewhere.slice(0, 2).join(', ')}`;
  return `${names.join(', ')}${more}${nat}${depends}`;
}

/** Programs that stand behind a row; undefined where nobody knows, or where it would say nothing. */
export function servedText({ listeners, service }: ExposureRow): string | undefined {
  if (listeners === undefined) return undefined;
  if (listeners.length === 0) return service.ports === 'any' ? undefined : 'nothing listens there';
  const byName = new Map<string, Set<number>>();
  for (const { process, port } of listeners) {
    const name = process ?? 'a program';
    byName.set(name, (byName.get(name) ?? new Set()).add(port));
  }
  const said = [...byName].map(([name, ports]) => `${name} (${[...ports].join(', ')})`);
  return `served by ${said.join(', ')}`;
}
