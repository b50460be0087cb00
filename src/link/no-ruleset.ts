/** What to say where a stream holds no ruleset at all. */

import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import type { SyntaxTree } from '../grammar/syntax-tree.ts';

const run = 'run, as root: iptables-save (or ip6tables-save)';

/** Why there may be nothing: no rights, a listing, a native nftables ruleset, another kind of file. */
export function noRuleset(tree: SyntaxTree): readonly Diagnostic[] {
  const say = (id: string, message: string, hint: string, node = -1): readonly Diagnostic[] => [
    diagnostic({
      code: 'FW908',
      id,
      severity: 'error',
      message,
      hint,
      ...(node < 0
        ? {}
        : { span: { start: tree.offset(node), end: tree.offset(node) + tree.text(node).length } }),
    }),
  ];
  let foreign = -1;
  let managedByIptables = false;
  for (let node = 0; node < tree.nodeCount; node++) {
    const text = tree.text(node).slice(0, 200);
    if (/managed by ip6?tables-nft/.test(text)) managedByIptables = true;
    if (tree.kind(node) !== 'foreign') continue;
    if (foreign < 0) foreign = node;
    if (/^Chain \S+ \((?:policy \S+|\d+ references)/.test(text)) {
      return say(
        'listing',
        'This is the output of iptables -L: it leaves conditions out and cannot be read back',
        run,
        node,
      );
    }
    if (/^table (?:ip6?|inet|arp|bridge|netdev) \S+ \{/.test(text)) {
      return say(
        'nft-ruleset',
        'This is a ruleset of nftables, in the language of nft: only rules of iptables are read here',
        managedByIptables ? `${run}: these tables were made by iptables-nft` : run,
        node,
      );
    }
    if (/(?:Permission denied|must be root|Operation not permitted)/i.test(text))
      return say('no-permission', 'The rules could not be read for lack of rights', run, node);
  }
  if (tree.nodeCount === 0)
    return say('empty-input', 'The input is empty; iptables-save prints nothing without root', run);
  return say('no-ruleset', 'There is no iptables ruleset in this input', run, foreign);
}
