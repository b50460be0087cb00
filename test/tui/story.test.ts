/**
 * Goal: the whole program in a real terminal. Method: tmux is the terminal; keys are sent, and what is on its screen is
 * read. Nothing is measured: each step waits for what it must lead to.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ansiSvg } from '../../src/dev/ansi-svg.ts';
import { hasTerminal, runInTerminal } from '../../src/dev/terminal-run.ts';
import { tuiRun } from '../../src/dev/tui-run.ts';
import { repositoryRoot } from '../support/source-tree.ts';

const hasTmux = hasTerminal();
const folder = mkdtempSync(join(tmpdir(), 'fwsim-tui-'));
const program = join(folder, 'fwsim.mjs');
/** A server of its own: other sessions of whoever runs the tests are left alone. */
const socket = join(folder, 'tmux');

function tmux(...args: readonly string[]): string {
  return spawnSync('tmux', ['-S', socket, ...args], { encoding: 'utf8' }).stdout;
}

const screen = (): string => tmux('capture-pane', '-p', '-t', 'tui');
const keys = (...names: readonly string[]): string => tmux('send-keys', '-t', 'tui', ...names);
const type = (text: string): string => tmux('send-keys', '-t', 'tui', '-l', '--', text);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until the screen shows it. */
async function until(shows: RegExp): Promise<string> {
  let last = '';
  for (let i = 0; i < 300; i++) {
    last = screen();
    if (shows.test(last)) return last;
    await pause(50);
  }
  expect(last).toMatch(shows);
  return last;
}

/** A shell of the given size in which `fwsim` is the program. */
function openShell(columns: number, rows: number): void {
  const env = `env -u CI -u NO_COLOR -u FORCE_COLOR TERM=screen-256color PS1='$ '`;
  const shell = `${env} bash --norc --noprofile -i`;
  tmux(
    'new-session',
    '-d',
    '-s',
    'tui',
    '-x',
    String(columns),
    '-y',
    String(rows),
    '-c',
    repositoryRoot,
    shell,
  );
  type(`fwsim() { '${process.execPath}' '${program}' "$@"; }; clear`);
  keys('Enter');
}

beforeAll(async () => {
  if (!hasTmux) return;
  const { commonOptions } = (await import('../../scripts/bundling.mjs' as string)) as {
    commonOptions: Parameters<typeof build>[0];
  };
  // A server ends with its last session; this one outlives the tests' own.
  tmux('new-session', '-d', '-s', 'keep', 'cat');
  await build({
    ...commonOptions,
    entryPoints: [join(repositoryRoot, 'src/cli/main.ts')],
    outfile: program,
  });
}, 60_000);

afterEach(() => {
  if (hasTmux) tmux('kill-session', '-t', 'tui');
});

