/**
 * Command blocks of a Markdown page, so that they can be run.
 *
 * - ` ```console `: lines `$ COMMAND`, each with the output below it. A command goes on behind a `\` at the end of its
 *   line. Output must be what is written; "…" alone on a line stands for any number of lines.
 * - ` ```sh `: commands, each on a line (or on several that end with `\` or `|`). Each must end with 0, or with the 1 of a
 *   command that has found something; nobody looks at what it prints.
 * - `<!-- file: NAME -->` above a fence: the fence is the text of that file, written before what follows is run.
 * - `<!-- not run: REASON -->` above a fence: it is left alone. A reason is needed.
 */

/** One command with the output that the page shows. */
export interface ShownCommand {
  /** As typed, with the line ends of its continuations. */
  readonly command: string;
  readonly output: string;
}

/** What stands in one fence. */
export type DocBlock =
  | { readonly kind: 'console'; readonly commands: readonly ShownCommand[]; readonly at: BlockPlace }
  | { readonly kind: 'script'; readonly commands: readonly string[]; readonly at: BlockPlace }
  | { readonly kind: 'file'; readonly name: string; readonly text: string; readonly at: BlockPlace }
  | { readonly kind: 'not-run'; readonly reason: string; readonly at: BlockPlace };

/** Where the text of a block stands, in characters of the page; `line` is that of its fence, from 1. */
export interface BlockPlace {
  readonly start: number;
  readonly end: number;
  readonly line: number;
}

const fence = /^(?:<!-- (file|not run): (.*?) -->\n\n?)?```(\w*)\n([\s\S]*?)^```$/gm;

/** The blocks of a page in its order; fences in other languages are left out unless they are a file. */
export function blocksOf(page: string): readonly DocBlock[] {
  const blocks: DocBlock[] = [];
  for (const match of page.matchAll(fence)) {
    const [all, note, said = '', language, text = ''] = match;
    const end = match.index + all.length - '```'.length;
    const start = end - text.length;
    const line = page.slice(0, start).split('\n').length - 1;
    const at: BlockPlace = { start, end, line };
    if (note === 'file') blocks.push({ kind: 'file', name: said, text, at });
    else if (note === 'not run') blocks.push({ kind: 'not-run', reason: said, at });
    else if (language === 'console') blocks.push({ kind: 'console', commands: commandsOf(text), at });
    else if (language === 'sh') blocks.push({ kind: 'script', commands: scriptLines(text), at });
  }
  return blocks;
}

/** Lines of a script, each a command; what ends with a backslash or a bar goes on, a here-document to its end. */
function scriptLines(text: string): readonly string[] {
  const commands: string[] = [];
  let open: string | undefined;
  let until: string | undefined;
  for (const line of text.split('\n')) {
    if (open === undefined && (line.trim() === '' || line.startsWith('#'))) continue;
    open = open === undefined ? line : `${open}\n${line}`;
    until ??= /<<-?\s*'?(\w+)/.exec(line)?.[1];
    if (until === undefined ? /[\\|]$/.test(line) : line !== until) continue;
    commands.push(open);
    open = undefined;
    until = undefined;
  }
  return open === undefined ? commands : [...commands, open];
}

function commandsOf(text: string): readonly ShownCommand[] {
  const commands: { command: string; output: string }[] = [];
  let continues = false;
  for (const line of text.split(/(?<=\n)/)) {
    const last = commands.at(-1);
    if (continues && last !== undefined) last.command += line.trimEnd();
    else if (line.startsWith('$ ')) commands.push({ command: line.slice(2).trimEnd(), output: '' });
    else if (last !== undefined) last.output += line;
    continues = line.trimEnd().endsWith('\\') && (continues || line.startsWith('$ '));
    const current = commands.at(-1);
    if (continues && current !== undefined) current.command += '\n';
  }
  return commands;
}

/** The text of a console block. */
export function consoleText(commands: readonly ShownCommand[]): string {
  return commands
    .map(
      ({ command, output }) =>
        `$ ${command}\n${output === '' || output.endsWith('\n') ? output : `${output}\n`}`,
    )
    .join('');
}

/** Whether an output is what a page shows, where "…" on a line of its own stands for any lines. */
export function isAsShown(shown: string, printed: string): boolean {
  const parts = shown.split(/^[ \t]*…[ \t]*\n/m);
  let from = 0;
  for (const [index, part] of parts.entries()) {
    const at = index === 0 ? (printed.startsWith(part) ? 0 : -1) : printed.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return parts.length > 1
    ? parts.at(-1) === '' || printed.endsWith(parts.at(-1) ?? '')
    : from === printed.length;
}
