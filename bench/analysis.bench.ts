/**
 * Dead rules with their covers, from text to answer, warm, beside reading alone; and one packet looked up in a finished
 * set. The bars: a gateway's 5,556 rules in 1 s, a look-up in a microsecond. `figures.bench.ts` has whole processes.
 *
 * The gateway is the dump of the shared data (`FWSIM_SHARED`).
 */
import { analyse } from '../src/analysis/analysis.ts';
import { answerRules, type RuleAnswers } from '../src/analysis/rule-answers.ts';
import { nowOf } from '../src/analysis/table-run.ts';
import { measure } from '../src/dev/measure.ts';
import { defaultRegistry, readMachine } from '../src/index.ts';
import { ipv4 } from '../src/net/address.ts';
import type { PacketView } from '../src/packetset/packet-view.ts';
import { largeDump } from './support/large-dump.ts';

const registry = defaultRegistry();

function trial(text: string): RuleAnswers {
  const { rulesets, machine } = readMachine([{ name: 'bench', text }], { registry });
  const ruleset = rulesets[0]?.linked.ruleset;
  if (ruleset === undefined) throw new Error('no ruleset');
  const answers = answerRules(analyse({ ruleset, machine, registry }));
  for (const rule of answers.dead()) answers.death(rule);
  return answers;
}

const text = largeDump();
if (text === undefined) console.log('analysis: needs the corpus in the shared data');
else {
  const { analysis } = trial(text);
  const visit = analysis.visits().find((v) => v.table === 'filter' && v.hook === 'FORWARD');
  const { space } = analysis.vocabulary;
  const accepted = nowOf(space, visit?.ends.get('accept') ?? space.none, analysis.vocabulary.rewritten);
  const views = Array.from({ length: 1000 }, (_, i) => {
    const n = Math.imul(i + 1, 0x85ebca6b) >>> 0;
    const packet = {
      src: ipv4(n),
      dst: ipv4((0x839f0000 + (n >>> 16)) >>> 0),
      protocol: n & 1 ? 6 : 17,
      sport: 40_000,
      dport: n & 1023,
      fragmentOffsetBytes: 0,
      moreFragments: false,
    };
    const connection = { state: 'NEW', direction: 'original' };
    return { packet, inInterface: 'eth1.110', outInterface: 'eth1.97', connection } as unknown as PacketView;
  });
  await measure('a gateway of 5,556 rules', [
    { name: 'read', run: () => readMachine([{ name: 'bench', text }], { registry }) },
    { name: 'read, dead rules and their covers', run: () => trial(text) },
    { name: 'look up 1,000 packets', run: () => views.filter((v) => space.contains(accepted, v)) },
  ]);
}
