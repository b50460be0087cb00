/** The exposure table of a page, and the matrix of services that is made of it: what is open, from where, to what. */

import type { Service, ServicePiece } from '../analysis/exposed-services.ts';
import type { ExposureRow, ExposureSection, FamilyExposure } from '../analysis/exposure.ts';
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
import { serviceText } from '../report/service-words.ts';
import { deciderPlace } from '../report/set-words.ts';
import { type Content, element, type Html } from './html.ts';

/** Rows of one direction that are told; the matrix knows of all. */
const rowsShown = 40;
/** Services of the matrix. */
const servicesMax = 30;

/** One direction of the table. */
interface Direction {
  readonly title: string;
  /** Short, for a column of the matrix. */
  readonly short: string;
  readonly section: ExposureSection;
  readonly who: Who;
}

function directionsOf(exposure: FamilyExposure, machine: Machine): readonly Direction[] {
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

// ------------------------------------------------------------------------------------------ matrix

/** A service of one port (or type) of one protocol. */
interface Single {
  readonly protocol: number;
  readonly port: number;
}

const within = (list: readonly (readonly [number, number])[] | 'any', value: number): boolean =>
  list === 'any' || list.some(([low, high]) => low <= value && value <= high);

function pieceHolds({ protocols, ports }: ServicePiece | Service, { protocol, port }: Single): boolean {
  return within(protocols, protocol) && within(ports, port);
}

/** Whether a service includes one port of one protocol. */
function serviceHolds(service: Service, single: Single): boolean {
  return pieceHolds(service, single) && service.except?.some((piece) => pieceHolds(piece, single)) !== true;
}

/** The ports that somebody has written rules for, those of most rows first. */
function singlesOf(directions: readonly Direction[]): readonly Single[] {
  const counts = new Map<string, { readonly single: Single; count: number }>();
  const add = ({ protocols, ports }: ServicePiece | Service): void => {
    if (protocols === 'any' || ports === 'any') return;
    for (const [protocol, last] of protocols)
      for (const [port, high] of ports) {
        if (protocol !== last || port !== high) continue;
        const key = `${protocol} ${port}`;
        const known = counts.get(key);
        if (known) known.count++;
        else counts.set(key, { single: { protocol, port }, count: 1 });
      }
  };
  for (const { section } of directions)
    for (const { service } of section.rows) {
      add(service);
      for (const piece of service.except ?? []) add(piece);
    }
  return [...counts.values()]
    .sort((a, b) => b.count - a.count)
    .slice(0, servicesMax)
    .map(({ single }) => single)
    .sort((a, b) => a.protocol - b.protocol || a.port - b.port);
}

type MatrixState = 'open' | 'some' | 'perhaps' | 'closed' | 'untold';

const stateWords: Readonly<Record<MatrixState, string>> = {
  open: 'open',
  some: 'for some',
  perhaps: 'perhaps',
  closed: 'closed',
  untold: '?',
};

function stateOf({ section }: Direction, single: Single): MatrixState {
  const holding = section.rows.filter((row) => serviceHolds(row.service, single));
  const certain = holding.filter((row) => row.certain);
  const forAll = (row: ExposureRow): boolean =>
    [row.from, row.to].every((list) => list.negated && list.texts.length === 0) &&
    row.out.length === 0 &&
    row.conditions.length === 0;
  if (certain.some(forAll)) return 'open';
  if (certain.length > 0) return 'some';
  if (holding.length > 0) return 'perhaps';
  return section.rowsLeftOut > 0 ? 'untold' : 'closed';
}

/** Which service is open from where: the ports that rules speak of, against all ways in and out; undefined: none are named. */
export function serviceMatrix(exposure: FamilyExposure, machine: Machine): Html | undefined {
  const { family } = exposure.ruleset.linked.ruleset;
  const directions = directionsOf(exposure, machine).filter(({ section }) => !section.idle);
  const singles = singlesOf(directions);
  if (singles.length === 0) return undefined;
  return element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Services, ${familyWord(family)}` },
    element(
      'table',
      { class: 'matrix' },
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          cell('th', 'service', { scope: 'col' }),
          directions.map(({ short }) => cell('th', short, { scope: 'col' })),
        ),
      ),
      element(
        'tbody',
        {},
        singles.map((single) => {
          const { protocol, port } = single;
          const service: Service = { protocols: [[protocol, protocol]], ports: [[port, port]] };
          return element(
            'tr',
            {},
            cell('th', serviceText(service, family), { scope: 'row' }),
            directions.map((direction) => {
              const state = stateOf(direction, single);
              return cell('td', element('span', { class: `state ${state}` }, stateWords[state]));
            }),
          );
        }),
      ),
    ),
  );
}
