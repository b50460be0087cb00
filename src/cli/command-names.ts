/**
 * The names of the commands, for what has to know them before the command table is loaded. The first is what runs where
 * none is named.
 */
export const commandNames: readonly string[] = [
  'exposure',
  'lint',
  'trace',
  'query',
  'matrix',
  'spoof',
  'diff',
  'test',
  'graph',
  'report',
  'replay',
  'tui',
  'collect',
  'fmt',
  'explain',
  'checks',
];
