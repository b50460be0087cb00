import { NFLOG } from '../../extensions/targets/NFLOG.ts';
import { NOTRACK } from '../../extensions/targets/NOTRACK.ts';
import { targetText } from '../../link/rule-text.ts';
import type { Rule } from '../../model/ruleset.ts';
import { defineCheck, type RulesetView } from '../check.ts';
import { changedBody, type FixDraft, type RuleEdit } from '../fixes/fix-draft.ts';
import { countOf, wordAfter, wordsOf } from './support/rule-shape.ts';

/** What is out of date, and what stands for it now. */
interface Obsolete {
  readonly what: string;
  readonly underline: string;
  readonly since: string;
  readonly instead: string;
}

/** Matches that were once patched into the kernel: their names say nothing to iptables any more. */
const goneMatches: Readonly<Record<string, readonly [since: string, instead: string]>> = {
  unclean: ['was taken out of Linux in 2.6', '-m conntrack --ctstate INVALID'],
  psd: ['never came into Linux; xtables-addons has it', '-m recent or -m hashlimit'],
  ipp2p: ['never came into Linux; xtables-addons has it', 'a daemon behind -j NFQUEUE'],
  layer7: ['never came into Linux and is given up', 'a daemon behind -j NFQUEUE'],
  ipv4options: ['never came into Linux; xtables-addons has it', '-m u32'],
};

function obsolete(view: RulesetView, rule: Rule): Obsolete | undefined {
  const { target } = rule;
  if (view.findTarget(rule, NOTRACK)) {
    return {
      what: '-j NOTRACK',
      underline: '-j NOTRACK',
      since: 'is the older spelling of -j CT --notrack',
      instead: '-j CT --notrack',
    };
  }
  // The nft back end drops the option when it loads the rule: only the line still has it.
  if (view.findTarget(rule, NFLOG) && wordAfter(wordsOf(view, rule), ['--nflog-range'])) {
    return {
      what: '--nflog-range',
      underline: '--nflog-range',
      since: 'never did anything',
      instead: '--nflog-size',
    };
  }
  if (target.kind === 'verdict' && target.verdict === 'QUEUE') {
    return {
      what: '-j QUEUE',
      underline: '-j QUEUE',
      since:
        'belongs to ip_queue, which Linux has not had since 3.5; packets go to queue 0 of NFQUEUE, if anybody listens there',
      instead: '-j NFQUEUE --queue-num 0',
    };
  }
  for (const use of rule.matches) {
    const gone = use.known ? undefined : goneMatches[use.extension];
    if (gone)
      return {
        what: `-m ${use.extension}`,
        underline: `-m ${use.extension}`,
        since: gone[0],
        instead: gone[1],
      };
  }
  return undefined;
}

/** What stands for it now, where that is one thing. */
function upToDate(
  view: RulesetView,
  { what, instead }: Obsolete,
  rules: readonly Rule[],
): readonly FixDraft[] {
  if (what.startsWith('-m ')) return [];
  const edits = rules.map((rule): RuleEdit => {
    const range = wordAfter(wordsOf(view, rule), ['--nflog-range'])?.text;
    const from = what.startsWith('-j ') ? what : `${what} ${range}`;
    const to = what.startsWith('-j ') ? instead : '';
    const text = targetText(rule.target).replace(from, to).trim();
    const target = { kind: 'extension', extension: '', known: false, data: undefined, text } as const;
    return { kind: 'replace', rule, body: changedBody(rule, { target }), words: { from, to } };
  });
  const does = what.startsWith('-j ') ? `write "${instead}" for "${what}"` : `leave "${what}" out`;
  return [{ title: `${does} in ${countOf(rules.length, 'rule')}`, applicability: 'safe', view, edits }];
}

/** Extensions that Linux has left behind. */
export const obsoleteExtension = defineCheck({
  code: 'FW602',
  name: 'obsolete-extension',
  title: 'A match or target that Linux has left behind',
  severity: 'warning',
  confidences: ['proved'],
  groups: ['strict'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule uses an extension or an option that is kept for old files alone, that never worked, or that is gone. Each is told once, with the number of rules.',
  rationale:
    'What is kept for old files may be gone after the next upgrade, and then the whole table does not load. An option that does nothing leads whoever reads it astray.',
  decision:
    'By name: `-j NOTRACK`, `-j QUEUE`, `--nflog-range`, and matches that were patches to the kernel (`unclean`, `psd`, `ipp2p`, `layer7`). Targets that the kernel refuses today (ULOG, MIRROR) are FW902.',
  exceptions: 'Old appliances, whose kernel still has them.',
  references: ['man iptables-extensions(8)', 'net/netfilter/xt_CT.c notrack_tg_check()'],
  fixes: [{ kind: 'safe', does: 'writes what has taken its place, where packets fare alike' }],
  examples: {
    bad: [
      {
        title: 'no tracking for name service',
        rules: `*raw
-A PREROUTING -p udp -m udp --dport 53 -j NOTRACK
-A OUTPUT -p udp -m udp --sport 53 -j NOTRACK
COMMIT
`,
      },
      {
        title: 'an option that never did anything',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m limit --limit 5/min -j NFLOG --nflog-group 5 --nflog-range 64
COMMIT
`,
      },
      {
        title: 'a match that is gone',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m unclean -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the target CT',
        rules: `*raw
-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
-A OUTPUT -p udp -m udp --sport 53 -j CT --notrack
COMMIT
`,
      },
      {
        title: 'the option that works',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m limit --limit 5/min -j NFLOG --nflog-group 5 --nflog-size 64
COMMIT
`,
      },
      {
        title: 'a queue by its number',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -j NFQUEUE --queue-num 0
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const found = new Map<string, { readonly about: Obsolete; readonly rules: Rule[] }>();
      for (const rule of view.rules()) {
        const about = view.writer(rule) ? undefined : obsolete(view, rule);
        if (!about) continue;
        const known = found.get(about.what);
        if (known) known.rules.push(rule);
        else found.set(about.what, { about, rules: [rule] });
      }
      for (const { about, rules } of found.values()) {
        const [first] = rules;
        if (!first) continue;
        const count = rules.length === 1 ? '' : ` (${countOf(rules.length, 'rule')})`;
        yield {
          at: { kind: 'rule', view, rule: first },
          confidence: 'proved',
          message: `"${about.what}" ${about.since}${count}`,
          underline: about.underline,
          caption: 'out of date',
          help: [`use ${about.instead}`],
          fixes: upToDate(view, about, rules),
          group: `${view.family} ${about.what}`,
        };
      }
    }
  },
});
