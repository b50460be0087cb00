/** The run that the README shows: what becomes of a published port when a rule is put into DOCKER-USER. */

import type { TerminalRun } from './terminal-run.ts';

/** The run, of a program as a shell names it, in a folder with `rules-examples/`. */
export function tuiRun(program: string, folder: string): TerminalRun {
  const packet = '-i eth0 -p tcp -s 198.51.100.7 --dport 5432';
  return {
    command: `${program} tui rules-examples/docker-published-port.rules -- ${packet}`,
    folder,
    columns: 120,
    rows: 30,
    steps: [
      { until: /FORWARDED/ },
      { keys: [':'], until: /^:/m },
      { text: 'chain DOCKER-USER', until: /^:chain DOCKER-USER/m },
      { keys: ['Enter'], until: /── filter DOCKER-USER/ },
      { keys: ['g', 'o'], until: /^insert DOCKER-USER 1:/m },
      { text: '-i eth0 -p tcp --dport 5432 -j DROP', until: /DROPPED by rule 1 of filter DOCKER-USER/ },
      { keys: ['Enter'], until: /^inserted: rule 1/m },
      // Everything that is asked beside the screen has been answered.
      { until: /4findings(?: \d+)? {2}.*\n(?![\s\S]*dead rules are asked)[\s\S]*^all packets CLOSED/m },
    ],
  };
}
