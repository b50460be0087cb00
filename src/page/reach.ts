/** Who may open a connection to whom: matrices of address classes, of any TCP port and of the services that rules speak of most. */

import type { FamilyExposure } from '../analysis/exposure.ts';
import type { MachineQuestion } from '../analysis/machine-rulesets.ts';
import { type FamilyMatrix, matrixOf, type Openness } from '../analysis/matrix.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { Machine } from '../model/machine.ts';
import type { Family } from '../net/address.ts';
import { serviceAt } from '../net/services.ts';
import { questionText } from '../report/matrix.ts';
import { addressText } from '../report/service-words.ts';
import { directionsOf, familyWord } from './exposure.ts';
import { type Content, element, type Html } from './html.ts';
import { singlesOf } from './services.ts';

/** One service, or any port of a protocol. */
interface Question {
  readonly protocol: number;
  readonly port?: number;
}

/** The matrices of one family. */
export interface Reach {
  readonly family: Family;
  readonly matrices: readonly { readonly question: Question; readonly matrix: FamilyMatrix }[];
  /** Why there are no more of them. */
  readonly couldNotLook: string | undefined;
}

/** Services with a matrix of their own. */
const servicesAsked = 3;
/** Classes beyond these are only counted. */
const classesShown = 20;
const tcp = 6;

/** Asks who reaches whom by the protocols and ports that matter most to this ruleset. Never throws for any input. */
export function reachOf(
  texts: readonly SourceText[],
  exposure: FamilyExposure,
  machine: Machine,
  reading: MachineQuestion,
): Reach {
  const { family } = exposure.ruleset.linked.ruleset;
  const singles = singlesOf(directionsOf(exposure, machine));
  // A port that a service is known by says more to a reader than the bound of some range.
  const [known, others] = [true, false].map((named) =>
    singles.filter(({ protocol, port }) => (serviceAt(protocol, port) !== undefined) === named),
  );
  const services = [...(known ?? []), ...(others ?? [])].slice(0, servicesAsked);
  const matrices: { question: Question; matrix: FamilyMatrix }[] = [];
  for (const question of [{ protocol: tcp }, ...services]) {
    const { families, couldNotLook } = matrixOf(texts, { ...reading, ...question, family });
    for (const matrix of families) matrices.push({ question, matrix });
    if (couldNotLook !== undefined)
      return { family, matrices, couldNotLook: `${questionText(question)}: ${couldNotLook}` };
  }
  return { family, matrices, couldNotLook: undefined };
}

/** What the section says. */
export function reachSection(reaches: readonly Reach[], machine: Machine): readonly Content[] {
  const placed = machine.interfaces.provenance === 'given';
  return [
    element(
      'p',
      { class: 'faint' },
      'New connections, from the addresses of a row to those of a column. Addresses that rules treat alike are one class, the largest first. ',
      '"some": for some ports, or it depends on what is not known, or on the interface that a packet comes or goes by.',
      placed ? '' : ' Sources may come by any interface, since nobody said what is behind which.',
    ),
    reaches.map(({ family, matrices, couldNotLook }) => [
      reaches.length > 1 ? element('h3', {}, familyWord(family)) : undefined,
      matrices.map(({ question, matrix }, index) =>
        element(
          'details',
          { class: 'reach', open: index === 0 },
          element('summary', {}, question.port === undefined ? 'TCP, any port' : questionText(question)),
          matrixTable(matrix, `Who reaches whom, ${familyWord(family)}, ${questionText(question)}`),
        ),
      ),
      couldNotLook === undefined
        ? undefined
        : element('p', { class: 'red' }, `could not look: ${couldNotLook}`),
    ]),
  ];
}

const openWords: Readonly<Record<Openness, string>> = { open: 'open', some: 'some', closed: 'no' };

function matrixTable({ classes, through, to, from }: FamilyMatrix, label: string): readonly Content[] {
  const shown = classes.slice(0, classesShown);
  const cell = (openness: Openness | undefined): Html =>
    element(
      'td',
      {},
      openness === undefined
        ? undefined
        : element('span', { class: `state ${openness === 'closed' ? 'no' : openness}` }, openWords[openness]),
    );
  const head = (text: string, title: string): Html => element('th', { scope: 'col', title }, text);
  const who = shown.map((c) => addressText(c) ?? 'all addresses');
  const row = (number: string, addresses: string, cells: readonly Html[]): Html =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, element('span', { class: 'bold' }, number), ' ', addresses),
      cells,
    );
  const more = classes.length - shown.length;
  return [
    element(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
      element(
        'table',
        {},
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            element('th', { scope: 'col' }, 'from, to'),
            who.map((text, i) => head(String(i + 1), text)),
            head('M', 'this machine'),
          ),
        ),
        element(
          'tbody',
          {},
          who.map((text, i) =>
            row(String(i + 1), text, [...who.map((_, j) => cell(through[i]?.[j])), cell(to[i])]),
          ),
          row('M', 'this machine', [...who.map((_, j) => cell(from[j])), cell(undefined)]),
        ),
      ),
    ),
    more > 0
      ? element('p', { class: 'faint' }, `and ${more} smaller classes: fwsim matrix --all shows them`)
      : undefined,
  ];
}
