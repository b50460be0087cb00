import { defineCheck } from '../check.ts';

/** Names where addresses are meant; the reader itself finds them. */
export const hostnameInRule = defineCheck({
  code: 'FW608',
  name: 'hostname-in-rule',
  title: 'A rule names a host instead of its address',
  severity: 'warning',
  confidences: ['proved'],
  groups: ['strict'],
  state: 'stable',
  since: '0.1.0',
  reports:
    '`-s` or `-d` has a name. iptables looks it up once, when it loads the rule, and keeps the addresses of that moment.',
  rationale:
    'At boot the firewall is loaded before the network is up: the name is not found, and the whole table is refused. Later the address behind the name changes, and the rule does not. Who answers the question for the name decides who is let in.',
  decision:
    'The word is no address, and looks like the name of a host. What the rule matches is not known here. Without this check the same is told as FW901.',
  exceptions: 'Names in /etc/hosts, which are there at boot and change by hand only.',
  references: ['man iptables(8), -s'],
  examples: {
    bad: [
      {
        title: 'localhost',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -s localhost -p tcp -m tcp --dport 3306 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a dynamic address',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s home.example.net -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'in a list, with an address beside it',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A OUTPUT -d 192.0.2.53,mirror.example.org -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the loopback by its interface',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -i lo -p tcp -m tcp --dport 3306 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'addresses',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 198.51.100.7/32 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a set that something keeps up to date',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m set --match-set home src -j ACCEPT
COMMIT
`,
      },
    ],
  },
  run: () => [],
});
