/** A graph for Mermaid, which code forges draw within Markdown. */

import type { RulesetGraph } from '../graph/graph.ts';
import { flowOrder, type Place, placeWords } from '../graph/road.ts';
import { escapeMermaid } from './escape-mermaid.ts';
import { mainRoad } from './graph-dot.ts';
import { actionPieces, callLabel, graphHeading, graphNotes, roadWords, sizePieces } from './graph-words.ts';

/** Prints a flowchart. Its nodes have names of their own (`n0` …), since Mermaid knows words that may not be names. */
export function printGraphMermaid(drawn: RulesetGraph): string {
  const { graph, road } = drawn;
  const about = [graphHeading(drawn), ...roadWords(drawn).map((p) => p.text), ...graphNotes(drawn)];
  const lines = ['flowchart LR', ...about.map((text) => `  %% ${escapeMermaid(text)}`)];
  const names = new Map<string, string>();
  const nameOf = (id: string): string => {
    const known = names.get(id) ?? `n${names.size}`;
    names.set(id, known);
    return known;
  };
  const classes: string[] = [];
  for (const place of flowOrder)
    if (place in placeWords) {
      lines.push(`  ${nameOf(place)}(["${escapeMermaid(placeWords[place as Place])}"])`);
      classes.push(`  class ${nameOf(place)} place`);
    }
  for (const { hook, tables } of graph.hooks) {
    lines.push(`  subgraph h${hook} ["${hook}"]`);
    if (tables.length === 0) lines.push(`    ${nameOf(hook)}["no rules"]`);
    for (const table of tables) {
      lines.push(`    subgraph h${hook}${table} ["${escapeMermaid(table)}"]`);
      for (const node of graph.nodes) {
        if (node.hook !== hook || node.table !== table) continue;
        const words = [
          [node.name],
          sizePieces(node).map((p) => p.text),
          actionPieces(node).map((p) => p.text),
        ]
          .filter((line) => line.length > 0)
          .map((line) => escapeMermaid(line.join(', ')));
        lines.push(`      ${nameOf(node.id)}["${words.join('<br/>')}"]`);
        if (node.builtin) classes.push(`  class ${nameOf(node.id)} base`);
        if (road?.nodes.has(node.id) === true) classes.push(`  class ${nameOf(node.id)} lit`);
        if (road?.stoppedIn.has(node.id) === true) classes.push(`  class ${nameOf(node.id)} stop`);
      }
      lines.push('    end');
    }
    lines.push('  end');
  }
  const litArrows: number[] = [];
  let arrows = 0;
  const arrow = (text: string, lit: boolean): void => {
    lines.push(`  ${text}`);
    if (lit) litArrows.push(arrows);
    arrows++;
  };
  for (const call of graph.calls) {
    const label = callLabel(call);
    const line = call.goto ? '-.->' : '-->';
    const words = label === '' ? '' : `|"${escapeMermaid(label)}"|`;
    arrow(
      `${nameOf(call.from)} ${line}${words} ${nameOf(call.to)}`,
      road?.calls.has(`${call.from} ${call.to}`) === true,
    );
  }
  for (const { from, to, lit } of mainRoad(drawn)) arrow(`${nameOf(from)} ==> ${nameOf(to)}`, lit);
  lines.push(
    '  classDef place fill:#1c2430,color:#ffffff',
    '  classDef base fill:#e9f0fa,stroke:#6b8fc4,color:#1c2430',
    ...classes,
  );
  if (road)
    lines.push(
      '  classDef lit stroke:#e36209,stroke-width:3px',
      '  classDef stop stroke:#c62828,stroke-dasharray:4 3',
    );
  if (litArrows.length > 0) lines.push(`  linkStyle ${litArrows.join(',')} stroke:#e36209,stroke-width:3px`);
  return `${lines.join('\n')}\n`;
}
