/**
 * A set of packets written as iptables match options: `-i eth0 -p tcp --dport 22`. What is not said is any.
 *
 * The options are bound by the linker as a rule's would be, and the set is what their matches describe: the same
 * descriptions that rules are analysed by. An address list means all of its members.
 */

import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { basePackets } from '../extensions/base.ts';
import type { Registry } from '../extensions/registry.ts';
import { ruleBinder } from '../link/bind-rule.ts';
import type { Machine } from '../model/machine.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Family } from '../net/address.ts';
import type { PacketSet, PacketSpace } from '../packetset/space.ts';
import { draftSpace } from './draft-space.ts';
import { withImpliedMatches } from './implied-matches.ts';
import { takeOwnOptions } from './own-options.ts';
import { familyOfWords } from './packet-expression.ts';
import { refuseWords, wordRefuser } from './refuse-words.ts';

/** What is known where a set is read. */
export interface SetExpressionContext {
  readonly registry: Registry;
  readonly machine: Machine;
  /** Family of the ruleset that the set is asked about. */
  readonly family: Family;
  readonly backend: Backend;
}

/**
 * A set as a description, to be run over any space of the family; or what is wrong with its words, spans being
 * offsets into the words joined by single blanks.
 */
export type PacketSetExpressionResult =
  | { readonly ok: true; readonly describe: (space: PacketSpace) => PacketSet }
  | { readonly ok: false; readonly text: string; readonly diagnostics: readonly Diagnostic[] };

/**
 * Reads a set; no words are all packets. Never throws. Refused: what rules cannot ask for, what no packet decides
 * (limits), words of the other family.
 */
export function packetSetFromExpression(
  words: readonly string[],
  context: SetExpressionContext,
): PacketSetExpressionResult {
  const { registry, family, machine, backend } = context;
  const { text, problems, refuse } = wordRefuser(words);
  const own = takeOwnOptions(words);
  for (const p of own.problems) refuse(p.id, p.message, p.word, p.hint);
  const taken = words.findIndex((_, index) => !own.indices.includes(index));
  if (taken >= 0)
    refuse(
      'own-option-in-set',
      `"${words[taken]}" is of one packet: no rule asks for it, so sets do not speak of it`,
      taken,
      'leave it out, or ask fwsim trace about one packet',
    );
  const said = familyOfWords(own.rest);
  if (said !== undefined && said !== family)
    refuse(
      'other-family',
      `These options are of ${said === 'ipv4' ? 'IPv4' : 'IPv6'}, the ruleset is of ${family === 'ipv4' ? 'IPv4' : 'IPv6'}`,
    );
  const failed = (): PacketSetExpressionResult => ({ ok: false, text, diagnostics: problems });
  if (problems.length > 0) return failed();
  const { words: rest, indices } = withImpliedMatches(
    { words: own.rest, indices: own.indices },
    registry,
    family,
  );
  const setNames = machine.sets.value && new Set(machine.sets.value.map((s) => s.name));
  const bound = ruleBinder({ registry, family, backend, version: '1.8.9', setNames, keepMeaning: true }).bind(
    'filter',
    rest,
    () => true,
  );
  refuseWords(bound, rest, indices, refuse);
  if (problems.length > 0) return failed();

  const describe = (space: PacketSpace): PacketSet =>
    bound.bases.reduce<PacketSet>((all, base) => {
      let set = basePackets(base, space);
      for (const use of bound.matches) {
        const extension = registry.match(use.extension, family);
        if (extension)
          set = space.and(set, extension.packets(use.data as never, space, { family, base, machine }));
      }
      return space.or(all, set);
    }, space.none);

  // A draft shows which matches answer by something that no packet has.
  for (const use of bound.matches) {
    let undecidable = false;
    const draft: PacketSpace = {
      ...draftSpace(),
      choice: (choice) => {
        undecidable ||= choice.kind === 'rule';
        return draftAll;
      },
    };
    const draftAll = draft.all;
    const [base] = bound.bases;
    if (base)
      registry.match(use.extension, family)?.packets(use.data as never, draft, { family, base, machine });
    if (undecidable)
      refuse(
        'undecidable-in-set',
        `"-m ${use.extension}" is no property of a packet`,
        indices[rest.indexOf(use.extension)],
        'leave it out: what it decides is left open anyway',
      );
  }
  return problems.length > 0 ? failed() : { ok: true, describe };
}
