/** The exposure as JSON: one object, the same bytes for the same input. */

import type { ExposureResult } from '../analysis/exposure.ts';
import type { ExposureRow, ExposureSection } from '../analysis/exposure-sections.ts';
import type { Ruleset } from '../model/ruleset.ts';
import { addressText } from '../net/address-text.ts';
import { notCovered } from '../trace/not-covered.ts';
import { jsonText } from './escape-json.ts';
import type { FindingCounts } from './exposure.ts';
import { serviceText } from './service-words.ts';
import { deciderJson } from './set-words.ts';

/** Raised when a field changes its meaning or goes away; new fields leave it alone. */
const schemaVersion = 1;

function rowJson(row: ExposureRow, ruleset: Ruleset) {
  const { service, from, to, out, conditions, certain, translated, by, dependsOn, listeners } = row;
  return {
    state: certain ? 'open' : 'possibly-open',
    service: serviceText(service, ruleset.family),
    protocols: service.protocols,
    ports: service.ports,
    except: service.except ?? [],
    from,
    to,
    out,
    conditions,
    translated: translated
      ? { to: translated.to, by: deciderJson({ kind: 'rule', rule: translated.by }, ruleset) }
      : null,
    by: by.map((one) => deciderJson(one, ruleset)),
    dependsOn,
    listeners:
      listeners?.map(({ protocol, address, port, process }) => ({
        protocol,
        address: address === undefined ? null : addressText(address),
        port,
        process: process ?? null,
      })) ?? null,
  };
}

function sectionJson({ rows, rowsLeftOut, closedBy, idle }: ExposureSection, ruleset: Ruleset) {
  return {
    idle,
    rows: rows.map((row) => rowJson(row, ruleset)),
    rowsLeftOut,
    closedBy: closedBy.map((by) => deciderJson(by, ruleset)),
  };
}

/**
 * Prints the exposure as one JSON object:
 *
 * - `schemaVersion`, `tool` (`name`, `version`), `files`, `hostName`, `couldNotLook`
 * - `findings`: `error`, `warning`, `info` of the linter; null where it did not run
 * - `families`: each with `family`, `file`, `date`, `notCovered` (`what`, `present`, `names`), `forwards` (`yes`, `no`,
 *   `unknown`), `interfaces` (each with `names`, `others`: also all that are not named, `to` this machine and `through` it)
 *   and `out` (what this machine may reach). These three are sections: `idle` (no packet comes this way), `rows`,
 *   `rowsLeftOut`, `closedBy`. A row has `state` (`open`, `possibly-open`), `service` in words, `protocols` and `ports`
 *   (lists of [low, high], or `any`; types for ICMP), `except` (services not meant), `from` and `to` (`negated`, `texts`;
 *   `negated` without texts: all), `out` (interfaces; `!` in front: all but those), `conditions`, `translated` (null, or
 *   `to` and the rule `by`), `by` (deciders as in the JSON of query), `dependsOn`, `listeners` (null where sockets are
 *   not known)
 */
export function printExposureJson(
  result: ExposureResult,
  findings: FindingCounts | undefined,
  version: string,
): string {
  const { read } = result;
  const object = {
    schemaVersion,
    tool: { name: 'fwsim', version },
    files: (read?.texts ?? []).map((t) => t.name),
    hostName: read?.machine.hostName.value ?? null,
    families: result.families.map((family) => {
      const { linked, source } = family.ruleset;
      return {
        family: linked.ruleset.family,
        file: source.name,
        date: linked.date ?? null,
        notCovered: read ? notCovered(read, family.ruleset) : [],
        forwards: family.forwards,
        interfaces: family.interfaces.map(({ interfaces, others, to, through }) => ({
          names: interfaces,
          others,
          to: sectionJson(to, linked.ruleset),
          through: sectionJson(through, linked.ruleset),
        })),
        out: sectionJson(family.out, linked.ruleset),
      };
    }),
    findings: findings ? { error: findings.error, warning: findings.warning, info: findings.info } : null,
    couldNotLook: result.couldNotLook ?? null,
  };
  return `${jsonText(object, 2)}\n`;
}
