/** A graph for Graphviz: hooks and tables as clusters, chains as nodes. */

import type { RulesetGraph } from '../graph/graph.ts';
import { flowOrder, flowSteps, type Place, placeWords } from '../graph/road.ts';
import type { Hook } from '../model/netfilter.ts';
import { quoteDot, quoteDotLines } from './escape-dot.ts';
import {
  actionPieces,
  callLabel,
  callTitle,
  graphHeading,
  graphNotes,
  nodeTitle,
  roadWords,
  sizePieces,
} from './graph-words.ts';

/** Attributes of what lies on the packet's road. */
const onRoad = 'color="#e36209", penwidth=2.5';

/** Prints the graph in the DOT language. */
export function printGraphDot(drawn: RulesetGraph): string {
  const { graph, road } = drawn;
  const about = [graphHeading(drawn), ...roadWords(drawn).map((p) => p.text), ...graphNotes(drawn)];
  const lines = [
    'digraph fwsim {',
    '  rankdir=LR; compound=true; fontname="sans-serif"; labelloc=t; labeljust=l;',
    `  label="${quoteDotLines(about)}";`,
    '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif", fontsize=11];',
    '  edge [fontname="sans-serif", fontsize=10, color="#66727f"];',
  ];
  const lit = (is: boolean | undefined): string => (is === true ? `, ${onRoad}` : '');
  for (const place of flowOrder)
    if (place in placeWords)
      lines.push(
        `  ${quoteDot(place)} [label=${quoteDot(placeWords[place as Place])}, fillcolor="#1c2430", fontcolor=white];`,
      );
  for (const { hook, tables } of graph.hooks) {
    lines.push(`  subgraph ${quoteDot(`cluster ${hook}`)} {`, `    label=${quoteDot(hook)};`);
    if (tables.length === 0) lines.push(`    ${quoteDot(hook)} [label="no rules", style=dashed];`);
    for (const table of tables) {
      lines.push(
        `    subgraph ${quoteDot(`cluster ${hook} ${table}`)} {`,
        `      label=${quoteDot(table)}; style=dotted;`,
      );
      for (const node of graph.nodes) {
        if (node.hook !== hook || node.table !== table) continue;
        const label = [
          node.name,
          sizePieces(node).map((p) => p.text),
          actionPieces(node).map((p) => p.text),
        ].map((part) => (typeof part === 'string' ? part : part.join('  ')));
        const fill = node.builtin ? ', fillcolor="#e9f0fa"' : '';
        const stop = road?.stoppedIn.has(node.id) === true ? ', peripheries=2' : '';
        const words = quoteDotLines(label.filter((part) => part !== ''));
        lines.push(
          `      ${quoteDot(node.id)} [label="${words}", tooltip="${quoteDotLines(nodeTitle(node))}"${fill}${lit(road?.nodes.has(node.id))}${stop}];`,
        );
      }
      lines.push('    }');
    }
    lines.push('  }');
  }
  for (const call of graph.calls) {
    const dashes = call.goto ? ', style=dashed' : '';
    lines.push(
      `  ${quoteDot(call.from)} -> ${quoteDot(call.to)} [label=${quoteDot(callLabel(call))}, tooltip=${quoteDot(callTitle(call))}${dashes}${lit(road?.calls.has(`${call.from} ${call.to}`))}];`,
    );
  }
  for (const { from, to, lit: onIt } of mainRoad(drawn))
    lines.push(`  ${quoteDot(from)} -> ${quoteDot(to)} [penwidth=2${lit(onIt)}];`);
  return `${lines.join('\n')}\n}\n`;
}

/** Arrows of the main road by ids of nodes: through the built-in chains of a hook, then on to the next. */
export function mainRoad({
  graph,
  road,
}: RulesetGraph): readonly { readonly from: string; readonly to: string; readonly lit: boolean }[] {
  const inside = new Map<string, readonly string[]>(
    graph.hooks.map(({ hook, tables }) => [hook, tables.map((t) => `${hook}/${t}/${hook}`)]),
  );
  const ends = (spot: Place | Hook): readonly string[] => {
    const chains = inside.get(spot) ?? [];
    return chains.length === 0 ? [spot] : chains;
  };
  const within = graph.hooks.flatMap(({ hook }) => {
    const chains = ends(hook);
    return chains.slice(1).map((to, i) => ({
      from: chains[i] as string,
      to,
      lit: road?.nodes.has(to) === true && road.nodes.has(chains[i] as string),
    }));
  });
  const between = flowSteps.map(([from, to]) => ({
    from: ends(from).at(-1) as string,
    to: ends(to)[0] as string,
    lit: road?.steps.has(`${from} ${to}`) === true,
  }));
  return [...within, ...between];
}