afterAll(() => {
  if (hasTmux) tmux('kill-server');
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!hasTmux)('in tmux', () => {
  test.each([
    [60, 20],
    [80, 24],
    [200, 60],
  ])(
    'the story of the gateway at %i by %i: open from a pipe, find the cause, try the mend, write it',
    async (columns, rows) => {
      openShell(columns, rows);
      const file = join(folder, `mended-${columns}.rules`);
      const settings = join(folder, `stty-${columns}`);
      type(`stty -g > '${settings}'; clear`);
      keys('Enter');
      type('cat rules-examples/gateway-web-in-forward.rules | fwsim tui');
      keys('Enter');
      // On a narrow terminal the screens have their numbers only.
      await until(/\b4(?:findings)? 3\b/);
      keys('4');
      await until(/> error {3}FW301/);
      keys('j');
      await until(/> warning FW101 filter FORWARD #5/);
      keys('Enter');
      await until(/DELIVERED by policy of filter INPUT/);
      const cause = await until(/FW101: tcp\/80 and tcp\/443 on this machine are guarded in/);
      expect(cause).toMatch(/> +5 {2}-i eth0 -p tcp -m multiport/);
      keys(':');
      await until(/^:/m);
      type('chain INPUT');
      keys('Enter', 'G', 'o');
      await until(/insert INPUT 12:/);
      type('-i eth0 -p tcp -m multiport --dports 80,443 -j DROP');
      await until(/DROPPED by rule 12 of filter INPUT/);
      keys('Enter');
      await until(/inserted: rule 12/);
      await until(/all packets CLOSED -i eth0 -p tcp/);
      keys('d');
      await until(/now +dropped, by filter INPUT #12/);
      keys('Enter');
      await until(/closed: before delivered/);
      await until(/DROPPED by rule 12 of filter INPUT/);
      keys('u');
      await until(/DELIVERED by policy of filter INPUT/);
      keys('C-r');
      await until(/DROPPED by rule 12 of filter INPUT/);
      keys('w');
      await until(/write to:/);
      keys('C-u');
      type(settings);
      keys('Enter');
      await until(/is there already/);
      keys('w', 'C-u');
      type(file);
      keys('Enter');
      await until(/written: /);
      keys('q');
      await until(/^\$ ?$/m);
      expect(readFileSync(file, 'utf8')).toContain('--dports 80,443 -j DROP\n-A FORWARD');
      // The terminal is as it was: the shell's own screen, a cursor, no mouse.
      expect(
        tmux('display', '-p', '-t', 'tui', '#{alternate_on} #{cursor_flag} #{mouse_any_flag}').trim(),
      ).toBe('0 1 0');
      type(`stty -g | cmp - '${settings}' && echo the same as before`);
      keys('Enter');
      await until(/^the same as before/m);
    },
    60_000,
  );

  test('a resize in the middle gives the screen the form of the new size, and what is typed stays', async () => {
    openShell(80, 24);
    type('fwsim tui rules-examples/gateway-web-in-forward.rules');
    keys('Enter');
    await until(/┗━►┃mangle· filter/);
    keys('o');
    await until(/insert INPUT 4:/);
    type('-p tcp --dport 22 -j DROP');
    await until(/DROPPED by rule 4 of filter INPUT/);
    tmux('resize-window', '-t', 'tui', '-x', '60', '-y', '20');
    await until(/┃ {2}INPUT +filter✗\n/);
    expect(await until(/insert INPUT 4:/)).toMatch(/--dport 22 -j DROP/);
    tmux('resize-window', '-t', 'tui', '-x', '130', '-y', '40');
    await until(/filter +✗ rule 4 DROP/);
    keys('Escape');
    await until(/DELIVERED by rule 4 of filter INPUT/);
    keys('q');
    await until(/^\$ ?$/m);
  }, 60_000);

  test('Ctrl-Z gives the terminal to the shell, and fg takes it back', async () => {
    openShell(80, 24);
    type('fwsim tui rules-examples/docker-ufw-deny.rules');
    keys('Enter');
    await until(/\[1path\]/);
    keys('C-z');
    await until(/Stopped/);
    type('fg');
    keys('Enter');
    await until(/\[1path\]/);
    keys('C-c');
    // The shell names the program again, in as many lines as its path needs.
    await until(/^\$ fg\n(?:[^\n$]+(?:\$@[^\n]*)?\n)+\$ ?$/m);
    type('echo ended: $?');
    keys('Enter');
    await until(/ended: 0/);
  }, 60_000);

  test('a large machine: a very long paste, Ctrl-Z and fg, a change and its file', async () => {
    const rules = Array.from(
      { length: 6_000 },
      (_, i) => `-A INPUT -s 10.0.${i >> 8}.${i & 255}/32 -p tcp -m tcp --dport ${i + 1} -j DROP`,
    );
    const dump = ['*filter', ':INPUT DROP [0:0]', ...rules, 'COMMIT', ''].join('\n');
    const file = join(folder, 'large.rules');
    const written = join(folder, 'large.changed.rules');
    const pasted = join(folder, 'pasted');
    writeFileSync(file, dump);
    writeFileSync(pasted, '-p tcp '.repeat(150_000));
    openShell(80, 24);
    type(
      `fwsim tui '${file}' --assume local=203.0.113.1 -- -i eth0 -p tcp -s 10.0.1.7 -d 203.0.113.1 --dport 264`,
    );
    keys('Enter');
    await until(/DROPPED by rule 264 of filter INPUT/);
    tmux('load-buffer', '-b', 'long', pasted);
    tmux('paste-buffer', '-p', '-b', 'long', '-t', 'tui');
    // It is said to be no packet, and the packet that there was comes back.
    await until(/-p tcp -p tcp.*\n.*✗/);
    keys('Escape');
    // The keys are listed where no line is open.
    await until(/packet -i eth0 /);
    await until(/\? keys/);
    keys('C-z');
    await until(/Stopped/);
    type('fg');
    keys('Enter');
    await until(/DROPPED by rule 264 of filter INPUT/);
    keys('Space');
    await until(/DROPPED by policy of filter INPUT/);
    keys('w', 'Enter');
    await until(/written: /);
    keys('q');
    await until(/^\$ ?$/m);
    const changed = readFileSync(written, 'utf8');
    expect(changed.match(/^-A INPUT /gm)?.length).toBe(5_999);
    expect(changed).not.toContain('-s 10.0.1.7/32');
  }, 120_000);

  test('keys that are pressed before there is a screen are for the first one', async () => {
    openShell(80, 24);
    type('fwsim tui rules-examples/docker-ufw-deny.rules');
    keys('Enter');
    // The terminal is taken over before anything is read.
    for (let i = 0; i < 300 && !tmux('display', '-p', '-t', 'tui', '#{alternate_on}').startsWith('1'); i++)
      await pause(10);
    keys('2', 'j');
    await until(/> in by/);
    keys('q');
    await until(/^\$ ?$/m);
  }, 60_000);

  test('findings are told as the configuration wants them', async () => {
    const dump = join(folder, 'gw.rules');
    const example = join(repositoryRoot, 'rules-examples/gateway-web-in-forward.rules');
    writeFileSync(dump, readFileSync(example));
    openShell(80, 24);
    type(`fwsim tui '${dump}'`);
    keys('Enter');
    await until(/4findings 3/);
    keys('q');
    await until(/^\$ ?$/m);
    writeFileSync(join(folder, 'fwsim.yml'), 'lint:\n  ignore: [FW905]\n');
    type(`fwsim tui '${dump}'`);
    keys('Enter');
    await until(/4findings 2/);
    keys('4');
    await until(/> error {3}FW301/);
    keys('q');
    await until(/^\$ ?$/m);
  }, 60_000);

  test('a click selects a row, and a name opens its screen', async () => {
    openShell(80, 24);
    type('fwsim tui rules-examples/gateway-web-in-forward.rules');
    keys('Enter');
    await until(/> {2}✓ +4 /);
    // Row 14 of the screen, counted from 1: the rule below the cursor's.
    type('\u001b[<0;20;15M');
    await until(/> +5 /);
    type('\u001b[<0;18;1M');
    await until(/\[2packet\]/);
    keys('q');
    await until(/^\$ ?$/m);
  }, 60_000);

  test('the picture of the README is what the screen shows', async () => {
    const run = tuiRun(`'${process.execPath}' '${program}'`, repositoryRoot);
    const drawn = ansiSvg(await runInTerminal(run), run.columns);
    expect(drawn, 'run npm run screenshots').toBe(readFileSync(join(repositoryRoot, 'docs/tui.svg'), 'utf8'));
  }, 120_000);

  test('without a terminal it says so and exits with 2', async () => {
    openShell(80, 24);
    type('set -o pipefail; fwsim tui rules-examples/docker-ufw-deny.rules | cat; echo code $?');
    keys('Enter');
    const shown = await until(/code \d/);
    expect(shown).toMatch(/draws on a terminal/);
    expect(shown).toMatch(/code 2/);
  }, 60_000);
});
