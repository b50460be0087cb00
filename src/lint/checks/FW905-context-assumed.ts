import { defineCheck } from '../check.ts';
import { settlingText } from '../settling.ts';

/** What findings rest on that nobody has said. */
export const contextAssumed = defineCheck({
  code: 'FW905',
  name: 'context-assumed',
  title: 'What was inferred about the machine, and used',
  severity: 'info',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Findings of this run rest on something that the input does not say and that was inferred from the rules: which interface leads outside, which addresses are the machine’s own. One remark lists them, with the commands that would settle them.',
  rationale:
    'An inference may be wrong, and then so is the finding. No inferred finding is ever an error. Given the output of the commands, the finding becomes certain or goes away.',
  decision:
    'Each finding carries the inferences that its packet’s walk used. They are collected here, but for those that only say what sender the packet of a finding has. Nothing is said if nothing was inferred, or if nothing that was inferred was used.',
  exceptions: 'This is a remark on the answer, not on the ruleset.',
  references: ['fwsim lint --help, --with'],
  examples: {
    bad: [
      {
        title: 'that eth0 leads outside is inferred from MASQUERADE',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD ! -s 192.168.1.0/24 -i eth0 -p tcp -m multiport --dports 80,443 -j DROP
COMMIT
`,
      },
      {
        title: 'the founding incident, without anything about the machine',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o ppp0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 198.51.100.0/24 -i ppp0 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -i ppp0 -p tcp -m tcp --dport 80 -j DROP
COMMIT
`,
      },
      {
        title: 'a router that forwards everything, by its rules',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth1 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'nothing was inferred',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
COMMIT
`,
      },
      {
        title: 'something was inferred, but no finding used it',
        rules: `*nat
-A POSTROUTING -o ppp0 -m comment --comment "uplink" -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'findings that follow from the rules alone',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -i lo -j ACCEPT
COMMIT
`,
      },
    ],
  },
  run: () => [],
  *conclude(_context, findings) {
    const inferred = findings
      .map((f) => ({ inferences: f.inferences.filter((i) => !i.ofSender) }))
      .filter((f) => f.inferences.length > 0);
    const count = inferred.length;
    if (count === 0) return;
    const texts = [...new Set(inferred.flatMap((f) => f.inferences.map(({ text }) => text)))].sort();
    const settling = settlingText(inferred);
    const shown = texts.slice(0, 4);
    const more = texts.length > shown.length ? `; and ${texts.length - shown.length} more` : '';
    yield {
      at: { kind: 'machine' },
      confidence: 'proved',
      message: `${count === 1 ? '1 finding rests' : `${count} findings rest`} on what was inferred about this machine`,
      what: `${shown.join('; ')}${more}`,
      help: [settling ?? 'only you know: fwsim.yml takes it as context (outside, inside, roles)'],
    };
  },
});
