import { defineCheck } from '../check.ts';

/** What the reader cannot take as it stands; the reader itself reports it. */
export const syntaxError = defineCheck({
  code: 'FW901',
  name: 'syntax-error',
  title: 'A line that iptables-restore would refuse, or reads otherwise than it looks',
  severity: 'error',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A line that would not load, with the word that is at fault, or an old spelling that is repaired with a remark. The rest of the file is read all the same.',
  rationale:
    'iptables-restore loads a table whole or not at all: one bad line, and none of the rules of that table are in force. At boot that means no firewall, with one line in a log that nobody reads.',
  decision:
    'Every option is read as iptables 1.8.9 reads it: number of words, ranges, the table, chain and protocol that an extension asks for. Errors are what would not load; warnings load, but not as they read.',
  exceptions:
    'Extensions that are newer than this version of fwsim: they are kept word by word, and told as FW904 instead.',
  references: ['man iptables-restore(8)', 'man iptables-extensions(8)'],
  examples: {
    bad: [
      {
        title: 'sixteen ports, one too many',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'an option with a slip in it',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dprot 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'ports without a protocol, and an interface that INPUT does not have',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m multiport --dports 22,80 -j ACCEPT
-A INPUT -o eth0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a range counts as two',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m multiport --dports 1:16 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'quotes, counters and a negation in their places',
        rules: `*filter
:INPUT DROP [12:720]
[3:180] -A INPUT ! -s 192.168.1.0/24 -p tcp -m tcp --dport 22 -m comment --comment "not from outside" -j DROP
COMMIT
`,
      },
      {
        title: 'an interface in the chain that has it',
        rules: `*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m multiport --dports 22,80 -j ACCEPT
-A OUTPUT -o eth0 -p tcp -m tcp --dport 25 -j DROP
COMMIT
`,
      },
    ],
  },
  run: () => [],
});
