/**
 * Goal: findings are about packets, not about how rules are cut and arranged, and what is proved stays so whatever else
 * comes to light of the machine. Method: the examples of the checks and the example rulesets are rewritten into rules that
 * treat every packet alike, or get the outputs of `ip` beside them; the same faults must be found. What is compared is less
 * than in metamorphic.test.ts, since rules have other numbers and neighbours afterwards.
 */
import { describe, expect, test } from 'vitest';
import { readCorpusFile } from '../../src/dev/corpus-files.ts';
import type { Check, CheckExample } from '../../src/lint/check.ts';
import { checks } from '../../src/lint/checks/index.ts';
import type { Finding } from '../../src/lint/finding.ts';
import { addressText } from '../../src/net/address-text.ts';
import { readExamples } from '../support/examples.ts';
import { describeWithShared } from '../support/shared.ts';
import { lintExample, lintText } from './lint-text.ts';
import { contextFor, inlined, renamedInterfaces, shuffled, splitMultiports } from './rewritten-rules.ts';

/** One other way to cut or arrange rules. */
interface Way {
  readonly title: string;
  readonly write: (text: string) => string;
  /** What has to be the same of the findings, in any order. */
  readonly told: (finding: Finding) => string;
  /** Codes that are about just this. */
  readonly except: RegExp;
}

/** Which fault it is: a rule that was cut in two may have two findings afterwards. */
const fault = ({ code, severity, confidence }: Finding): string => `${code} ${severity} ${confidence}`;

/** All words but numbers of rules. */
const words = (finding: Finding): string =>
  `${fault(finding)} ${finding.message.replace(/\b(rules?) \d+(?:(?:, | and )\d+)*/gi, '$1')}`;

const ways: readonly Way[] = [
  {
    title: 'with a rule for each port',
    write: splitMultiports,
    told: fault,
    // A rule of which some ports are decided above; several ports that are translated to one.
    except: /^FW[679]|^FW213|^FW412/,
  },
  {
    title: 'with chains written out where they are called',
    write: inlined,
    told: fault,
    // A jump that nothing reaches.
    except: /^FW[679]|^FW124/,
  },
  {
    title: 'with disjoint neighbours exchanged',
    write: shuffled,
    told: words,
    // The rule that stands last.
    except: /^FW[679]|^FW211/,
  },
  {
    title: 'with other names of interfaces',
    write: (text) => renamedInterfaces(text, 'eth', 'eth7'),
    // Names of interfaces that stand in for unknown ones go by which are taken.
    told: (finding) => words(finding).replace(/\beth\d+/g, 'eth'),
    except: /^FW9/,
  },
];

const cases = checks.map((check) => ({
  check,
  code: check.code,
  examples: [...check.examples.bad, ...check.examples.good],
}));

const rulesets = readExamples();

function rewritten<T extends { readonly context?: string | undefined }>(way: Way, example: T, rules: string) {
  const other = way.write(rules);
  if (other === rules) return undefined;
  return { rules: other, context: example.context === undefined ? undefined : way.write(example.context) };
}

function found(check: Check, example: CheckExample): readonly Finding[] {
  return lintExample(check, example).findings.filter(({ code }) => code === check.code);
}

function toldOnce(findings: readonly Finding[], { told, except }: Way): readonly string[] {
  return [...new Set(findings.filter(({ code }) => !except.test(code)).map(told))].sort();
}

describe.each(ways)('$title', (way) => {
  const affected = cases
    .filter(({ code }) => !way.except.test(code))
    .map(({ examples, ...rest }) => ({
      ...rest,
      examples: examples.filter((example) => rewritten(way, example, example.rules)),
    }))
    .filter(({ examples }) => examples.length > 0);

  test('enough examples are written so', () => {
    expect(affected.flatMap(({ examples }) => examples).length).toBeGreaterThan(10);
  });

  test.each(affected)('$code finds the same', { timeout: 60_000 }, ({ check, examples }) => {
    for (const example of examples) {
      const { rules = '', context } = rewritten(way, example, example.rules) ?? {};
      const other = found(check, { ...example, rules, ...(context === undefined ? {} : { context }) });
      expect([example.title, toldOnce(other, way)]).toEqual([
        example.title,
        toldOnce(found(check, example), way),
      ]);
    }
  });

  test.each(rulesets)('$name has the same faults', { timeout: 60_000 }, (ruleset) => {
    const other = rewritten(way, ruleset, ruleset.text);
    if (!other) return;
    expect(toldOnce(lintText(other.rules, { context: other.context }).findings, way)).toEqual(
      toldOnce(lintText(ruleset.text, { context: ruleset.context }).findings, way),
    );
  });
});

/** Dumps of real machines, of different kinds, all small: each is linted twice for each way. */
const sample = [
  'docker/net-network__pastebin.com_bbWXHaTn__iptables-save',
  'fail2ban/net-network__team_a__iptables-save.2016-03-02',
  'gateway/LinuxSetup__iptables__rules.v4',
  'gateway/m-captive__iptables.save',
  'home-router/router__iptables__rules.v4',
  'host/server-config__iptables__rules.v4',
  'ufw/net-network__configs_srvs_ufw__server1-iptables-save',
];

describeWithShared('a sample of the corpus', 'corpus', (corpus) => {
  describe.each(ways)('$title', (way) => {
    const affected = sample
      .map((name) => ({ name, text: readCorpusFile(corpus, name).text }))
      .filter(({ text }) => way.write(text) !== text);

    test('some of them are written so', () => expect(affected).not.toEqual([]));

    test.each(affected)('$name has the same faults', { timeout: 60_000 }, ({ text }) => {
      const faults = (rules: string): readonly string[] => toldOnce(lintText(rules).findings, way);
      expect(faults(way.write(text))).toEqual(faults(text));
    });
  });
});

/** Where a finding stands. */
const placeOf = ({ code, place: { table, chain, ruleNumber } }: Finding): string =>
  [code, table, chain, ruleNumber].join(' ');

describe('with the addresses and routes of the machine', () => {
  const affected = cases
    .map(({ examples, ...rest }) => ({
      ...rest,
      examples: examples.filter(({ context, asRemote }) => context === undefined && asRemote === undefined),
    }))
    // What FW9 tells is what is not known.
    .filter(({ code, examples }) => examples.length > 0 && !/^FW9/.test(code));

  test.each(affected)(
    '$code finds what was proved, and guesses no more',
    { timeout: 60_000 },
    ({ check, examples }) => {
      for (const example of examples) {
        const { read, findings } = lintExample(check, example);
        const own = read.machine.localAddresses.flatMap(({ value }) =>
          value.family === 'ipv4' && value.w3 >>> 24 !== 127 ? [addressText(value)] : [],
        );
        const outside = read.machine.outside.map(({ value }) => value);
        const context = contextFor(example.rules, outside.length > 0 ? outside : ['eth0'], own);
        const before = findings.filter(({ code }) => code === check.code);
        const after = found(check, { ...example, context });
        const proved = before.filter(({ confidence }) => confidence === 'proved').map(placeOf);
        expect([example.title, after.map(placeOf)]).toEqual([example.title, expect.arrayContaining(proved)]);
        // Which of several interfaces leads outside remains a guess; that the only one does is none.
        const oneWay = !/ifname":"(?!lo|eth0")/.test(context);
        const guessed = before.filter((one) => !oneWay || one.confidence === 'inferred').map(placeOf);
        const guesses = after.filter(({ confidence }) => confidence === 'inferred').map(placeOf);
        expect([example.title, guessed]).toEqual([example.title, expect.arrayContaining(guesses)]);
      }
    },
  );
});
