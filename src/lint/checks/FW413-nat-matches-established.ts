import { ctStateWords } from '../../extensions/matches/conntrack.ts';
import { defineCheck } from '../check.ts';
import { stateOf } from './support/states.ts';

/** States, and translations, that the first packet of a connection may have. */
const firstBits = ['NEW', 'RELATED', 'SNAT', 'DNAT'].reduce(
  (bits, word) => bits | (1 << ctStateWords.indexOf(word as (typeof ctStateWords)[number])),
  0,
);

/** Rules of table nat for packets that it never sees. */
export const natMatchesEstablished = defineCheck({
  code: 'FW413',
  name: 'nat-matches-established',
  title: 'A rule of table nat for a state that its packets do not have',
  severity: 'warning',
  confidences: ['proved'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule of table nat asks for ESTABLISHED, INVALID or UNTRACKED and nothing else. Only first packets of connections come to this table, so the rule matches nothing.',
  rationale:
    'The kernel asks table nat once for each connection, and rewrites all that follows by what was said then. ESTABLISHED packets never come there, and packets without a connection are not translated at all.',
  decision:
    'The states of the rule leave out NEW, RELATED, SNAT and DNAT, and the sets of all packets say that no packet is left for it.',
  exceptions: 'Lines that a program writes into every table alike (OpenVPN Access Server).',
  references: ['net/netfilter/nf_nat_core.c nf_nat_inet_fn()'],
  yieldsTo: ['FW204'],
  examples: {
    bad: [
      {
        title: 'what is ESTABLISHED is not asked again',
        rules: `*nat
-A POSTROUTING -o eth0 -m conntrack --ctstate ESTABLISHED -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'an exception for INVALID',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -m conntrack --ctstate INVALID,UNTRACKED -j ACCEPT
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'not NEW, and not RELATED',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m state ! --state NEW,RELATED -j RETURN
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.5
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'no state is needed',
        rules: `*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'NEW is true, if superfluous',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m conntrack --ctstate NEW -m tcp --dport 80 -j DNAT --to-destination 10.0.0.5
COMMIT
`,
      },
      {
        title: 'what was translated before is known here',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.5
-A POSTROUTING -o eth1 -m conntrack --ctstate DNAT -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const chains = (view.table('nat')?.chains ?? []).filter((c) => !view.owner('nat', c.name));
      for (const rule of chains.flatMap((c) => c.rules)) {
        const states = stateOf(view, rule);
        if (!states) continue;
        const asked = states.negated ? ~states.bits & firstBits & 0b110 : states.bits & firstBits;
        if (asked !== 0 || context.answers(view).standing(rule) !== 'dead') continue;
        yield {
          at: { kind: 'rule', view, rule },
          confidence: 'proved',
          message: 'Table nat sees only first packets of connections: none of them has this state',
          underline: states.option,
          caption: 'no packet here is like this',
          why: 'what is said of the first packet holds for the connection; the others do not come to this table',
          help: ['leave out the state, or delete the rule: that changes nothing'],
        };
      }
    }
  },
});
