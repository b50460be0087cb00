/** Finds the regular expressions that a TypeScript file writes down. */

import { transform } from 'esbuild';

/** One literal, or what was given to `new RegExp`. */
export interface RegexpText {
  readonly source: string;
  readonly flags: string;
}

/** Words that end no operand: a slash behind one begins a regular expression. */
const beforeOperand = new Set(
  'await case delete do else in instanceof new of return throw typeof void yield'.split(' '),
);

/**
 * The literals of a file, in order. The bundler takes types, JSX and most comments away and prints what is left in one
 * way, so that a slash behind a word, a bracket or a text is a division.
 */
export async function regexpLiterals(path: string, text: string): Promise<readonly RegexpText[]> {
  const { code } = await transform(text, { loader: path.endsWith('x') ? 'tsx' : 'ts', target: 'es2022' });
  const found: RegexpText[] = [];
  /** Open brackets: a brace that a template opened is a backtick. */
  const open: string[] = [];
  let before = '';
  let at = code.startsWith('#!') ? code.indexOf('\n') : 0;

  const skipTo = (end: string, from: number): number => {
    const found = code.indexOf(end, from);
    return found < 0 ? code.length : found + end.length;
  };
  const endOfText = (quote: string, from: number): number => {
    let i = from;
    while (i < code.length && code[i] !== quote) i += code[i] === '\\' ? 2 : 1;
    return i + 1;
  };
  /** Behind the backtick, or behind the `${` that interrupts the template. */
  const endOfTemplate = (from: number): number => {
    let i = from;
    for (; i < code.length && code[i] !== '`'; i += code[i] === '\\' ? 2 : 1) {
      if (!code.startsWith('${', i)) continue;
      open.push('`');
      before = '{';
      return i + 2;
    }
    before = '`';
    return i + 1;
  };
  const regexp = (from: number): number => {
    let inClass = false;
    let end = from;
    for (; end < code.length && (inClass || code[end] !== '/'); end += code[end] === '\\' ? 2 : 1) {
      if (code[end] === '[') inClass = true;
      else if (code[end] === ']') inClass = false;
    }
    const flags = /^[a-z]*/.exec(code.slice(end + 1, end + 10))?.[0] ?? '';
    found.push({ source: code.slice(from, end), flags });
    before = '`';
    return end + 1 + flags.length;
  };

  while (at < code.length) {
    const c = code[at] as string;
    if (/\s/.test(c)) at++;
    else if (code.startsWith('//', at)) at = skipTo('\n', at);
    else if (code.startsWith('/*', at)) at = skipTo('*/', at + 2);
    else if (c === '"' || c === "'") {
      at = endOfText(c, at + 1);
      before = '`';
    } else if (c === '`') at = endOfTemplate(at + 1);
    else if (c === '}' && open.pop() === '`') at = endOfTemplate(at + 1);
    else if (/[\w$]/.test(c)) {
      before = /^[\w$]+/.exec(code.slice(at, at + 200))?.[0] ?? c;
      at += before.length;
    } else if (c === '/' && (beforeOperand.has(before) || !/[\w$)\]}`]$/.test(before))) at = regexp(at + 1);
    else {
      if (c === '{') open.push('{');
      before = c;
      at++;
    }
  }
  return found;
}
