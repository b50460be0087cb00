/**
 * Stands in for the package terminal-size, which asks `tput` and `resize` where the stream does not know its size: the
 * interface runs on a terminal, whose stream does, and no other program is started.
 */
export default function terminalSize() {
  return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
}
