/** Programs that strangers meet at an open port: what `ss -tulnp` adds to what the rules say. */

import type { Listener, Machine } from '../../../model/machine.ts';
import type { Family } from '../../../net/address.ts';
import { addressText } from '../../../net/address-text.ts';
import { addressKind } from '../../../net/documentation.ts';

/** Ports of one transport protocol, both ends included. */
export interface PortRange {
  /** 6 or 17. */
  readonly protocol: number;
  readonly low: number;
  readonly high: number;
}

/** Sockets of a range of ports; undefined where nobody said which there are. */
export interface Served {
  /** Those that packets of other machines come to. */
  readonly open: readonly Listener[];
  /** Those on addresses of the loopback alone. */
  readonly inner: readonly Listener[];
}

/** Who listens on some of these ports, for packets of this family. */
export function servedAt(machine: Machine, family: Family, ranges: readonly PortRange[]): Served | undefined {
  const here = machine.listeners.value?.filter(
    (l) =>
      (l.address === undefined || l.address.family === family) &&
      ranges.some((r) => l.protocol === r.protocol && r.low <= l.port && l.port <= r.high),
  );
  if (here === undefined) return undefined;
  const isInner = ({ address, device }: Listener): boolean =>
    device === 'lo' || (address !== undefined && addressKind(address) === 'loopback');
  return { open: here.filter((l) => !isInner(l)), inner: here.filter(isInner) };
}

const named = (listeners: readonly Listener[], text: (l: Listener) => string): string =>
  [...new Set(listeners.map(text))].join(', ');

/** `served by nginx (80, 443)`; undefined where nobody said, or nobody listens. */
export function servedText(served: Served | undefined): string | undefined {
  if (served === undefined || served.open.length === 0) return undefined;
  const byName = new Map<string, Set<number>>();
  for (const { process = 'a program', port } of served.open)
    byName.set(process, (byName.get(process) ?? new Set()).add(port));
  return `served by ${[...byName].map(([name, ports]) => `${name} (${[...ports].join(', ')})`).join(', ')}`;
}

/** Why an open port does nothing now: nobody listens there, or none but for the machine itself. */
export function silentText({ inner }: Served): string {
  if (inner.length === 0) return 'nobody listens there now; a program that begins to is open to everybody';
  const who = named(inner, ({ process }) => process ?? 'a program');
  const where = named(inner, ({ address }) => (address === undefined ? 'lo' : addressText(address)));
  return `${who} listens there on ${where} alone; what begins to listen on other addresses is open to everybody`;
}
