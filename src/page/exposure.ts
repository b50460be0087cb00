/** The exposure table of a page: what is open, from where, to what. */

import type { FamilyExposure } from '../analysis/exposure.ts';
import type { ExposureRow, ExposureSection } from '../analysis/exposure-sections.ts';
import type { Machine } from '../model/machine.ts';
import type { Family } from '../net/address.ts';
import {
  byText,
  interfaceWords,
  outWho,
  servedText,
  throughWho,
  toWho,
  type Who,
  whatText,
} from '../report/exposure-words.ts';
import { deciderPlace } from '../report/set-words.ts';
import { type Content, element, type Html } from './html.ts';

/** Rows of one direction that are told; the matrix knows of all. */
const rowsShown = 40;

/** One direction of the table. */
export interface Direction {
  readonly title: string;
  /** Short, for a column of the matrix. */
  readonly short: string;
  readonly section: ExposureSection;
  readonly who: Who;
}

/** All directions of a family: in by each group of interfaces, to this machine and through it, and out. */
export function directionsOf(exposure: FamilyExposure, machine: Machine): readonly Direction[] {
  const { interfaces, out, forwards } = exposure;
  const several = interfaces.length > 1;
  const if_ = forwards === 'unknown' ? ', if it forwards' : '';
  return [
    ...interfaces.flatMap((one): readonly Direction[] => {
      const from = interfaceWords(one, several, machine);
      return [
        {
          title: `From ${from} to this machine`,
          short: `${from}: to this machine`,
          section: one.to,
          who: toWho,
        },
        {
          title: `From ${from} through this machine${if_}`,
          short: `${from}: through it`,
          section: one.through,
          who: throughWho,
        },
      ];
    }),
    { title: 'From this machine', short: 'this machine: out', section: out, who: outWho },
  ];
}

const cell = (name: 'td' | 'th', content: Content, attributes: Record<string, string> = {}): Html =>
  element(name, attributes, content);

/** The table of one family. */
export function exposureTables(exposure: FamilyExposure, machine: Machine): Html {
  const { family } = exposure.ruleset.linked.ruleset;
  return element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Exposure, ${familyWord(family)}` },
    element(
      'table',
      { class: 'exposure' },
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          ['state', 'service', 'from and to', 'by'].map((t) => cell('th', t, { scope: 'col' })),
        ),
      ),
      directionsOf(exposure, machine).map((direction) => directionRows(direction, family)),
    ),
  );
}

/** `IPv4`. */
export function familyWord(family: Family): string {
  return family === 'ipv4' ? 'IPv4' : 'IPv6';
}

function directionRows({ title, section, who }: Direction, family: Family): Html {
  const { rows, rowsLeftOut, closedBy, idle } = section;
  const head = element('tr', {}, element('th', { colspan: 4, scope: 'rowgroup' }, title));
  if (idle)
    return element(
      'tbody',
      {},
      head,
      element('tr', {}, element('td', { colspan: 4, class: 'faint' }, 'nothing is forwarded')),
    );
  const shown = rows.slice(0, rowsShown);
  const more = rows.length - shown.length + rowsLeftOut;
  return element(
    'tbody',
    {},
    head,
    shown.map((row) => openRow(row, who, family)),
    more > 0
      ? element(
          'tr',
          {},
          element('td', { colspan: 4, class: 'faint' }, `and ${more} more rows: fwsim --all shows them`),
        )
      : undefined,
    closedBy.length > 0 || shown.length === 0
      ? element(
          'tr',
          {},
          cell('td', element('span', { class: 'state closed' }, 'closed')),
          cell('td', shown.length === 0 ? 'everything' : 'everything else'),
          cell('td', ''),
          cell('td', closersText(section), { class: 'faint' }),
        )
      : undefined,
  );
}

function closersText({ closedBy }: ExposureSection): string {
  const more = closedBy.length > 3 ? ` and ${closedBy.length - 3} more` : '';
  return `${closedBy.slice(0, 3).map(deciderPlace).join(', ')}${more}`;
}

function openRow(row: ExposureRow, who: Who, family: Family): Html {
  const state = row.certain ? 'open' : 'perhaps';
  const served = servedText(row);
  return element(
    'tr',
    {},
    cell('td', element('span', { class: `state ${state}` }, state)),
    cell('td', [
      whatText(row, family),
      served === undefined ? '' : element('div', { class: 'faint' }, served),
    ]),
    cell('td', who(row)),
    cell('td', byText(row), { class: 'faint' }),
  );
}
