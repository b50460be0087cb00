/**
 * Goal: what fixes make of a ruleset is what a machine takes, and their commands come to the same as their patch.
 * Method: the bad examples of all checks, mended, loaded into network namespaces of their own; in others the old rules are
 * loaded and the commands run by a shell, and both must be saved alike.
 */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { fixMachine } from '../../src/fixing.ts';
import { defaultRegistry } from '../../src/index.ts';
import type { Check, CheckExample } from '../../src/lint/check.ts';
import { checks } from '../../src/lint/checks/index.ts';
import { applyEdits } from '../../src/lint/fixes/apply-edits.ts';
import { shellCommand } from '../../src/report/shell-quote.ts';
import { lintExample } from '../lint/lint-text.ts';
import { describeOnKernel, type LoadJob, loadRulesets } from '../support/kernel.ts';

const examples = checks
  .filter((check) => check.fixes !== undefined)
  .flatMap((check) => check.examples.bad.map((example) => ({ check, example })));

function mend(check: Check, { rules, context }: CheckExample, unsafe: boolean): string {
  const texts = [
    { name: 'gw.rules', text: rules },
    ...(context ? [{ name: 'gw.context', text: context }] : []),
  ];
  const options = { registry: defaultRegistry(), checks, select: [check.code] };
  return fixMachine(texts, options, { unsafe }).texts[0]?.text ?? '';
}

/** The parts of a stream that are rules of one family: others are not for this restore. */
function familyOf(rules: string): 4 | 6 | undefined {
  const four = /iptables-save v/.test(rules.replaceAll('ip6tables-save', ''));
  const six = rules.includes('ip6tables-save');
  return four && six ? undefined : six ? 6 : 4;
}

/** Loads rules, runs commands, and saves, in a namespace that is gone afterwards. */
function runCommands(
  rules: string,
  commands: string,
  family: 4 | 6,
): { readonly message: string; readonly saved: string } {
  const program = family === 4 ? 'iptables-nft' : 'ip6tables-nft';
  const script = `set -e
iptables() { iptables-nft "$@"; }
ip6tables() { ip6tables-nft "$@"; }
${program}-restore <<'END OF RULES'
${rules.trimEnd()}
END OF RULES
${commands}
${program}-save`;
  const { status, stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', script], {
    encoding: 'utf8',
  });
  const saved = stdout.replace(/^#.*\n/gm, '').replace(/ \[\d+:\d+\]$/gm, '');
  return { message: status === 0 ? '' : stderr, saved };
}

describeOnKernel('mended rulesets', () => {
  for (const unsafe of [false, true])
    test(`load if they loaded before, ${unsafe ? 'unsafe' : 'safe'} fixes`, { timeout: 300_000 }, () => {
      const cases = examples.flatMap(({ check, example }) => {
        const family = familyOf(example.rules);
        const now = family === undefined ? example.rules : mend(check, example, unsafe);
        if (family === undefined || now === example.rules) return [];
        const title = `${check.code} ${example.title}`;
        return [{ title, old: { text: example.rules, family }, now: { text: now, family } }];
      });
      expect(cases.length).toBeGreaterThan(30);
      const jobs: LoadJob[] = cases.flatMap(({ old, now }) => [old, now]);
      const results = loadRulesets(jobs);
      let loaded = 0;
      for (const [i, { title }] of cases.entries()) {
        if (!results[2 * i]?.loaded) continue;
        loaded++;
        expect([title, results[2 * i + 1]?.message]).toEqual([title, '']);
      }
      expect(loaded).toBeGreaterThan(30);
    });

  test('are what the commands make of the old ones', { timeout: 300_000 }, () => {
    let compared = 0;
    for (const { check, example } of examples) {
      const { findings, read } = lintExample(check, example);
      const family = familyOf(example.rules);
      for (const fix of findings.flatMap((finding) => finding.fixes ?? [])) {
        const [now] = applyEdits(read.texts, fix.edits);
        // Sets are made outside of the rules.
        if (
          fix.edits.length === 0 ||
          family === undefined ||
          fix.commands.some(([program]) => program === 'ipset')
        )
          continue;
        if (fix.commands.some(([program]) => (program === 'iptables') !== (family === 4))) continue;
        const edited = runCommands(now?.text ?? '', '', family);
        if (runCommands(example.rules, '', family).message !== '') continue;
        const ran = runCommands(example.rules, fix.commands.map(shellCommand).join('\n'), family);
        const where = `${check.code} ${example.title}: ${fix.title}`;
        expect([where, ran]).toEqual([where, edited]);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(80);
  });
});
