import { expect, test } from 'vitest';
import { corpusNames, readCorpusFile } from '../../src/dev/corpus-files.ts';
import { printRuleset } from '../../src/link/rule-text.ts';
import { read } from '../link/read.ts';
import { describeWithShared } from '../support/shared.ts';

/** Rules that a file's own lines make: `-A` and `-I`, once for each pair of listed addresses. */
function rulesWritten(text: string): number {
  let count = 0;
  for (const line of text.split(/\r?\n/)) {
    if (!/^\s*(?:\[\d+:\d+\]\s+)?-[AI] /.test(line) || / -6 /.test(line)) continue;
    const listed = (option: string): number =>
      (new RegExp(` ${option} (\\d\\S*)`).exec(line)?.[1] ?? '').split(',').length;
    count += listed('-s') * listed('-d');
  }
  return count;
}

describeWithShared('every dump of the corpus', 'corpus', (folder) => {
  test.each(corpusNames(folder))('%s', (name) => {
    const { text, resaved } = readCorpusFile(folder, name);
    const { rulesets, diagnostics, rules } = read(text);

    expect(rules.length, 'no rule is lost').toBe(rulesWritten(text));

    const said = new Set(diagnostics.map((d) => d.id));
    for (const { ruleset } of rulesets) {
      const { family, backend, version } = ruleset;
      const printed = printRuleset(ruleset);
      const again = read(printed, { family, backend, version });
      expect(again.printed, 'what is printed is printed again').toBe(printed);
      expect(
        again.ids.filter((id) => !said.has(id)),
        'and nothing new is said of it',
      ).toEqual([]);
    }

    if (resaved !== undefined) {
      const { printed } = read(text, { backend: 'nft', keepMeaning: false });
      expect(printed, 'as iptables-nft-save printed it').toBe(resaved);
      const refused = diagnostics.filter((d) => d.severity === 'error');
      expect(refused, 'it loads, so nothing is refused').toEqual([]);
    }
  });

  test('counters come back as iptables-save -c printed them', () => {
    const { text } = readCorpusFile(folder, 'kubernetes/gen-kube-400x5-counters.save.gz');
    const printed = read(text).rulesets.map((r) => printRuleset(r.ruleset, { counters: true }));
    expect(printed.join('')).toBe(text.replace(/^#.*\n/gm, ''));
  });
});
