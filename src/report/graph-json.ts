/** A graph as JSON: one object, the same bytes for the same input. */

import type { RulesetGraph } from '../graph/graph.ts';
import { ruleText } from '../link/rule-text.ts';
import { jsonText } from './escape-json.ts';
import { roadWords } from './graph-words.ts';
import { packetText } from './trace-words.ts';

/** Raised when a field changes its meaning or goes away; new fields leave it alone. */
const schemaVersion = 1;

/**
 * Prints a graph as one JSON object:
 *
 * - `schemaVersion`, `tool` (`name`, `version`), `file`, `hostName` (or null), `family`, `backend`
 * - `hooks`: in the order of the flow, each with `hook`, `tables` (that have a box, in the kernel's order) and `idle` (that are
 *   there without rules and accept)
 * - `nodes`: `id`, `hook`, `table`, `name`, `chains` (several where they were folded), `builtin`, `policy` (or null), `owner`
 *   (the program that writes them, or null), `ruleCount`, `actions` (`target`, `kind`: `accept`, `drop`, `nat` or `other`,
 *   `ruleCount`), `line` (1-based, 0 if not declared), `shares` (as of calls). A chain has one node for each hook that leads to it.
 * - `calls`: `from` and `to` (ids), `ruleCount`, `goto`, `rule` (its text, or null where there are several), `packets` (counted,
 *   or null), `shares` (null, or from 0 to 1: `arrive` of the packets that arrive, `local` of those that this machine sends)
 * - `unused` (`TABLE CHAIN` that no hook leads to), `foldedCount`, `otherFamilies`, `sharesProblem` (why shares that were asked for are missing, or null)
 * - `road`: null, or `packet` (in words), `ends` (in words), `nodes`, `calls` (`FROM TO`), `steps` (`FROM TO` between hooks and
 *   `arrives`, `routing`, `machine`, `leaves`), `stoppedIn` (nodes)
 */
export function printGraphJson(drawn: RulesetGraph, version: string): string {
  const { graph, ruleset, read, road, traced, otherFamilies, sharesProblem } = drawn;
  const { family, backend } = ruleset.linked.ruleset;
  const object = {
    schemaVersion,
    tool: { name: 'fwsim', version },
    file: ruleset.source.name,
    hostName: read.machine.hostName.value ?? null,
    family,
    backend,
    hooks: graph.hooks,
    nodes: graph.nodes.map((n) => ({
      ...n,
      policy: n.policy ?? null,
      owner: n.owner ?? null,
      shares: n.shares ?? null,
    })),
    calls: graph.calls.map(({ rule, packets, shares, ...call }) => ({
      ...call,
      rule: rule ? ruleText(rule) : null,
      packets: packets ?? null,
      shares: shares ?? null,
    })),
    unused: graph.unused,
    foldedCount: graph.foldedCount,
    otherFamilies,
    sharesProblem: sharesProblem ?? null,
    road:
      road && traced
        ? {
            packet: packetText(traced.request.packet),
            ends: roadWords(drawn)
              .slice(1)
              .map((p) => p.text),
            nodes: [...road.nodes],
            calls: [...road.calls],
            steps: [...road.steps],
            stoppedIn: [...road.stoppedIn],
          }
        : null,
  };
  return `${jsonText(object, 2)}\n`;
}
