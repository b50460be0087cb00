/**
 * `npm run docs`: runs the commands of all pages (or of those named) and writes down what they print. A test compares
 * them, so a page that tells something else does not last. Shortened outputs ("…") are left as they are where they fit.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { blocksOf, consoleText, isAsShown } from './doc-blocks.ts';
import { createDocMachine, runBlocks } from './doc-machine.ts';
import { docPages } from './doc-pages.ts';

const named = process.argv.slice(2);
for (const page of named.length > 0 ? named : docPages('.')) {
  const text = readFileSync(page, 'utf8');
  const machine = createDocMachine('.', resolve('dist/cli.js'));
  let rest = text;
  try {
    for (const { block, printed } of [...runBlocks(blocksOf(text), machine)].reverse()) {
      for (const { command, output, code } of printed) {
        if (code !== 0 && code !== 1)
          console.log(`${page}:${block.at.line}: exit code ${code}: ${command}\n${output}`);
      }
      if (block.kind !== 'console') continue;
      const commands = block.commands.map((shown, index) => {
        const real = printed[index]?.output ?? '';
        return { command: shown.command, output: isAsShown(shown.output, real) ? shown.output : real };
      });
      rest = rest.slice(0, block.at.start) + consoleText(commands) + rest.slice(block.at.end);
    }
  } finally {
    machine.dispose();
  }
  if (rest === text) continue;
  writeFileSync(page, rest);
  console.log(`rewritten: ${page}`);
}
