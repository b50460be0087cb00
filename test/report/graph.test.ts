/** Pictures of rulesets: stored ones, what hostile names do to them, and that the same input gives the same bytes. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type GraphWeights, graphOf, type RulesetGraph } from '../../src/graph/graph.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { printGraphDot } from '../../src/report/graph-dot.ts';
import { printGraphJson } from '../../src/report/graph-json.ts';
import { layoutGraph, type Rectangle } from '../../src/report/graph-layout.ts';
import { printGraphMermaid } from '../../src/report/graph-mermaid.ts';
import { printGraphSvg } from '../../src/report/graph-svg.ts';
import { packetsText } from '../../src/report/graph-words.ts';
import { repositoryRoot } from '../support/source-tree.ts';

function draw(
  name: string,
  text: string,
  expression: readonly string[] = [],
  assume: readonly string[] = [],
  weights: GraphWeights = 'counters',
) {
  const result = graphOf([{ name, text }], {
    registry: defaultRegistry(),
    boxesMax: 16,
    weights,
    expression,
    assume,
  });
  if (!result.drawn) throw new Error(JSON.stringify(result));
  return result.drawn;
}

function example(name: string, expression?: readonly string[], assume?: readonly string[]): RulesetGraph {
  const path = `rules-examples/${name}.rules`;
  return draw(path, readFileSync(join(repositoryRoot, path), 'utf8'), expression, assume);
}

const webRequest = '-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1 --dport 5432'.split(' ');
const published = () => example('docker-published-port', webRequest, ['local=203.0.113.1']);

const counted = `*filter
:INPUT DROP [12:720]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:ssh - [0:0]
:tail - [0:0]
[1500:90000] -A INPUT -p tcp -m tcp --dport 22 -j ssh
[31:1860] -A INPUT -g tail
[1400:84000] -A ssh -s 10.0.0.0/8 -j ACCEPT
[31:1860] -A tail -j REJECT
COMMIT
`;

describe('stored pictures', () => {
  test.each([
    ['a published port, and the road to it', 'published', published],
    ['the story of the demo', 'gateway', () => example('gateway-web-in-forward')],
    ['counters and a goto', 'counted', () => draw('counted.rules', counted)],
    ['shares of all packets', 'shares', () => draw('counted.rules', counted, [], [], 'packets')],
  ])('%s', async (_title, name, make) => {
    const drawn = make();
    await expect(printGraphSvg(drawn)).toMatchFileSnapshot(`graph/${name}.svg`);
    await expect(printGraphDot(drawn)).toMatchFileSnapshot(`graph/${name}.dot`);
    await expect(printGraphMermaid(drawn)).toMatchFileSnapshot(`graph/${name}.mmd`);
    await expect(printGraphJson(drawn, '0.0.0')).toMatchFileSnapshot(`graph/${name}.json`);
  });
});

const graphviz = 'dot';

const hostile = `*filter
:INPUT DROP [0:0]
:</title><script> - [0:0]
:a;b{c}\\N&amp; - [0:0]
:end - [0:0]
:#35;\`*_ - [0:0]
:q"]x - [0:0]
-A INPUT -j </title><script>
-A INPUT -m comment --comment "</text><script>\u202e \\" ]" -j end
-A INPUT -j #35;\`*_
-A INPUT -j "a;b{c}\\\\N&amp;"
-A INPUT -j "q\\"]x"
COMMIT
`;

describe('hostile names', () => {
  const drawn = draw('<&"\u001b[31m\n%%{init}%%.rules', hostile);
  test('stay text in SVG', () => {
    const svg = printGraphSvg(drawn);
    expect(svg).not.toContain('<script');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    expect(svg).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    const open: string[] = [];
    for (const [, close, name, empty] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
      if (close === '/') expect(open.pop()).toBe(name);
      else if (empty === '') open.push(name ?? '');
    }
    expect(open).toEqual([]);
    expect(svg.match(/&(?!(?:amp|lt|gt|quot|apos);)/)).toBeNull();
  });
  test('stay within their quotation marks in DOT', () => {
    const dot = printGraphDot(drawn);
    const bare = dot.replace(/"(?:[^"\\\n]|\\.)*"/g, 'S');
    expect(bare).not.toMatch(/["<&`\\]/);
    expect(dot).toContain('label="a;b{c}\\\\N&amp;amp;\\nno rules"');
  });
  test('stay within their labels in Mermaid', () => {
    const mermaid = printGraphMermaid(drawn);
    expect(mermaid).not.toContain('%%{');
    const bare = mermaid.replace(/"[^"\n]*"/g, 'S');
    expect(bare).not.toContain('"');
    expect(mermaid.replaceAll('<br/>', '')).not.toMatch(/[<`]|script>/);
    expect(mermaid).toContain('"#35;35#59;#96;#42;#95;<br/>no rules"');
  });
  test.skipIf(!has(graphviz))('are read by Graphviz as they were', () => {
    const plain = execFileSync(graphviz, ['-Tplain'], { input: printGraphDot(drawn), encoding: 'utf8' });
    expect(plain).toContain('q\\"]x');
  });
});

function has(program: string): boolean {
  try {
    execFileSync(program, ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('layout', () => {
  test('is the same again, whatever was laid out before', () => {
    const before = printGraphSvg(published());
    printGraphSvg(draw('counted.rules', counted));
    expect(printGraphSvg(published())).toBe(before);
  });
  test('puts no box upon another, and each into its panel', () => {
    const { nodes, panels, width, height } = layoutGraph(example('docker-published-port').graph);
    const apart = (a: Rectangle, b: Rectangle) =>
      a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
    for (const a of nodes) {
      for (const b of nodes) expect(a === b || apart(a, b)).toBe(true);
      const panel = panels.find((p) => p.hook.hook === a.node.hook) as Rectangle;
      expect(a.x).toBeGreaterThanOrEqual(panel.x);
      expect(a.y + a.height).toBeLessThanOrEqual(panel.y + panel.height);
      expect(a.x + a.width).toBeLessThanOrEqual(panel.x + panel.width);
    }
    for (const p of panels) {
      expect(p.x + p.width).toBeLessThanOrEqual(width);
      expect(p.y + p.height).toBeLessThanOrEqual(height);
    }
  });
  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1.0k'],
    [99_400, '99.4k'],
    [999_499, '999k'],
    [999_600, '1.0M'],
    [337_000_000, '337M'],
  ])('%d packets are %s', (packets, text) => {
    expect(packetsText(packets)).toBe(text);
  });
});
