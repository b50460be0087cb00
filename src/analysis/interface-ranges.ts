/** Which addresses stand behind which interface: what the machine's own addresses say, or a list of the administrator's. */

import type { ReadMachine } from '../link/read-machine.ts';
import { addressBits, type Family, type Network, prefix } from '../net/address.ts';
import { parseAddress } from '../net/address-text.ts';
import type { Description } from './vocabulary.ts';

/** Addresses that stand behind an interface. */
export interface InterfaceRange {
  readonly interface: string;
  readonly network: Network;
}

/** Networks of the machine's addresses; an interface that leads outside has everything else. */
export function connectedRanges(read: ReadMachine, family: Family): readonly InterfaceRange[] {
  const outside = new Set(read.machine.outside.map((f) => f.value));
  return (read.machine.interfaces.value ?? []).flatMap((i) =>
    outside.has(i.name) || i.linkType === 'loopback'
      ? []
      : i.addresses
          .filter((a) => a.address.family === family && a.scope === 'global')
          .map((a) => ({ interface: i.name, network: prefix(a.peer ?? a.address, a.prefixLength) })),
  );
}

/** The ranges of one family that a question is about: those given, or what the machine's addresses say. */
export function rangesOf(
  given: readonly InterfaceRange[] | undefined,
  read: ReadMachine,
  family: Family,
): readonly InterfaceRange[] {
  return (given ?? connectedRanges(read, family)).filter((r) => r.network.address.family === family);
}

/** Tells the sources of these ranges, and the interfaces, from all others. */
export function mentionRanges(ranges: readonly InterfaceRange[]): Description {
  return (space) => {
    for (const r of ranges) {
      space.network('src', r.network);
      space.interface('in', { name: r.interface, exact: true });
    }
    return space.all;
  };
}

function readNetwork(text: string): Network | undefined {
  const [host = '', length, ...more] = text.split('/');
  const address = parseAddress('ipv4', host) ?? parseAddress('ipv6', host);
  if (address === undefined || more.length > 0) return undefined;
  const bits = addressBits(address.family);
  if (length === undefined) return prefix(address, bits);
  return /^\d{1,3}$/.test(length) && Number(length) <= bits ? prefix(address, Number(length)) : undefined;
}

/** A line that is none. */
export interface RangeProblem {
  /** 1-based. */
  readonly line: number;
  readonly text: string;
}

/** Reads lines of `INTERFACE NETWORK…`; `#` begins a comment. */
export function readInterfaceRanges(text: string): {
  readonly ranges: readonly InterfaceRange[];
  readonly problems: readonly RangeProblem[];
} {
  const ranges: InterfaceRange[] = [];
  const problems: RangeProblem[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const words = raw
      .replace(/#.*/, '')
      .split(/[\s,]+/)
      .filter((word) => word !== '');
    const [name, ...networks] = words;
    if (name === undefined) continue;
    if (networks.length === 0) problems.push({ line: index + 1, text: raw.trim() });
    for (const word of networks) {
      const network = readNetwork(word);
      if (network === undefined) problems.push({ line: index + 1, text: word });
      else ranges.push({ interface: name, network });
    }
  }
  return { ranges, problems };
}
