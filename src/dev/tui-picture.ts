/**
 * `npm run screenshots`: the picture of `fwsim tui` in the documentation, docs/tui.svg, of a run in a real terminal of
 * what was built. A test runs the same again.
 */
import { writeFileSync } from 'node:fs';
import { ansiSvg } from './ansi-svg.ts';
import { runInTerminal } from './terminal-run.ts';
import { tuiRun } from './tui-run.ts';

const run = tuiRun(`'${process.execPath}' dist/fwsim.mjs`, process.cwd());
writeFileSync('docs/tui.svg', ansiSvg(await runInTerminal(run), run.columns));
