/**
 * Goal: every command works on what is out there. Method: each dump of the corpus and each ruleset of rules-examples
 * through the real command line of each, which must end as told, with an answer that can be read or with the reason why
 * there is none. A few dumps in the ordinary run; FWSIM_ALL_DUMPS=1: all.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { corpusNames, readCorpusFile } from '../../src/dev/corpus-files.ts';
import { fakeIo } from '../support/fake-io.ts';
import { describeWithShared } from '../support/shared.ts';
import { repositoryRoot } from '../support/source-tree.ts';

// Nothing is timed; a busy machine may take its time with the largest dumps.
vi.setConfig({ testTimeout: 240_000 });

const all = process.env['FWSIM_ALL_DUMPS'] !== undefined;
const lengthMax = 60_000;
const sampleMax = 10;

const commands: readonly (readonly string[])[] = [
  ['exposure', '@', '--json'],
  ['query', '@', '--json'],
  ['diff', '@', '@', '--format', 'json'],
  ['matrix', '@', '--port', '22', '--json'],
  ['spoof', '@', '--json'],
  ['graph', '@', '--format', 'json'],
  ['report', '@', '-o', 'page.html'],
  ['lint', '@', '--format', 'json'],
];

async function check(text: string, command: readonly string[]): Promise<void> {
  const io = fakeIo({ 'x.rules': text });
  const code = await runCommandLine(
    command.map((word) => (word === '@' ? 'x.rules' : word)),
    () => io,
  );
  const { out, err, files } = io.said;
  expect([0, 1, 3], err).toContain(code);
  expect(out + err).not.toMatch(/\n {4}at /);
  if (code === 3) expect(err).toMatch(/^fwsim: .{20,}/m);
  else if (command[0] === 'report') expect(files['page.html']).toContain('</html>');
  else expect(JSON.parse(out)).toBeTypeOf('object');
}

describe('rules-examples', () => {
  const folder = join(repositoryRoot, 'rules-examples');
  const names = readdirSync(folder).filter((name) => name.endsWith('.rules'));
  test.each(commands)('%s', async (...command) => {
    for (const name of names) await check(readFileSync(join(folder, name), 'utf8'), command);
  });
});

describeWithShared('dumps of the corpus', 'corpus', (folder) => {
  const names = corpusNames(folder).filter(
    (name) => all || readCorpusFile(folder, name).text.length < lengthMax,
  );
  const step = all ? 1 : Math.max(1, Math.floor(names.length / sampleMax));
  const chosen = names.filter((_, i) => i % step === step - 1 || all);
  test.each(chosen)('%s', async (name) => {
    const { text } = readCorpusFile(folder, name);
    for (const command of commands) await check(text, command);
  });
});
