/**
 * Dead rules with their covers, from text to answer, warm, beside reading alone; and one packet looked up in a finished
 * set. The bars: a gateway's 5,556 rules in 1 s, a look-up in a microsecond. `figures.bench.ts` has whole processes.
 *
 * The gateway is the dump of the shared data (`FWSIM_SHARED`).
 */
import { analyse } from '../src/analysis/analysis.ts';
import { answerRules, type RuleAnswers } from '../src/analysis/rule-answers.ts';
import { measure } from '../src/dev/measure.ts';
import { defaultRegistry, readMachine } from '../src/index.ts';
import { largeDump } from './support/large-dump.ts';
import { lookUp } from './support/look-up.ts';

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
  const looked = lookUp(trial(text));
  await measure('a gateway of 5,556 rules', [
    { name: 'read', run: () => readMachine([{ name: 'bench', text }], { registry }) },
    { name: 'read, dead rules and their covers', run: () => trial(text) },
    { name: 'look up 1,000 packets', run: looked },
  ]);
}
