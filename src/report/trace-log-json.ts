/** What log lines tell of a ruleset, as JSON: the schema below, stable to the byte for the same input. */

import { ruleText } from '../link/rule-text.ts';
import type { Rule } from '../model/ruleset.ts';
import type { PolicyRef, RuleRef } from '../model/trace.ts';
import type { Address } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import type { LogGroup, LogResult } from '../trace/log-story.ts';
import { decidedBy } from '../trace/outcome.ts';
import { jsonText } from './escape-json.ts';
import { ruleBook } from './rule-book.ts';
import { mendCommand } from './trace-log.ts';

/** Raised when a field changes its meaning or goes away; new fields do not raise it. */
const logSchemaVersion = 1;

/**
 * Prints the answer as one JSON object:
 *
 * - `schemaVersion`, `tool` (`name`, `version`), `couldNotLook`
 * - `lineCount`, `groupCount`, `otherLineCount`, `unreadLineCount`, `withoutRulesCount`, `assume`
 * - `problems`: lines that could not be read, `id`, `message`, `start` and `end` (offsets into the log)
 * - `groups`: the largest first; each with `count`, `sourceCount`, `service`, `family`, `ruleset` (the file), `first` and
 *   `lastLineNumber`, `origin` (`packet` as it came, `entry`, `connection`, `ipsec`,
 *   `translatedBy`), `writtenBy`, `others` (`rule`,
 *   `because`), `ways` (`assumptions`, `fate`, `decidedBy`, `mend`). A mend has `commands`, `rules`, `proved`, `fate`,
 *   `warnings`, `opensOtherSourcePorts`
 *
 * A rule is `table`, `chain`, `number`, `line`, `text`; addresses are texts. Absent fields are not known.
 */
export function printLogStoryJson({ story, couldNotLook }: LogResult, version: string): string {
  const answer = {
    schemaVersion: logSchemaVersion,
    tool: { name: 'fwsim', version },
    ...(story && {
      lineCount: story.lineCount,
      groupCount: story.groups.length + story.moreGroupCount,
      otherLineCount: story.otherLineCount,
      unreadLineCount: story.unreadLineCount,
      withoutRulesCount: story.withoutRulesCount,
      assume: story.assume,
      problems: story.diagnostics.map(({ id, message, span }) => ({
        id,
        message,
        start: span?.start,
        end: span?.end,
      })),
    }),
    groups: story?.groups.map(groupJson) ?? [],
    couldNotLook,
  };
  return `${jsonText(answer, 2, plain)}\n`;
}

function groupJson(group: LogGroup) {
  const { logged, first } = group;
  const book = ruleBook(group.ruleset.linked.ruleset);
  const place = (at: RuleRef | PolicyRef | undefined) => {
    if (!at) return undefined;
    if ('policy' in at) return { ...at, line: book.chain(at.table, at.chain)?.line };
    const { id: _, ...rest } = at;
    const rule = book.rule(at);
    return { ...rest, text: rule && ruleText(rule) };
  };
  return {
    count: group.count,
    sourceCount: group.sourceCount,
    service: group.service,
    family: group.family,
    ruleset: group.ruleset.source.name,
    first,
    lastLineNumber: group.last.lineNumber,
    origin: {
      packet: logged.origin.packet,
      entry: logged.origin.entry,
      connection: logged.origin.connection,
      ipsec: logged.origin.ipsec,
      translatedBy: place(logged.origin.translatedBy),
    },
    writtenBy: logged.writtenBy.map(({ rule }) => ruleJson(rule)),
    others: group.others.map(({ rule, because }) => ({
      rule: ruleJson(rule.rule),
      because:
        because.kind === 'hook'
          ? because
          : because.kind === 'miss'
            ? { kind: because.kind, because: because.because }
            : { kind: because.kind, decidedBy: place(because.decidedBy) },
    })),
    knownPrefixes: group.knownPrefixes,
    ways: group.ways.map(({ branch, mend }) => ({
      assumptions: branch.assumptions.filter((a) => !branch.immaterial.includes(a)),
      fate: fateJson(branch.trace.fate, place),
      decidedBy: place(decidedBy(branch.trace)),
      mend: mend && {
        commands: mend.rules.map((rule) => mendCommand(rule, group.family)),
        rules: mend.rules.map((rule) => ({ ...rule, before: place(rule.before) })),
        proved: mend.proved,
        fate: mend.fate && fateJson(mend.fate, place),
        warnings: mend.warnings.map((w) =>
          w.kind === 'limit'
            ? { ...w, rule: place(w.rule) }
            : w.kind === 'unknown-connection'
              ? { ...w, by: place(w.by) }
              : w,
        ),
        opensOtherSourcePorts: mend.opensOtherSourcePorts,
      },
    })),
  };
}

function fateJson(fate: { readonly kind: string }, place: (at: RuleRef | PolicyRef) => unknown) {
  return 'at' in fate && fate.at ? { ...fate, at: place(fate.at as RuleRef | PolicyRef) } : fate;
}

const ruleJson = (rule: Rule) => ({
  table: rule.table,
  chain: rule.chain,
  number: rule.index + 1,
  line: rule.line,
  text: ruleText(rule),
});

/** Addresses as texts; the rest as it is. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'family' in value && 'w0' in value && 'w3' in value)
    return addressText(value as Address);
  return value;
}
