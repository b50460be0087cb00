/**
 * Goal: what is answered after an edit is what is answered for the edited ruleset alone. Method: rows of random edits
 * of random rulesets and of a large dump; after each, the answers are compared.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/analysis/analysis.ts';
import { answerEdits } from '../../src/analysis/edits.ts';
import { answerRules, type RuleAnswers } from '../../src/analysis/rule-answers.ts';
import { familyOf, type KernelCase } from '../../src/dev/conform-case.ts';
import { defaultRegistry, readMachine } from '../../src/index.ts';
import type { Machine } from '../../src/model/machine.ts';
import type { Rule, Ruleset } from '../../src/model/ruleset.ts';
import { arbitraryKernelCase } from '../support/arbitrary-kernel-cases.ts';
import { type DrawnEdit, drawnEdit, edited, untouched, withChain } from '../support/ruleset-edits.ts';
import { describeWithShared } from '../support/shared.ts';
import { drawnRules, readText, textOf } from '../support/tiny-universe.ts';

const registry = defaultRegistry();

const placeOf = (rule: Rule): string => `${rule.table} ${rule.chain} ${rule.index + 1}`;

/** Everything that is said of dead rules, by the places of rules. */
function told(answers: RuleAnswers): readonly string[] {
  return answers.dead().map((rule) => {
    const death = answers.death(rule);
    const words = JSON.stringify(death, (key, value) => {
      if (key === 'takes') return undefined;
      if (key === 'rule') return placeOf(value);
      return key === 'via' || key === 'jumps' ? value.map(placeOf) : value;
    });
    return `${placeOf(rule)}: ${words}`;
  });
}

/** What is lost of the live rules. */
function losses(answers: RuleAnswers, ruleset: Ruleset): readonly string[] {
  return ruleset.tables.flatMap((t) =>
    t.chains.flatMap((c) =>
      c.rules.flatMap((rule) => {
        const loss = answers.loss(rule);
        if (loss === undefined) return [];
        return [`${placeOf(rule)} ${loss.share} ${loss.takers.map((p) => placeOf(p.rule)).join()}`];
      }),
    ),
  );
}

const deadPolicies = (answers: RuleAnswers, ruleset: Ruleset): readonly string[] =>
  ruleset.tables.flatMap((t) =>
    t.chains.flatMap((c) => (c.hook && answers.policyIsDead(c) ? [`${t.name} ${c.name}`] : [])),
  );

/** The rulesets after each edit, answered one after the other, and each alone. */
function compare(first: Ruleset, machine: Machine, edits: readonly DrawnEdit[]): void {
  const answers = answerEdits({ machine, registry });
  let ruleset = first;
  for (const edit of [undefined, ...edits]) {
    if (edit !== undefined) ruleset = edited(ruleset, edit);
    const mine = answers(ruleset);
    const alone = answerRules(analyse({ ruleset, machine, registry }));
    expect(told(mine)).toEqual(told(alone));
    expect(deadPolicies(mine, ruleset)).toEqual(deadPolicies(alone, ruleset));
    expect(losses(mine, ruleset)).toEqual(losses(alone, ruleset));
  }
}

describe('answers after an edit are those of the edited ruleset', () => {
  test('over drawn rules of a few chains', () => {
    fc.assert(
      fc.property(drawnRules, fc.array(drawnEdit, { minLength: 1, maxLength: 12 }), (drawn, edits) => {
        const words = [
          '-i eth0',
          '-i eth1',
          '-i eth+',
          '-m mark --mark 0x1',
          '-p tcp -m tcp --dport 80',
          '-p tcp -m tcp --dport 443',
          '-p udp -m udp --dport 80:443',
          '-m conntrack --ctstate NEW',
        ].map((w) => `-A ${untouched} ${w} -j ACCEPT`);
        const text = textOf(drawn).replace(/(?<=\*filter\n)/, `:${untouched} - [0:0]\n`);
        const read = readText(text.replace(/COMMIT\n*$/, `${words.join('\n')}\nCOMMIT\n`));
        compare(read.ruleset, read.machine, edits);
      }),
      { numRuns: 60, seed: 20261122 },
    );
  }, 120_000);

  test('over rulesets with translations, marks, lists and limits', () => {
    fc.assert(
      fc.property(arbitraryKernelCase, fc.array(drawnEdit, { minLength: 1, maxLength: 8 }), (job, edits) => {
        const family = familyOf(job as unknown as KernelCase);
        const read = readMachine([{ name: 'drawn', text: job.ruleset }], { registry, family });
        const ruleset = read.rulesets[0]?.linked.ruleset;
        fc.pre(ruleset !== undefined);
        compare(ruleset, read.machine, edits);
      }),
      { numRuns: 40, seed: 20261122 },
    );
  }, 240_000);
});

