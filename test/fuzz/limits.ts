/**
 * Measures what docs/limits.md tells: each large input, through the built command, with its time, memory and end.
 *
 *   npm run fuzz:limits -- [--only NAME[,NAME…]] [--program FILE] [--scale 0…1]
 */

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../support/source-tree.ts';
import { besideInputs, largeInputs } from './large-inputs.ts';

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

const program = option('--program') ?? join(repositoryRoot, 'dist', 'cli.js');
const only = option('--only')?.split(',');
const scale = Number(option('--scale') ?? 1);
const folder = mkdtempSync(join(tmpdir(), 'fwsim-limits-'));
try {
  for (const { name, content } of Object.values(besideInputs)) writeFileSync(join(folder, name), content);
  for (const { name, what, commands, text } of largeInputs) {
    if (only !== undefined && !only.includes(name)) continue;
    const files: Readonly<Record<string, string>> = {
      '@': join(folder, `${name}.rules`),
      '@changed': join(folder, `${name}.changed.rules`),
    };
    for (const [which, file] of Object.entries(files)) {
      const handle = openSync(file, 'w');
      let pending = '';
      const flush = (): void => {
        writeSync(handle, pending);
        pending = '';
      };
      for (const piece of text(scale)) {
        pending += which === '@' ? piece : piece.replace(':INPUT DROP', ':INPUT ACCEPT');
        if (pending.length >= 1 << 20) flush();
      }
      flush();
      closeSync(handle);
    }
    for (const command of commands) {
      const beside = (word: string): string | undefined =>
        besideInputs[word] && join(folder, besideInputs[word].name);
      const args = command.map((word) => files[word] ?? beside(word) ?? word);
      // GNU time: processor seconds of user and system, wall time, largest memory in KB.
      const run = spawnSync('/usr/bin/time', ['-f', '@%U %S %e %M', process.execPath, program, ...args], {
        encoding: 'utf8',
        maxBuffer: 1 << 30,
        timeout: 600_000,
      });
      const said = run.stderr ?? '';
      const [user, system, wall, memory] = (/@([\d. ]+)\s*$/.exec(said)?.[1] ?? '').split(' ').map(Number);
      const first = said.split('\n').find((line) => !/^(Command exited|@)/.test(line)) ?? '';
      console.log(
        `| ${what} | ${command[0] === '@' ? 'fwsim FILE' : command[0]} | ${run.status} | ${((user ?? 0) + (system ?? 0)).toFixed(1)} s (wall ${wall} s) | ${Math.round((memory ?? 0) / 1024)} MB | ${JSON.stringify(first.slice(0, 200))} ${JSON.stringify(run.stdout?.slice(0, 60) ?? '')}`,
      );
    }
    for (const file of Object.values(files)) rmSync(file);
  }
} finally {
  rmSync(folder, { recursive: true });
}
