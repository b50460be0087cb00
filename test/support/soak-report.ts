/** The figures of campaigns as a part of docs/conformance.md. */

import { type Exercised, exercisedKeys } from './exercised.ts';
import { loadableKeys, whyNotOnKernel } from './kernel-fitness.ts';
import type { SoakState, SoakWith } from './soak-state.ts';

/** Cases that each extension is to be asked in. */
const wanted = 200;

const begin = '<!-- measured: campaign -->';
const end = '<!-- end: campaign -->';

const number = (n: number): string => n.toLocaleString('en-US');

function sum(states: readonly SoakState[], of: (s: SoakState) => number): number {
  return states.reduce((n, s) => n + of(s), 0);
}

function together(states: readonly SoakState[]): Exercised {
  const all: Exercised = new Map();
  for (const { exercised } of states)
    for (const [key, { cases, yes, no }] of exercised) {
      const known = all.get(key) ?? { cases: 0, yes: 0, no: 0 };
      all.set(key, { cases: known.cases + cases, yes: known.yes + yes, no: known.no + no });
    }
  return all;
}

function figures(name: string, states: readonly SoakState[]): string {
  const seeds = states.map((s) => s.seed).join(', ');
  return `| ${name} | ${seeds} | ${number(sum(states, (s) => s.cases))} | ${number(sum(states, (s) => s.packets))} | ${sum(states, (s) => s.differences)} |`;
}

/** A cell: cases, with those in which a match said yes, and no. */
function cell(exercised: Exercised, key: string): string {
  if (!exercisedKeys.includes(key)) return '';
  const asked = exercised.get(key);
  if (asked === undefined) return '0';
  return key.includes(' target ')
    ? number(asked.cases)
    : `${number(asked.cases)} (${number(asked.yes)}, ${number(asked.no)})`;
}

/** The table of extensions, what is asked less often than wanted, and what is not tried on the kernel. */
function tableOf(kernel: Exercised, sets: Exercised): string {
  const names = [...new Set(exercisedKeys.map((key) => key.slice(key.indexOf(' ') + 1)))];
  const rows = names.map((name) => {
    const cells = (['ipv4', 'ipv6'] as const).flatMap((family) => {
      const key = `${family} ${name}`;
      const onKernel = whyNotOnKernel(key) === undefined ? cell(kernel, key) : '–';
      return [exercisedKeys.includes(key) ? onKernel : '', cell(sets, key)];
    });
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  return [
    '| extension | IPv4: kernel | IPv4: sets | IPv6: kernel | IPv6: sets |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...rows,
  ].join('\n');
}

/** By family: how often the extension that was asked least, and how many were asked less often than wanted. */
function leastOf(exercised: Exercised, tried: (key: string) => boolean): string {
  const parts = (['ipv4', 'ipv6'] as const).map((family) => {
    const asked = exercisedKeys
      .filter((key) => key.startsWith(family) && tried(key))
      .map((key) => ({ key, cases: exercised.get(key)?.cases ?? 0 }))
      .sort((a, b) => a.cases - b.cases);
    const few = asked.filter(({ cases }) => cases < wanted).length;
    const rarest = asked.slice(0, 3).map(({ key, cases }) => `${key.slice(family.length + 1)} ${cases}`);
    const of = `${family === 'ipv4' ? 'IPv4' : 'IPv6'}: the rarest ${rarest.join(', ')}`;
    return few === 0 ? of : `${of}; ${few} of ${asked.length} less than ${wanted} times`;
  });
  return parts.join('. ');
}

/** Replaces the part of a page that holds the figures. @throws where the page has no such part. */
export function withReport(page: string, states: readonly SoakState[]): string {
  const of = (name: SoakWith): readonly SoakState[] => states.filter((s) => s.with === name);
  const kernel = together(of('kernel'));
  const sets = together(of('sets'));
  const reasons = [...new Set(exercisedKeys.map((key) => key.slice(key.indexOf(' ') + 1)))].flatMap(
    (name) => {
      const why = whyNotOnKernel(`ipv4 ${name}`);
      return why === undefined ? [] : [`- ${name}: ${why}`];
    },
  );
  const { ways, fromSets, reached, undecided } = of('sets').reduce(
    (all, { counts }) => ({
      ways: all.ways + counts.ways,
      fromSets: all.fromSets + counts.fromSets,
      reached: all.reached + counts.reached,
      undecided: all.undecided + counts.undecided,
    }),
    { ways: 0, fromSets: 0, reached: 0, undecided: 0 },
  );
  const text = [
    begin,
    '',
    '| engine with | seed | rulesets | random packets | differences |',
    '| --- | ---: | ---: | ---: | ---: |',
    figures('kernel', of('kernel')),
    figures('packet sets', of('sets')),
    '',
    `Of the sets, ${number(fromSets)} packets more were taken out of the sets themselves (${number(reached)} of them end as their set says under`,
    `some answers to what is not known), ${number(ways)} ways were looked up, and ${number(undecided)} had sets that ran out of nodes.`,
    '',
    'Cases in which a rule with the extension was reached and asked; in brackets those in which a match said yes to some packet,',
    'and no to some.',
    '',
    `- With the kernel, of what can be tried, ${leastOf(kernel, (key) => whyNotOnKernel(key) === undefined)}.`,
    `- With packet sets, ${leastOf(sets, (key) => loadableKeys.includes(key))}.`,
    '',
    tableOf(kernel, sets),
    '',
    'Of account, MIRROR and ULOG no rule loads: iptables has them no more. Not tried on the kernel (–):',
    '',
    ...reasons,
    '',
    end,
  ].join('\n');
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page has no part between ${begin} and ${end}`);
  return `${page.slice(0, from)}${text}${page.slice(to + end.length)}`;
}