const dump =
  'net-network__configs_chair_for_Network_Architectures_and_Services__iptables-save-2016-06-27_16-29-01.gz';
describeWithShared('a gateway of 5,556 rules', `corpus/gateway/${dump}`, (path) => {
  test('twelve edits in a row', () => {
    const text = gunzipSync(readFileSync(path)).toString('latin1');
    const { rulesets, machine } = readMachine([{ name: 'gateway', text }], { registry });
    const first = rulesets[0]?.linked.ruleset as Ruleset;
    const answers = answerEdits({ machine, registry });
    let ruleset = first;
    for (const edit of fc.sample(drawnEdit, { numRuns: 12, seed: 7 })) {
      ruleset = edited(ruleset, edit);
      const mine = told(answers(ruleset));
      expect(mine).toEqual(told(answerRules(analyse({ ruleset, machine, registry }))));
    }
  }, 240_000);
});

describe('a long life', () => {
  const text = [
    '*filter',
    ':INPUT DROP [0:0]',
    ...Array.from(
      { length: 60 },
      (_, i) => `-A INPUT -s 10.0.${i}.0/24 -p tcp -m tcp --dport ${1000 + i} -j ACCEPT`,
    ),
    'COMMIT',
    '',
  ].join('\n');

  test('thousands of edits with ever new addresses and ports do not take more and more room', () => {
    const { rulesets, machine } = readMachine([{ name: 'long', text }], { registry });
    let ruleset = rulesets[0]?.linked.ruleset as Ruleset;
    const answers = answerEdits({ machine, registry });
    const rules = readMachine(
      [{ name: 'more', text: text.replaceAll('10.0.', '172.16.').replaceAll('--dport 1', '--dport 2') }],
      { registry },
    ).rulesets[0]?.linked.ruleset.tables[0]?.chains[0]?.rules as readonly Rule[];
    let most = 0;
    const spaces = new Set<unknown>();
    for (let n = 0; n < 2000; n++) {
      const chain = ruleset.tables[0]?.chains[0];
      if (chain === undefined) throw new Error('no chain');
      const rule = rules[n % rules.length] as Rule;
      const word = (0xac10_0000 + Math.imul(n, 0x9e37)) >>> 0;
      const src = rule.base.src && {
        ...rule.base.src,
        value: {
          ...rule.base.src.value,
          address: { ...rule.base.src.value.address, w3: (word & ~255) >>> 0 },
        },
      };
      const own: Rule = { ...rule, id: 10_000 + n, base: { ...rule.base, src } };
      const place = n % chain.rules.length;
      ruleset = withChain(ruleset, chain, { rules: chain.rules.with(place, own) });
      const now = answers(ruleset);
      now.dead();
      const { space } = now.analysis.vocabulary;
      most = Math.max(most, space.nodeCount);
      spaces.add(space);
    }
    // New addresses do use up the spare codes: it began afresh, but by far not each time.
    expect(spaces.size).toBeGreaterThan(1);
    expect(spaces.size).toBeLessThan(1000);
    expect(most).toBeLessThan(4_000_000);
    const alone = answerRules(analyse({ ruleset, machine, registry }));
    expect(told(answers(ruleset))).toEqual(told(alone));
  }, 240_000);
});
