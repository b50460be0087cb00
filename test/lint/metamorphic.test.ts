/**
 * Goal: findings are about what rules do, not about how they are written. Method: each example of each check is written
 * in another way that means the same; the check must say the same of it. Codes about the very spelling are left out.
 */
import { describe, expect, test } from 'vitest';
import type { Check, CheckExample } from '../../src/lint/check.ts';
import { checks } from '../../src/lint/checks/index.ts';
import { lintExample } from './lint-text.ts';
import { namedByPrograms } from './rewritten-rules.ts';

/** What is compared: words of a finding without numbers of lines. */
type Told = readonly string[];

/** One other way to write rules. */
interface Way {
  readonly title: string;
  readonly write: (rules: string) => string;
  /** What is left of a finding to compare. Default: all words. */
  readonly told?: (message: string) => string;
  /** Codes that are about just this. */
  readonly except: RegExp;
}

const appended = /^(-A \S+)(.*)$/gm;

const ways: readonly Way[] = [
  {
    title: 'with counters that have counted nothing special',
    write: (rules) => rules.replace(appended, '[1000:60000] $1$2'),
    except: /^FW70[16]|^FW9/,
  },
  {
    title: 'with a comment on every rule',
    write: (rules) => rules.replace(appended, '$1 -m comment --comment "as agreed"$2'),
    except: /^FW[67]|^FW9/,
  },
  {
    // Comment lines are a reason to keep silent for FW610.
    title: 'with comment lines, blank lines and trailing blanks',
    write: (rules) => rules.replace(appended, '# on our rules\n\n$1$2 '),
    except: /^FW610|^FW9/,
  },
  {
    title: 'without -m tcp where an option asks for it',
    write: (rules) => rules.replace(/-p (tcp|udp)((?: [^\n]*?)?) -m \1 (?=--[sd]port)/g, '-p $1$2 '),
    except: /^FW[67]|^FW9/,
  },
  {
    title: 'with masks in dots',
    write: (rules) =>
      rules.replace(/(-[sd] \d+\.\d+\.\d+\.\d+)\/(32|24|16|8)(?= )/g, (_, address: string, bits: string) => {
        const ones = Number(bits) / 8;
        return `${address}/${[0, 1, 2, 3].map((i) => (i < ones ? 255 : 0)).join('.')}`;
      }),
    except: /^FW6|^FW9/,
  },
  {
    title: 'with other names for chains of one’s own',
    write: (rules) => renamed(rules, (name) => `zz-${name}`),
    told: (message) => message.replaceAll('zz-', ''),
    except: /^FW9/,
  },
];

function renamed(rules: string, rename: (name: string) => string): string {
  const own = [...rules.matchAll(/^:(\S+) - /gm)].flatMap(([, name = '']) =>
    namedByPrograms.test(name) ? [] : [name],
  );
  if (own.some((name) => rename(name).length > 28)) return rules;
  return own.reduce((text, name) => {
    const literal = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    return text.replace(
      new RegExp(`^(:|(?:\\[\\d+:\\d+\\] )?-A )${literal}(?= )|(?<= -[jg] )${literal}$`, 'gm'),
      (all, head?: string) => (head === undefined ? rename(all) : `${head}${rename(name)}`),
    );
  }, rules);
}

function told(check: Check, example: CheckExample, rules: string, words: (message: string) => string): Told {
  return lintExample(check, { ...example, rules })
    .findings.filter((finding) => finding.code === check.code)
    .map(({ severity, confidence, message, place }) =>
      words([severity, confidence, place.table, place.chain, place.ruleNumber, message].join(' ')),
    )
    .sort();
}

describe.each(ways)('$title', ({ write, told: words = (message) => message, except }) => {
  const affected = checks.filter(({ code }) => !except.test(code));
  test.each(affected)('$code says the same', { timeout: 60_000 }, (check) => {
    for (const example of check.examples.bad) {
      const rules = write(example.rules);
      if (rules === example.rules) continue;
      expect([example.title, told(check, example, rules, words)]).toEqual([
        example.title,
        told(check, example, example.rules, (message) => message),
      ]);
    }
  });
});

/** All ways at once, for silence. */
const everyWay = (rules: string): string => ways.reduceRight((text, { write }) => write(text), rules);

const plain = checks.filter(({ code }) => !/^FW[679]/.test(code));
test.each(plain)(
  '$code stays silent, however its good examples are written',
  { timeout: 60_000 },
  (check) => {
    for (const example of check.examples.good)
      expect([example.title, told(check, example, everyWay(example.rules), (message) => message)]).toEqual([
        example.title,
        [],
      ]);
  },
);
