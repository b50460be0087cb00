/**
 * What iptables checks of the place where a rule stands: interfaces in chains that have none, DROP in nat, names.
 *
 * Source: iptables 1.8.9 iptables/xshared.c do_parse(), parse_chain(), parse_target().
 */

import { utf8Length } from '../extensions/option-types.ts';
import { builtinHook } from '../model/netfilter.ts';
import type { RuleTarget } from '../model/ruleset.ts';
import { variable } from './rule-addresses.ts';
import { complain, isRuleCommand, type RuleDraft, verdicts } from './rule-draft.ts';

/** Longest name of a chain, a match or a target, in bytes. Source: XT_EXTENSION_MAXNAMELEN less the NUL. */
export const chainNameMax = 28;

/** Says what is wrong with the command, the interfaces and the target in this table and chain. */
export function checkPlace(draft: RuleDraft, table: string): void {
  const { command, jump } = draft;
  const policy = command?.letter === 'P' ? command.operands[1] : undefined;
  if (table === 'nat' && (jump?.name === 'DROP' || policy === 'DROP')) {
    complain(draft, {
      id: 'drop-in-nat',
      message: 'The "nat" table is not intended for filtering, the use of DROP is therefore inhibited',
      word: jump?.name === 'DROP' ? jump.word : (command?.word ?? 0) + 2,
      hint: 'nat sees only the first packet of a connection: drop in filter, mangle or raw',
    });
  }
  if (!command || !isRuleCommand(command)) return;
  const chain = command.operands[0] ?? '';
  if (draft.inWord >= 0 && (chain === 'OUTPUT' || chain === 'POSTROUTING')) {
    complain(draft, {
      id: 'interface-in-wrong-hook',
      message: `Can't use -i with ${chain}`,
      word: draft.inWord,
      hint: `a packet in ${chain} has no incoming interface any more: use -o`,
    });
  }
  if (draft.outWord >= 0 && (chain === 'INPUT' || chain === 'PREROUTING')) {
    complain(draft, {
      id: 'interface-in-wrong-hook',
      message: `Can't use -o with ${chain}`,
      word: draft.outWord,
      hint: `a packet in ${chain} has no outgoing interface yet: use -i`,
    });
  }
  if (chain.length > chainNameMax / 3 && utf8Length(chain) > chainNameMax) {
    complain(draft, {
      id: 'chain-name-too-long',
      message: `chain name \`${chain}' too long (must be under ${chainNameMax + 1} chars)`,
      word: command.word + 1,
    });
  }
  if (command.letter === 'R' && (draft.src?.text.includes(',') || draft.dst?.text.includes(','))) {
    complain(draft, {
      id: 'replace-with-list',
      message: 'Replacement rule does not specify a unique address',
      word: (draft.src?.text.includes(',') ? draft.src : draft.dst)?.word ?? -1,
      hint: 'a list of addresses makes several rules: replace by one, insert the others',
    });
  }
}

/** The target of a line that is a verdict or a chain: `-j ACCEPT`, `-j CHAIN`, `-g CHAIN`. */
export function chainTarget(draft: RuleDraft, table: string): RuleTarget {
  const { jump, context, command, chains } = draft;
  if (!jump) return { kind: 'none' };
  const { letter, name, word } = jump;
  if (letter === 'j' && verdicts.has(name)) {
    if (name === 'QUEUE' && context.backend === 'nft') {
      complain(draft, {
        id: 'verdict-not-in-nft',
        message: 'QUEUE does not load with iptables-nft (No such file or directory)',
        word,
        hint: 'use -j NFQUEUE',
      });
    }
    return { kind: 'verdict', verdict: name as 'ACCEPT' };
  }
  if (/\s/.test(name)) {
    complain(draft, { id: 'invalid-target', message: `Invalid target name \`${name}'`, word });
  } else if (name === '') {
    complain(draft, { id: 'invalid-target', message: 'Invalid target name (zero length)', word });
  } else if (utf8Length(name) > chainNameMax) {
    complain(draft, {
      id: 'invalid-target',
      message: `Invalid target name \`${name}' (${chainNameMax} chars max)`,
      word,
    });
  } else if (builtinHook(table, name)) {
    complain(draft, {
      id: 'jump-to-builtin',
      message: `Chain '${name}' is built in: a rule cannot jump to it (Operation not supported)`,
      word,
    });
  } else if (draft.commandLine && variable.test(name)) {
    return { kind: letter === 'g' ? 'goto' : 'jump', chain: name };
  } else if (command && isRuleCommand(command) && !chains.has(name)) {
    complain(draft, {
      id: 'unknown-chain',
      message: `Chain '${name}' does not exist`,
      word,
      hint: hintForTarget(draft, name, table),
    });
  }
  return { kind: letter === 'g' ? 'goto' : 'jump', chain: name };
}

function hintForTarget(draft: RuleDraft, name: string, table: string): string {
  const { context, jump, chains } = draft;
  const { registry, family } = context;
  if (verdicts.has(name)) return `${name} is no chain: -j ${name}`;
  if (name.startsWith('-')) return 'the name of a chain or target is missing in front of this';
  if (name.startsWith('$')) return 'the line is cut off here, or nobody has filled this in';
  if (jump?.letter === 'g' && registry.target(name, family)) return `${name} is a target: -j ${name}`;
  if (registry.match(name, family)) return `${name} is a match: -m ${name}`;
  const near = draft.suggest(name, () => [
    ...verdicts,
    ...registry.targets.filter((t) => t.families.includes(family)).map((t) => t.name),
    ...chains.names(),
  ]);
  return near === undefined
    ? `no target has this name either; declare the chain with ":${name} - [0:0]" in *${table}`
    : `did you mean ${near}?`;
}
