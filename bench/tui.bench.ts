/**
 * The screen in a pseudo-terminal, as people have it, over 100,000 rules and, to be compared with, over 100: until the
 * first screen; from a key to the end of the frame that answers it, which is the first that is drawn after it (where
 * something must be walked, it says so); until the walk of such a key is shown; until dead rules and findings are told;
 * and the most memory that was taken until then, with all threads. Beside the time of each key stands what the screen's
 * own thread computed for it: that is told even where others use the machine.
 * The bars: first screen in 5 s, 50 ms a key, 1 GB. `script` of util-linux makes the terminal. Measures dist/: run
 * `npm run build` first.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const columns = 120;
const rows = 40;

function rulesOf(count: number): string {
  const rules = Array.from(
    { length: count },
    (_, i) =>
      `-A INPUT -s 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32 -p tcp -m tcp --dport ${(i % 60_000) + 1} -j DROP`,
  );
  return ['*filter', ':INPUT DROP [0:0]', ...rules, 'COMMIT', ''].join('\n');
}

/** The end of a frame, as the frame writer marks it. */
const frameEnd = '\u001b[?2026l';

/** A key, how long its frame took, and what the screen's own thread computed meanwhile. */
interface Answered {
  readonly key: string;
  readonly ms: number;
  readonly cpuMs: number;
}

/** The program in a terminal of its own. */
class Screen {
  readonly #child: ChildProcess;
  #seen = '';
  #tail = '';
  #findings = '';
  #process: string | undefined;
  #heard: () => void = () => {};

