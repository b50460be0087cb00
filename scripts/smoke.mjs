/**
 * Runs what the build made as a user would: the package's command, and the single file copied alone into an empty
 * folder, where nothing of this repository can help it.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manifest, root } from './bundling.mjs';

const example = readFileSync(join(root, 'rules-examples', 'gateway-web-in-forward.rules'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'fwsim-smoke-'));
let failures = 0;

/** Runs one line and says what was expected where it differs. Output of `expect` is a text or a pattern. */
function smoke(file, args, { input = '', codes = [0], expect }) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    cwd: folder,
    input,
    encoding: 'utf8',
  });
  const fits = codes.includes(status) && expect.test(stdout + stderr);
  console.log(`${fits ? 'ok  ' : 'FAIL'} ${args.join(' ')}`);
  if (fits) return;
  failures++;
  console.log(`     exit code ${status}, expected ${codes.join(' or ')} and ${expect}\n${stdout}${stderr}`);
}

const version = new RegExp(`^${manifest.version.replaceAll('.', '\\.')}\n$`);
copyFileSync(join(root, 'dist', 'fwsim.mjs'), join(folder, 'fwsim.mjs'));
for (const file of [join(root, 'dist', 'cli.js'), join(folder, 'fwsim.mjs')]) {
  console.log(`${file === join(folder, 'fwsim.mjs') ? 'fwsim.mjs alone' : 'dist/cli.js'}:`);
  smoke(file, ['--version'], { expect: version });
  smoke(file, ['--help'], { expect: /Usage: fwsim/ });
  smoke(file, ['--no-such-option'], { codes: [2], expect: /unknown option/ });
  const { stdout: help } = spawnSync(process.execPath, [file, '--help'], { encoding: 'utf8' });
  const has = (command) => new RegExp(`^ +${command} `, 'm').test(help);
  if (has('fmt')) smoke(file, ['fmt'], { input: example, expect: /^\*filter$[\s\S]*^COMMIT$/m });
  if (has('lint')) smoke(file, ['lint'], { input: example, codes: [0, 1], expect: /./ });
}
rmSync(folder, { recursive: true });
process.exitCode = failures === 0 ? 0 : 1;
