/** From where strangers come, and where our own networks are: the best guess where nobody says it. */

import type { Family } from '../../../net/address.ts';
import type { CheckContext, SidedInterface } from '../../check.ts';

/** The interfaces by which strangers come: those known or thought to be outside, else one whose side nobody knows. */
export function strangersInterfaces(context: CheckContext, family: Family): readonly SidedInterface[] {
  const all = context.interfaces(family).filter((i) => i.side !== 'loopback');
  const outside = all.filter((i) => i.side === 'outside');
  if (outside.length > 0) return outside;
  const unknown = all.find((i) => i.side === 'unknown');
  if (unknown) return [unknown];
  // Container hosts often name their bridges alone: strangers come by an interface that no rule speaks of.
  const name = ['eth0', 'wan0'].find((n) => !all.some((i) => i.name === n)) ?? 'ext0';
  const text = `packets from outside come in by an interface that no rule names (called ${name} here)`;
  return [{ name, side: 'unknown', provenance: 'unknown', inferences: [{ text, settledBy: 'ip -j addr' }] }];
}

/** Interfaces behind which our own networks are. */
export function insideInterfaces(
  context: CheckContext,
  family: Family,
  except: string,
): readonly SidedInterface[] {
  const all = context.interfaces(family).filter((i) => i.side !== 'loopback' && i.name !== except);
  const inside = all.filter((i) => i.side === 'inside');
  if (inside.length > 0) return inside;
  const unknown = all.filter((i) => i.side === 'unknown');
  if (unknown.length > 0) return unknown;
  const name = ['eth1', 'lan0'].find((n) => n !== except && !all.some((i) => i.name === n)) ?? 'int0';
  const text = `our own networks are behind an interface that no rule names (called ${name} here)`;
  return [{ name, side: 'unknown', provenance: 'unknown', inferences: [{ text, settledBy: 'ip -j addr' }] }];
}