  constructor(command: string) {
    this.#child = spawn(
      'script',
      ['-qfec', `stty rows ${rows} cols ${columns}; exec ${command}`, '/dev/null'],
      {
        env: { ...process.env, TERM: 'xterm-256color', CI: undefined, NO_COLOR: undefined },
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#seen += text;
      // A name may come in two pieces.
      this.#tail = (this.#tail + text).slice(-(text.length + 40));
      this.#findings = [...this.#tail.matchAll(/4findings(?: \d+)?…? /g)].at(-1)?.[0] ?? this.#findings;
      this.#heard();
    });
  }

  /** Waits for a text; answers the milliseconds that it took, or undefined after a while without it. */
  async until(text: string, limitMs: number): Promise<number | undefined> {
    const start = performance.now();
    while (!this.#seen.includes(text)) {
      const left = limitMs - (performance.now() - start);
      if (left <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#heard = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return performance.now() - start;
  }

  /** The name of the screen says how many findings there are, or that they are still coming. */
  get findingsTold(): boolean {
    return this.#findings !== '' && !this.#findings.includes('…');
  }

  /** The program below `script`. */
  #pid(): string {
    const { stdout } = spawnSync('pgrep', ['-P', String(this.#child.pid)], { encoding: 'utf8' });
    return stdout.trim().split('\n')[0] ?? '';
  }

  /** From a key to the end of the frame; undefined where nothing on the screen changes. */
  async press(key: string): Promise<Answered | undefined> {
    this.#seen = '';
    const before = this.cpuMs();
    this.#child.stdin?.write(key);
    const ms = await this.until(frameEnd, 2_000);
    return ms === undefined ? undefined : { key, ms, cpuMs: this.cpuMs() - before };
  }

  /** From a key to the frame that shows what was walked for it; undefined where nothing is. */
  async walk(key: string): Promise<number | undefined> {
    const start = performance.now();
    if ((await this.press(key)) === undefined) return undefined;
    while (performance.now() - start < 10_000) {
      const behind = this.#seen.slice(this.#seen.lastIndexOf(walking));
      if (!this.#seen.includes(walking) || verdict.test(behind)) return performance.now() - start;
      await pause(1);
    }
    return undefined;
  }

  /** What the first thread has computed so far. */
  cpuMs(): number {
    this.#process ??= this.#pid();
    const text = readFileSync(`/proc/${this.#process}/task/${this.#process}/schedstat`, 'utf8');
    return Number(text.split(' ')[0]) / 1e6;
  }

  /** Most memory so far, in megabytes: of the whole program, with its threads. */
  peakMegabytes(): number {
    const status = readFileSync(`/proc/${this.#pid()}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  async quit(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.write('q');
    await ended;
  }
}

/** So long answers are waited for. */
const answersMs = 300_000;

/** What stands in the place of the verdict while something is walked. */
const walking = 'walking …';
/** The verdict begins with the step that is looked at. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is faint.
const verdict = /\u001b\[2m\d+\/\d+ \u001b/;

const letters = (text: string): readonly string[] => [...text];
const esc = '\u001b';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Keys by what they are for. A pause stands where people look at what came. */
const story: readonly (readonly [what: string, keys: readonly string[]])[] = [
  ['step and jump', ['h', 'h', 'l', '0', 'l', 'l', 'm', '$', '[', ']', 'M', '$']],
  ['move', ['k', 'j', 'g', 'j', 'G', 'k', '\u0004', '\u0015', 'g']],
  ['breakpoint and continue', ['j', 'b', '0', 'c', '$']],
  ['reply and conversation', ['.', ',', '3', 'j', '1', esc]],
  ['other screens', ['2', 'j', '4', '?', 'j', '1']],
  ['search as one types', ['/', ...letters('10.0.77.77'), '\r', 'n']],
  ['packet as one types', ['p', ...Array<string>(5).fill('\u007f'), ...letters(' 8443'), '\r']],
  ['switch off and on', ['g', 'j', ' ', ' ', 'u', 'u', '\u0012', 'J', 'K', 'x', 'u']],
  [
    'a rule as one types',
    ['o', ...letters('-i eth0 -p tcp --dport 8443 -j ACCEPT'), '\r', 'k', 'u', '\u0012'],
  ],
  ['a hundred changes', ['g', ...Array.from({ length: 100 }, () => ['j', ' ']).flat()]],
];

/** Keys that ask for a walk of their own. */
const walked: readonly string[] = ['g', ' ', 'u', 'r', 'r', '.', '.', '3', '1', esc];

async function run(program: string, file: string, count: number): Promise<void> {
  const packet = '--assume local=203.0.113.1 -- -i eth0 -p tcp -s 192.0.2.1 -d 203.0.113.1 --dport 443';
  const screen = new Screen(`${process.execPath} ${program} tui ${file} ${packet}`);
  const first = await screen.until('[1path]', 60_000);
  console.log(`tui: ${count} rules in one chain, ${columns} columns, ${rows} rows`);
  console.log(
    `  ${((first ?? Number.NaN) / 1000).toFixed(1).padStart(7)} s   first screen, computed ${(screen.cpuMs() / 1000).toFixed(1)} s`,
  );
  await pause(1_000);
  const all: Answered[] = [];
  for (const [what, keys] of story) {
    const times: Answered[] = [];
    for (const key of keys) {
      const answered = await screen.press(key);
      if (answered !== undefined) times.push(answered);
      // People are slower than this; what is done behind a frame is under way when the next key comes.
      await pause(30);
    }
    times.sort((a, b) => a.ms - b.ms);
    all.push(...times);
    const slowest = times.at(-1);
    const median = times[times.length >> 1]?.ms ?? Number.NaN;
    const most = Math.max(...times.map(({ cpuMs }) => cpuMs));
    console.log(
      `  ${median.toFixed(0).padStart(7)} ms  median, ${slowest?.ms.toFixed(0).padStart(4)} ms slowest (${JSON.stringify(slowest?.key)}), computed at most ${most.toFixed(0)} ms  ${what}`,
    );
  }
  for (const [name, of] of [
    ['until the frame', (a: Answered) => a.ms],
    ['computed', (a: Answered) => a.cpuMs],
  ] as const) {
    const sorted = all.map(of).sort((a, b) => a - b);
    const late = sorted.filter((ms) => ms > 50).length;
    const at = (share: number): string =>
      (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(0);
    console.log(
      `  ${at(0.5).padStart(7)} ms  ${name}: median of all ${all.length} keys, ${at(0.95)} ms for 95 % of them, ${at(1)} ms at most; ${late} took more than 50 ms`,
    );
  }
  const walks: number[] = [];
  for (const key of walked) {
    const ms = await screen.walk(key);
    if (ms !== undefined) walks.push(ms);
    await pause(100);
  }
  walks.sort((a, b) => a - b);
  console.log(
    `  ${walks[walks.length >> 1]?.toFixed(0).padStart(7)} ms  until what it asks to be walked is shown: median of ${walks.length} keys, ${walks.at(-1)?.toFixed(0)} ms at most`,
  );
  const asked = performance.now();
  while (performance.now() - asked < answersMs && !screen.findingsTold) await pause(100);
  console.log(
    `  ${((performance.now() - asked) / 1000).toFixed(1).padStart(7)} s   from the last key until ${screen.findingsTold ? 'findings are told, the last of what runs beside the screen' : 'nobody waits any more: findings are not told'}`,
  );
  console.log(
    `  ${screen.peakMegabytes().toFixed(0).padStart(7)} MB  at most, with the threads beside the screen`,
  );
  await screen.quit();
}

const folder = mkdtempSync(join(tmpdir(), 'fwsim-bench-'));
try {
  if (spawnSync('script', ['--version']).status !== 0)
    console.log('tui: left out, there is no `script` here');
  else {
    const program = join('dist', 'fwsim.mjs');
    for (const count of [100, 100_000]) {
      const file = join(folder, `${count}.rules`);
      writeFileSync(file, rulesOf(count));
      await run(program, file, count);
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
