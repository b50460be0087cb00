/** Edits of a ruleset as a screen makes them: touched chains are new objects, all others stay the same. */
import fc from 'fast-check';
import type { Chain, Rule, Ruleset, RuleTarget } from '../../src/model/ruleset.ts';
import { type Address, ipv4, type Network, prefix, prefixLength } from '../../src/net/address.ts';

/** One edit; numbers choose among what there is. */
export interface DrawnEdit {
  readonly kind: 'delete' | 'copy' | 'move' | 'retarget' | 'widen' | 'readdress' | 'newAddress' | 'policy';
  readonly chain: number;
  readonly rule: number;
  readonly other: number;
  readonly place: number;
}

const number = fc.nat(1_000_000);

/** Edits of every kind; deleting and inserting in balance. */
export const drawnEdit: fc.Arbitrary<DrawnEdit> = fc.record({
  kind: fc.constantFrom<DrawnEdit['kind'][]>(
    'delete',
    'copy',
    'move',
    'retarget',
    'widen',
    'readdress',
    'newAddress',
    'policy',
  ),
  chain: number,
  rule: number,
  other: number,
  place: number,
});

/** The ruleset with the rules of one chain, or its policy, exchanged. */
export function withChain(ruleset: Ruleset, chain: Chain, change: Partial<Chain>): Ruleset {
  return {
    ...ruleset,
    tables: ruleset.tables.map((table) =>
      table.name !== chain.table
        ? table
        : {
            ...table,
            chains: table.chains.map((c) =>
              c.name !== chain.name
                ? c
                : {
                    ...c,
                    ...change,
                    rules: (change.rules ?? c.rules).map((r, index) =>
                      r.index === index && r.chain === c.name ? r : { ...r, index, chain: c.name },
                    ),
                  },
            ),
          },
    ),
  };
}

let nextId = 1_000_000;

function otherAddress({ address }: Network, by: number): Network {
  const w3 = (address.w3 + by) >>> 0;
  const next: Address = address.family === 'ipv4' ? ipv4(w3) : { ...address, w3 };
  return prefix(next, address.family === 'ipv4' ? 32 : 128);
}

/**
 * No edit touches a chain of this name: what its rules mention stays mentioned. Shares count every name that is, so
 * that they stay what they are too.
 */
export const untouched = 'words';

/** The ruleset after the edit; the same where there is nothing to edit. */
export function edited(ruleset: Ruleset, e: DrawnEdit): Ruleset {
  const chains = ruleset.tables.flatMap((t) => t.chains);
  const filled = chains.filter((c) => c.rules.length > 0 && c.name !== untouched);
  const chain = filled[e.chain % filled.length];
  if (e.kind === 'policy') {
    const builtin = chains.filter((c) => c.policy !== undefined);
    const one = builtin[e.chain % builtin.length];
    return one === undefined
      ? ruleset
      : withChain(ruleset, one, { policy: one.policy === 'DROP' ? 'ACCEPT' : 'DROP' });
  }
  if (chain === undefined) return ruleset;
  const at = e.rule % chain.rules.length;
  const rule = chain.rules[at] as Rule;
  const table = filled.filter((c) => c.table === chain.table);
  const rules = table.flatMap((c) => c.rules);
  const other = rules[e.other % rules.length] as Rule;
  const replaced = (change: Partial<Rule>): Ruleset =>
    withChain(ruleset, chain, { rules: chain.rules.with(at, { ...rule, ...change, id: nextId++ }) });
  const goesDown = ({ target }: Rule): boolean => target.kind === 'jump' || target.kind === 'goto';
  switch (e.kind) {
    case 'delete':
      return withChain(ruleset, chain, { rules: chain.rules.toSpliced(at, 1) });
    case 'copy': {
      // Jumps stay where they are: no loops are made.
      if (goesDown(other) && other.chain !== chain.name) return ruleset;
      const place = e.place % (chain.rules.length + 1);
      return withChain(ruleset, chain, {
        rules: chain.rules.toSpliced(place, 0, { ...other, id: nextId++ }),
      });
    }
    case 'move': {
      const rest = chain.rules.toSpliced(at, 1);
      return withChain(ruleset, chain, { rules: rest.toSpliced(e.place % (rest.length + 1), 0, rule) });
    }
    case 'retarget': {
      const verdicts = ['ACCEPT', 'DROP', 'RETURN'] as const;
      const target: RuleTarget = { kind: 'verdict', verdict: verdicts[e.place % 3] ?? 'DROP' };
      return replaced({ target });
    }
    case 'widen': {
      const keys = ['src', 'dst', 'inInterface', 'outInterface'] as const;
      return replaced({ base: { ...rule.base, [keys[e.place % 4] ?? 'src']: undefined } });
    }
    case 'readdress':
      return replaced({ base: { ...rule.base, src: other.base.src, dst: other.base.dst } });
    case 'newAddress': {
      const { src } = rule.base;
      if (src === undefined || prefixLength(src.value.mask) === 0) return ruleset;
      return replaced({
        base: { ...rule.base, src: { ...src, value: otherAddress(src.value, 1 + (e.place % 5)) } },
      });
    }
  }
}
