/** The screen at the sizes that people have, against stored pictures; and what no size may do. */
import fc from 'fast-check';
import { renderToString } from 'ink';
import { describe, expect, test } from 'vitest';
import { openDesk } from '../../src/tui/beside/desk.ts';
import { reduce } from '../../src/tui/state/reduce.ts';
import type { State } from '../../src/tui/state/state.ts';
import type { World } from '../../src/tui/state/world.ts';
import { createPalette } from '../../src/tui/views/palette.ts';
import { Screen } from '../../src/tui/views/screen.tsx';
import { columnsOf } from '../../src/tui/views/text.ts';
import { exampleWorld, findingsOf, firstState, press, worldOf } from '../support/tui-world.ts';

const plain = createPalette(false);

function picture(world: World, state: State): string {
  return renderToString(<Screen world={world} state={state} palette={plain} />, {
    columns: state.size.columns,
  });
}

const gateway = exampleWorld('gateway-web-in-forward');
const docker = exampleWorld('docker-published-port');

const sizes = [
  [60, 20],
  [80, 24],
  [120, 40],
  [200, 60],
] as const;

const scenes: readonly (readonly [name: string, world: World, keys: string | undefined])[] = [
  ['verdict', gateway, undefined],
  ['step', gateway, '0 m'],
  ['dnat', docker, ': =preset_published-tcp-5432 enter'],
  ['reply', docker, ': =preset_published-tcp-5432 enter r'],
  ['edit', gateway, ': =chain_INPUT enter G o =-i_eth0_-p_tcp_--dport_80_-j_DRO'],
  ['packet', gateway, '2'],
  ['flow', gateway, '3 j'],
  ['findings', gateway, '4'],
  ['diff', gateway, ': =chain_INPUT enter G o =-i_eth0_-p_tcp_--dport_80_-j_DROP enter 5'],
  ['help', gateway, '?'],
];

/** What the thread beside the screen says of the changed rules. */
function withDiff(world: World, state: State): State {
  if (state.draft.size === 0) return state;
  const { texts } = world.opened;
  for (const answers of openDesk({ texts, diagnostics: [], lint: { today: '2026-11-22' } }).ask(state.draft, [
    'diff',
  ]))
    if (answers.diff) return reduce(world, state, { kind: 'told', draft: state.draft, answers });
  return state;
}

describe.each(sizes)('%i columns, %i rows', (columns, rows) => {
  test.each(scenes)('%s', async (name, world, keys) => {
    let state = reduce(world, firstState(world, columns, rows), findingsOf(world));
    if (keys !== undefined) state = press(world, state, keys);
    state = withDiff(world, state);
    await expect(`${picture(world, state)}\n`).toMatchFileSnapshot(`screens/${name}-${columns}x${rows}.txt`);
  });
});

test('counters, wide letters and a tag fit into a row', () => {
  const world = worldOf(
    [
      '*filter',
      ':INPUT DROP [0:0]',
      '[12:3456] -A INPUT -i lo -j ACCEPT',
      '[7:420] -A INPUT -p tcp --dport 22 -m comment --comment "büro 日本語のコメント 🔥 zugang" -j ACCEPT',
      'COMMIT',
      '',
    ].join('\n'),
  );
  const rows = picture(world, firstState(world, 100, 28, '-p tcp --dport 22'))
    .split('\n')
    .filter((line) => / (?:12|7) {2}-/.test(line));
  expect(rows.map((line) => line.split(/ {2,}/).at(-1))).toEqual(['no: -i lo', 'ACCEPT']);
});

describe('laws', () => {
  test('no line is wider than the terminal and no frame higher, at any size and on any screen', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 230 }),
        fc.integer({ min: 10, max: 70 }),
        fc.constantFrom(...scenes),
        (columns, rows, [, world, keys]) => {
          let state = reduce(world, firstState(world, columns, rows), findingsOf(world));
          if (keys !== undefined) state = press(world, state, keys);
          const lines = picture(world, state).split('\n');
          expect(lines.length).toBeLessThanOrEqual(rows);
          for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('nothing of the input reaches the terminal as a control character', () => {
    const evil = '\u001b]52;c;ZXZpbA==\u0007\u001b[2J\u202e\u200b宽';
    const world = worldOf(
      `*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m comment --comment "${evil}" -j ACCEPT\nCOMMIT\n`,
      `ev${evil}il.rules`,
    );
    for (const keys of ['g', '4', '2', '3', 'y', 'Y', 'e', `/ =${evil}`, `: =${evil} enter`, `p =${evil}`]) {
      const shown = picture(world, press(world, firstState(world), keys));
      expect([...shown].filter((c) => c !== '\n' && /[\p{Cc}\p{Cf}]/u.test(c))).toEqual([]);
    }
  });

  test('with colour, a line says the same as without', () => {
    const colour = createPalette(true);
    for (const [, world, keys] of scenes) {
      let state = firstState(world, 100, 30);
      if (keys !== undefined) state = press(world, state, keys);
      const painted = renderToString(<Screen world={world} state={state} palette={colour} />, {
        columns: 100,
      });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is taken out.
      const bare = painted.replace(/\u001b\[[0-9;]*m/g, '').replace(/ +$/gm, '');
      expect(bare).toBe(picture(world, state).replace(/ +$/gm, ''));
    }
  });
});
