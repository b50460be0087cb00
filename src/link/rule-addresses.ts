/** `-s` and `-d`: lists, masks, and what iptables says of the rest. */

import { isRefusal, type Refusal } from '../extensions/define.ts';
import { readNetwork } from '../extensions/option-types.ts';
import type { Invertible } from '../model/ruleset.ts';
import { type Family, type Network, prefixLength } from '../net/address.ts';
import { parseAddress, parseIpv4 } from '../net/address-text.ts';
import { complain, type GivenAddress, type RuleDraft } from './rule-draft.ts';

/** Reads a network; equal texts give one object. */
export type NetworkReader = (option: '-s' | '-d', text: string) => Network | Refusal;

/** Networks remembered at most: a list of every host of a /16 fits. */
const rememberedMax = 1 << 17;

/** Makes a reader for one family. */
export function networkReader(family: Family): NetworkReader {
  const seen = new Map<string, Network | Refusal>();
  return (option, text) => {
    const known = seen.get(text);
    if (known) return known;
    const read = readNetwork({ family, option }, text);
    if (seen.size < rememberedMax) seen.set(text, read);
    return read;
  };
}

const anywhere: readonly undefined[] = [undefined];

/** The networks of one option, one for each rule that the line makes; `undefined` stands for any address. */
export function readAddresses(
  draft: RuleDraft,
  given: GivenAddress | undefined,
  option: '-s' | '-d',
  read: NetworkReader,
): readonly (Invertible<Network> | undefined)[] {
  if (!given) return anywhere;
  const { text, negated, word } = given;
  const keep = (): typeof anywhere => {
    draft.opaque.push([...(negated ? ['!'] : []), option, text]);
    return anywhere;
  };
  const parts = text.includes(',') ? text.split(',') : [text];
  if (parts.length > 1 && negated) {
    complain(draft, {
      id: 'negated-list',
      message: '! not allowed with multiple source or destination IP addresses',
      word,
      hint: 'write one rule for each address, or use an ipset: -m set ! --match-set NAME src',
    });
    return keep();
  }
  const out: (Invertible<Network> | undefined)[] = [];
  for (const part of parts) {
    const net = read(option, part);
    if (isRefusal(net)) {
      // A variable of a script: nothing is wrong, and nothing is known.
      if (draft.commandLine && variable.test(part)) return keep();
      const host = isHostName(part);
      const hint = hintForAddress(draft, part) ?? (host ? 'write its address' : net.hint);
      complain(draft, {
        id: host ? 'host-name' : net.id,
        severity: host ? 'warning' : 'error',
        message: host
          ? `iptables looks up "${part}" once, when it loads the rule: what this matches is not known here`
          : net.message,
        word,
        ...(net.word === undefined ? {} : { part: net.word }),
        ...(hint === undefined ? {} : { hint }),
      });
      return keep();
    }
    const any = prefixLength(net.mask) === 0;
    if (any && negated && draft.context.backend === 'nft') {
      complain(draft, {
        id: 'negated-any',
        message: `! ${option} ${part} matches nothing; iptables-nft refuses it (Invalid argument)`,
        word,
        hint: 'a condition that is never met makes the rule useless: leave the rule out',
      });
    }
    out.push(any && !negated ? undefined : { value: net, negated });
  }
  return out;
}

/** Words that somebody was to fill in: `${LAN}`, `<private_ip>`, `{{ net }}`, `@NET@`. */
export const placeholder = /\$\{?\w|^<.*>$|\{\{|^@\w+@|^%\w+%$/;

/** A name that a name server may know; iptables refuses to load the rule where none does. */
function isHostName(text: string): boolean {
  return /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z]{2,}\.?(?:\/[\d.]+)?$|^localhost$/i.test(text);
}

/** A variable of the shell, or the output of a command, somewhere in a word. */
export const variable = /\$[\w{(]/;

function hintForAddress({ context }: RuleDraft, text: string): string | undefined {
  if (placeholder.test(text)) return 'nobody has filled this in: iptables-restore takes it as it stands';
  const host = text.replace(/\/.*/s, '');
  const other = context.family === 'ipv4' ? parseAddress('ipv6', host) : parseIpv4(host, true);
  if (other) {
    return context.family === 'ipv4'
      ? 'this is an IPv6 address; the ruleset was taken for IPv4'
      : 'this is an IPv4 address; the ruleset was taken for IPv6';
  }
  if (/^[0-9a-f.]+-[0-9a-f.]+$/i.test(text)) return 'ranges need -m iprange --src-range or --dst-range';
  if (/^'.*'$/.test(text)) return 'single quotes are ordinary characters here: leave them out';
  return undefined;
}
