import type { Word } from '../../grammar/words.ts';
import type { Rule } from '../../model/ruleset.ts';
import { maskAddress, prefixLength, prefixMask, sameAddress, zeroAddress } from '../../net/address.ts';
import { networkText, parseAddress } from '../../net/address-text.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { changedBody, type FixDraft } from '../fixes/fix-draft.ts';
import { wordAfter, wordsOf } from './support/rule-shape.ts';
import { denies } from './support/rules-at.ts';

const options = {
  src: ['-s', '--source', '--src'],
  dst: ['-d', '--destination', '--dst'],
} as const;

/** The first part of a list of networks that has bits beyond its mask: `192.168.1.5/24`. */
function withHostBits(view: RulesetView, word: Word): string | undefined {
  return word.text.split(',').find((part) => {
    const [host = '', length = ''] = part.split('/');
    const address = parseAddress(view.family, host);
    const bits = /^\d+$/.test(length) ? Number(length) : undefined;
    const mask = bits === undefined ? parseAddress(view.family, length) : prefixMask(view.family, bits);
    return address !== undefined && mask !== undefined && !sameAddress(maskAddress(address, mask), address);
  });
}

function* judge(view: RulesetView, rule: Rule): Iterable<FindingDraft> {
  const words = wordsOf(view, rule);
  for (const key of ['src', 'dst'] as const) {
    const condition = rule.base[key];
    if (!condition) continue;
    const word = wordAfter(words, options[key]);
    const part = word && withHostBits(view, word);
    if (part !== undefined) {
      const [host = ''] = part.split('/');
      const bits = prefixLength(condition.value.mask);
      yield {
        at: { kind: 'rule', view, rule },
        id: 'host-bits',
        severity: 'info',
        confidence: 'proved',
        message: `"${part}" is the whole network${word?.text === part ? ` ${networkText(condition.value)}` : ''}, not the host ${host}`,
        underline: part,
        caption:
          bits === undefined
            ? 'a network'
            : `${2 ** Math.min(32, (view.family === 'ipv4' ? 32 : 128) - bits)} addresses`,
        help: [`${host} alone for the host; the network without the bits behind its mask, if that is meant`],
        fixes: word?.text === part ? [writtenAsNetwork(view, rule, word, networkText(condition.value))] : [],
        group: `${view.family} host bits`,
      };
    }
    if (isOneZeroAddress(view, rule, key)) {
      yield {
        at: { kind: 'rule', view, rule },
        id: 'zero-address',
        severity: 'warning',
        confidence: 'proved',
        message: `"${options[key][0]} 0.0.0.0" is the one address 0.0.0.0, which no connection has: it does not mean "any"`,
        underline: `${options[key][0]} 0.0.0.0`,
        caption: 'one address',
        help: [`leave ${options[key][0]} out, or write 0.0.0.0/0`],
        group: `${view.family} zero address`,
      };
    }
  }
}

/** The same network as iptables itself prints it: nothing changes but the text. */
function writtenAsNetwork(view: RulesetView, rule: Rule, word: Word, network: string): FixDraft {
  const from = view.source.text.slice(word.start, word.end);
  return {
    title: `write ${network} for ${from}`,
    applicability: 'safe',
    view,
    edits: [{ kind: 'replace', rule, body: changedBody(rule, {}), words: { from, to: network } }],
  };
}

/** Who asks for an address by DHCP has none yet, and drops of such packets are meant as they stand. */
function isOneZeroAddress(view: RulesetView, rule: Rule, key: 'src' | 'dst'): boolean {
  const condition = rule.base[key];
  if (view.family !== 'ipv4' || !condition || condition.negated || denies(rule)) return false;
  if (prefixLength(condition.value.mask) !== 32) return false;
  if (!sameAddress(condition.value.address, zeroAddress('ipv4'))) return false;
  return rule.base.protocol?.negated !== true && rule.base.protocol?.value === 6;
}

/** Addresses with bits beyond their mask, and 0.0.0.0 for "any". */
export const cidrWithHostBits = defineCheck({
  code: 'FW607',
  name: 'cidr-with-host-bits',
  title: 'An address that is more, or less, than it looks',
  severity: 'warning',
  confidences: ['proved'],
  groups: ['strict'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'An address has bits beyond its mask (`192.168.1.5/24`), and the rule is for the whole network; or 0.0.0.0 without a mask stands where "any" was meant, and the rule is for that one address.',
  rationale:
    'iptables clears the bits beyond the mask without a word: the rule for one host lets 256 in. And `-s 0.0.0.0` is a host like any other, from which no TCP connection comes.',
  decision:
    'By the words of the file, since iptables-save prints the network alone. For 0.0.0.0, TCP only: whoever asks for an address by DHCP has that source, and rules that drop it are meant so.',
  exceptions: 'Files that are generated with host addresses and mean the network.',
  references: ['man iptables(8), -s'],
  fixes: [{ kind: 'safe', does: 'writes the network without the bits behind its mask' }],
  examples: {
    bad: [
      {
        title: 'a host with the mask of its network; any that is none',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -s 192.168.1.5/24 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 0.0.0.0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'in a list',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 192.168.1.10,192.168.2.10/24 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a mask in dots',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.2/255.255.255.0 -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the host, and any',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -s 192.168.1.5/32 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the network by its own address',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 10.0.0.0/255.0.0.0 -j ACCEPT
-A INPUT -s 0.0.0.0/0 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'DHCP, and sources that nobody has',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 0.0.0.0/32 -p udp -m udp --sport 68 --dport 67 -j ACCEPT
-A INPUT -s 0.0.0.0/32 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        if (!view.owner(rule.table, rule.chain)) yield* judge(view, rule);
      }
    }
  },
});
