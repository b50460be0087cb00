/** The services that rules speak of: which is open from where, and which of them is asked about most. */

import type { Service, ServicePiece } from '../analysis/exposed-services.ts';
import type { FamilyExposure } from '../analysis/exposure.ts';
import type { ExposureRow } from '../analysis/exposure-sections.ts';
import type { Machine } from '../model/machine.ts';
import { serviceText } from '../report/service-words.ts';
import { type Direction, directionsOf, familyWord } from './exposure.ts';
import { element, type Html } from './html.ts';

/** Services of the matrix. */
const servicesMax = 30;

/** A service of one port (or type) of one protocol. */
export interface Single {
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
export function singlesOf(directions: readonly Direction[]): readonly Single[] {
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
    .sort(
      (a, b) => b.count - a.count || a.single.protocol - b.single.protocol || a.single.port - b.single.port,
    )
    .map(({ single }) => single);
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
  const singles = singlesOf(directions)
    .slice(0, servicesMax)
    .sort((a, b) => a.protocol - b.protocol || a.port - b.port);
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
          element('th', { scope: 'col' }, 'service'),
          directions.map(({ short }) => element('th', { scope: 'col' }, short)),
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
            element('th', { scope: 'row' }, serviceText(service, family)),
            directions.map((direction) => {
              const state = stateOf(direction, single);
              return element('td', {}, element('span', { class: `state ${state}` }, stateWords[state]));
            }),
          );
        }),
      ),
    ),
  );
}
