/** Reading a machine for a thread that keeps it. */

import type { Registry } from '../../extensions/registry.ts';
import { type ReadMachine, readMachine } from '../../link/read-machine.ts';
import type { BesideMachine } from './questions.ts';

/**
 * Reads a machine, and keeps no tree of its texts: a tree lives as long as the text that it was made of, and copies of
 * these are read. Of 100,000 rules that is forty megabytes.
 */
export function readLightly({ texts, family, backend }: BesideMachine, registry: Registry): ReadMachine {
  const copies = texts.map((text) => ({ ...text }));
  const read = readMachine(copies, { registry, family, backend });
  const rulesets = read.rulesets.map((r) => ({ ...r, source: texts[copies.indexOf(r.source)] ?? r.source }));
  return { ...read, texts, rulesets };
}
