/**
 * The screen over 100,000 rules: reading, the first walk, and the slowest of many keys with the frame that answers it.
 * The bars: first screen in 5 s, 50 ms a key, 1 GB.
 */
import { Writable } from 'node:stream';
import { defaultRegistry } from '../src/index.ts';
import { readMachine } from '../src/link/read-machine.ts';
import { firstPacket } from '../src/tui/start.ts';
import { reduce } from '../src/tui/state/reduce.ts';
import { initialState } from '../src/tui/state/state.ts';
import { createWorld } from '../src/tui/state/world.ts';
import { createPalette } from '../src/tui/views/palette.ts';

// React is several times slower in its other half, and chooses when it is loaded.
Object.assign(process.env, { NODE_ENV: 'production' });
const [{ createElement }, { render }, { Screen }] = await Promise.all([
  import('react'),
  import('ink'),
  import('../src/tui/views/screen.tsx'),
]);

const rules = Array.from(
  { length: 100_000 },
  (_, i) =>
    `-A INPUT -s 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32 -p tcp -m tcp --dport ${(i % 60_000) + 1} -j DROP`,
);
const text = ['*filter', ':INPUT DROP [0:0]', ...rules, 'COMMIT', ''].join('\n');

function tell(name: string, ms: number): void {
  console.log(`  ${ms.toFixed(ms < 10 ? 2 : 0).padStart(7)} ms  ${name}`);
}

function timed<T>(name: string, run: () => T): T {
  const start = performance.now();
  const result = run();
  tell(name, performance.now() - start);
  return result;
}

console.log('tui: 100,000 rules in one chain, 120 columns, 40 rows');
const registry = defaultRegistry();
const texts = [{ name: 'large.rules', text }];
const read = timed('reading', () => readMachine(texts, { registry }));
const world = createWorld({ name: 'large.rules', texts, read, registry, diagnostics: [] });
let state = timed('first state', () =>
  initialState(world, firstPacket(world, []), { columns: 120, rows: 40 }),
);

const sink = Object.assign(new Writable({ write: (_frame, _encoding, done) => done() }), {
  columns: 120,
  rows: 40,
  isTTY: true,
});
const palette = createPalette(true);
const screen = () => createElement(Screen, { world, state, palette });
const instance = render(screen(), {
  stdout: sink as unknown as NodeJS.WriteStream,
  debug: true,
  patchConsole: false,
});

const keys = 'j k h l m M [ ] 0 $ g G pagedown pageup space u ctrl-r K u b 2 j 3 4 ? esc 1 r'.split(' ');
const warmUps = 2;
const slowest = { move: 0, draw: 0, walk: 0 };
for (let round = 0; round < warmUps + 5; round++)
  for (const key of keys) {
    const start = performance.now();
    state = reduce(world, state, { kind: 'key', key });
    const moved = performance.now();
    instance.rerender(screen());
    const drawn = performance.now();
    if (state.effects.some((e) => e.kind === 'walk')) {
      state = reduce(world, state, { kind: 'walk' });
      slowest.walk = Math.max(slowest.walk, performance.now() - drawn);
    }
    if (round < warmUps) continue;
    slowest.move = Math.max(slowest.move, moved - start);
    slowest.draw = Math.max(slowest.draw, drawn - moved);
  }
tell('slowest key', slowest.move);
tell('slowest frame', slowest.draw);
tell('slowest walk behind a frame, after a change of the rules', slowest.walk);
console.log(`  ${(process.memoryUsage().rss / 1e6).toFixed(0).padStart(7)} MB  in use`);
instance.unmount();
