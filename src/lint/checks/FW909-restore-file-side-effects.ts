import { defineCheck, type FindingDraft } from '../check.ts';
import { listText } from './support/rule-shape.ts';

/** A command that does more than append, at the beginning of a line of a restore file. */
const command =
  /^[ \t]*(?:\[\d+:\d+\][ \t]*)?(-[IDRFXEP]|--(?:insert|delete|replace|flush|delete-chain|rename-chain|policy))(?=\s|$)/gm;

const shortForms: Readonly<Record<string, string>> = {
  '--insert': '-I',
  '--delete': '-D',
  '--replace': '-R',
  '--flush': '-F',
  '--delete-chain': '-X',
  '--rename-chain': '-E',
  '--policy': '-P',
};

/** Commands after which the order in force is not the order of the lines. */
const reorders: ReadonlySet<string> = new Set(['-I', '-D', '-R']);

const tableLine = /^[ \t]*\*[a-z]+[ \t]*$/m;

function judge(name: string, text: string): FindingDraft | undefined {
  // What `iptables -S` prints has -P lines too, and no tables.
  if (!tableLine.test(text)) return undefined;
  const counts = new Map<string, number>();
  let first: { readonly start: number; readonly end: number; readonly short: string } | undefined;
  for (const found of text.matchAll(command)) {
    const word = found[1] ?? '';
    const short = shortForms[word] ?? word;
    counts.set(short, (counts.get(short) ?? 0) + 1);
    const start = found.index + found[0].length - word.length;
    const graver = first && !reorders.has(first.short) && reorders.has(short);
    if (!first || graver) first = { start, end: start + word.length, short };
  }
  if (!first) return undefined;
  const list = listText(
    [...counts].map(([short, n]) => (n === 1 ? short : `${short} (${n} times)`)),
    8,
  );
  return {
    at: { kind: 'span', span: { start: first.start, end: first.end, source: name } },
    confidence: 'proved',
    message: reorders.has(first.short)
      ? `This file does more than append (${list}): the order in force is not the order of its lines`
      : `This file does more than append (${list}): lines undo what stands above them`,
    help: ['fwsim fmt prints what is in force after the last line'],
  };
}

/** Restore files with commands other than -A and -N. */
export const restoreFileSideEffects = defineCheck({
  code: 'FW909',
  name: 'restore-file-side-effects',
  title: 'A restore file that does more than append',
  severity: 'info',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A file for iptables-restore inserts, deletes, replaces or flushes, or sets policies by command. It is valid, and all that is said about it here is about what is in force after its last line.',
  rationale:
    'Who reads such a file from top to bottom reads another firewall than the one that runs: an insert further down stands first, and a flush takes away what was written above it.',
  decision:
    'The lines are executed as iptables-restore executes them. Told once for each file, at the first line that changes the order.',
  exceptions:
    'Files that are written for `iptables-restore --noflush`, to change rules that are loaded already.',
  references: ['man iptables-restore(8)', 'https://github.com/hestiacp/hestiacp/pull/5442'],
  examples: {
    bad: [
      {
        title: 'an insert at the end of the file',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-I INPUT 1 -s 203.0.113.66/32 -j DROP
COMMIT
`,
      },
      {
        title: 'a flush first',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-F INPUT
-A INPUT -i lo -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a policy by command, a rule taken out again',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-P INPUT DROP
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 23 -j ACCEPT
-D INPUT -p tcp -m tcp --dport 23 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the order of the lines is the order in force',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -s 203.0.113.66/32 -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a comment that looks like a command',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m comment --comment "was: -I INPUT 1" -s 192.0.2.9/32 -j DROP
COMMIT
`,
      },
      {
        title: 'a chain made by command',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-N services
-A INPUT -j services
-A services -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    const looked = new Set(context.views.map((view) => view.source.name));
    for (const { name, text } of context.read.texts) {
      const found = looked.has(name) ? judge(name, text) : undefined;
      if (found) yield found;
    }
  },
});
