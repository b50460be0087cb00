/** Services and addresses in the words of the exposure table: `tcp 80, 443 (http, https)`, `anywhere but 10.0.0.0/8`. */

import type { Service, ServicePiece } from '../analysis/exposed-services.ts';
import type { AddressList } from '../analysis/field-classes.ts';
import type { Family } from '../net/address.ts';
import { icmpTypeName } from '../net/icmp-types.ts';
import { protocolName } from '../net/protocols.ts';
import { serviceAt } from '../net/services.ts';

type Interval = readonly [low: number, high: number];

/** Ports that are named; of longer lists nobody wants the names. */
const namedMax = 3;
/** Pieces of a list that are said before "and N more". */
const listedMax = 8;

const intervalText = ([low, high]: Interval): string => (low === high ? String(low) : `${low}-${high}`);

function cut(list: readonly string[], max: number): string {
  const shown = list.slice(0, max);
  const more = list.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

/** All numbers but these, within [0, max]. */
function gaps(intervals: readonly Interval[], max: number): readonly Interval[] {
  const list: Interval[] = [];
  let from = 0;
  for (const [low, high] of intervals) {
    if (low > from) list.push([from, low - 1]);
    from = high + 1;
  }
  if (from <= max) list.push([from, max]);
  return list;
}

function portsText(protocol: number, ports: readonly Interval[]): string {
  const missing = gaps(ports, 65535);
  if (missing.length + 1 < ports.length || (missing.length > 0 && missing.length < ports.length))
    return `all ports but ${cut(missing.map(intervalText), listedMax)}`;
  const text = cut(ports.map(intervalText), listedMax);
  const single = ports.filter(([low, high]) => low === high);
  if (single.length !== ports.length || ports.length > namedMax) return text;
  const names = ports.flatMap(([port]) => serviceAt(protocol, port)?.name ?? []);
  return names.length === 0 ? text : `${text} (${names.join(', ')})`;
}

function typesText(family: Family, types: readonly Interval[]): string {
  const names = types.map(([low, high]) =>
    low === high ? typeName(family, low) : intervalText([low, high]),
  );
  return cut(names, listedMax);
}

function typeName(family: Family, type: number): string {
  const name = icmpTypeName(family, type, 0);
  return name === '' ? `type ${type}` : name;
}

function pieceText({ protocols, ports }: ServicePiece, family: Family): string {
  const single = protocols.every(([low, high]) => low === high);
  const named = single && protocols.length <= 6;
  const names = named
    ? protocols.map(([p]) => protocolName(p)).join('/')
    : protocols.length > 3
      ? 'other protocols'
      : `protocols ${protocols.map(intervalText).join(', ')}`;
  if (ports === 'any') return named ? `all ${names}` : names;
  const [first] = protocols[0] ?? [6];
  if (first === 1 || first === 58) return `${names} ${typesText(family, ports)}`;
  return `${names} ${portsText(first, ports)}`;
}

/** A service. Not escaped: nothing of the input is in it. */
export function serviceText({ protocols, ports, except }: Service, family: Family): string {
  if (protocols === 'any') {
    if (except === undefined) return 'everything';
    return `everything but ${except.map((piece) => pieceText(piece, family)).join('; ')}`;
  }
  return pieceText({ protocols, ports }, family);
}

/** Addresses, the first `max` of a list; undefined where all are meant. */
export function addressText({ negated, texts }: AddressList, max = listedMax): string | undefined {
  if (texts.length === 0) return negated ? undefined : 'nobody';
  const list = cut(texts, max);
  return negated ? `anywhere but ${list}` : list;
}
