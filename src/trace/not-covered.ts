/** What else on a machine may drop a packet, and is not in the rules that were walked. */

import type { ReadMachine, ReadRuleset } from '../link/read-machine.ts';

/** Something outside of the ruleset at hand. */
export interface NotCovered {
  readonly what: 'native-nft' | 'other-backend' | 'bridge';
  /** It is known to be there; else nobody said that it is not. */
  readonly present: boolean;
  /** Names of tables or files, where known. */
  readonly names: readonly string[];
}

const otherBackendWarning = /# Warning: ip6?tables-legacy tables present/;

/** In the order in which they most likely matter. */
export function notCovered(
  { machine, rulesets, texts }: ReadMachine,
  used: ReadRuleset,
): readonly NotCovered[] {
  const found: NotCovered[] = [];
  const native = machine.nativeTables?.value;
  if (native === undefined || native.length > 0)
    found.push({ what: 'native-nft', present: native !== undefined, names: native ?? [] });
  const { family, backend } = used.linked.ruleset;
  const others = rulesets.filter(
    ({ linked }) => linked.ruleset.family === family && linked.ruleset.backend !== backend,
  );
  const warned = texts.some(({ text }) => otherBackendWarning.test(text));
  found.push({
    what: 'other-backend',
    present: others.length > 0 || warned,
    names: [...new Set(others.map(({ source }) => source.name))],
  });
  const interfaces = machine.interfaces.value;
  const ports = interfaces?.filter((i) => i.master !== undefined && (i.masterKind ?? 'bridge') === 'bridge');
  if (!ports || ports.length > 0)
    found.push({
      what: 'bridge',
      present: ports !== undefined,
      names: [...new Set((ports ?? []).flatMap((i) => i.master ?? []))],
    });
  return found;
}
