/** The machine on which the commands of the pages are run: a folder with example files, and commands that only print. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { DocBlock, ShownCommand } from './doc-blocks.ts';

/** Where the pages' own files lie: `bin` with commands of the machine, `home` with what is in the reader's folder. */
const machineFolder = 'test/fixtures/doc-machine';

/** Rulesets of the reader, each an example under another name. */
const ownRules = [
  ['gw.rules', 'gateway-web-in-forward.rules'],
  ['gw.new', 'gateway-web-in-forward-mended.rules'],
  ['rules.v4', 'gateway-web-in-forward.rules'],
] as const;

/** What one run printed, both streams as a terminal would show them. */
export interface DocRun {
  readonly output: string;
  /** The exit code; undefined where a signal ended it: it took more than a minute. */
  readonly code: number | undefined;
}

/** A reader at his keyboard. Files that one command writes are there for the next. */
export interface DocMachine {
  readonly run: (command: string) => DocRun;
  readonly write: (name: string, text: string) => void;
  readonly dispose: () => void;
}

/**
 * A folder of its own with the files of `home`, under version control, with rules-examples and the given program as
 * `fwsim`. 80 columns, no colour.
 *
 * @param repository the folder of package.json
 * @param program the bundled command, absolute
 */
export function createDocMachine(repository: string, program: string): DocMachine {
  const folder = mkdtempSync(join(tmpdir(), 'fwsim-doc-'));
  const bin = join(folder, 'bin');
  const home = join(folder, 'home');
  cpSync(join(repository, machineFolder, 'home'), home, { recursive: true });
  cpSync(join(repository, machineFolder, 'bin'), bin, { recursive: true });
  cpSync(join(repository, 'rules-examples'), join(home, 'rules-examples'), { recursive: true });
  for (const [name, example] of ownRules)
    cpSync(join(repository, 'rules-examples', example), join(home, name));
  mkdirSync(join(home, 'node_modules'));
  symlinkSync(resolve(repository), join(home, 'node_modules', 'fwsim'));
  const fwsim = join(bin, 'fwsim');
  writeFileSync(fwsim, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(fwsim, 0o755);
  symlinkSync(resolve(repository, 'share/review/fwsim-review'), join(bin, 'fwsim-review'));
  // A clone's own `node dist/cli.js` is the same program.
  mkdirSync(join(home, 'dist'));
  for (const name of ['cli.js', 'fwsim.mjs']) symlinkSync(program, join(home, 'dist', name));
  const run = (command: string): DocRun => {
    const { stdout, status } = spawnSync('bash', ['--norc', '-c', `{ ${command}\n} 2>&1`], {
      cwd: home,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      timeout: 60_000,
      env: {
        PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
        HOME: home,
        DOC_HOME: home,
        COLUMNS: '80',
        LC_ALL: 'C.UTF-8',
        TZ: 'UTC',
        NO_COLOR: '1',
        GIT_CONFIG_NOSYSTEM: '1',
      },
    });
    return { output: stdout, code: status ?? undefined };
  };
  const who = '-c user.name=reader -c user.email=reader@example.net';
  run(
    'ip -j addr > gw.addr; ip -j route show table all > gw.routes; { cat gw.addr gw.routes; ip -j rule; echo net.ipv4.ip_forward = 1; } > gw.context',
  );
  run(
    `git init -q -b main && printf 'node_modules\\nrules-examples\\ndist\\n' > .gitignore && git add . && git ${who} commit -qm 'As it is'`,
  );
  return {
    run,
    write: (name, text) => {
      mkdirSync(dirname(join(home, name)), { recursive: true });
      writeFileSync(join(home, name), text);
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What running a block showed; for a console block the commands with what they really print. */
export interface BlockResult {
  readonly block: DocBlock;
  readonly printed: readonly (ShownCommand & { readonly code: number | undefined })[];
}

/** Runs the blocks of one page in their order. */
export function runBlocks(blocks: readonly DocBlock[], machine: DocMachine): readonly BlockResult[] {
  return blocks.map((block) => ({ block, printed: commandsIn(block, machine) }));
}

function commandsIn(block: DocBlock, machine: DocMachine): BlockResult['printed'] {
  if (block.kind === 'file') machine.write(block.name, block.text);
  if (block.kind === 'script') return block.commands.map((command) => ran(command, machine));
  if (block.kind === 'console') return block.commands.map(({ command }) => ran(command, machine));
  return [];
}

function ran(command: string, machine: DocMachine) {
  const { output, code } = machine.run(command);
  return { command, output, code };
}
