/** JSON within a longer text: finding its end, and saying where it breaks. */

/** Deepest nesting that is read; `ip -j` needs five. */
const depthMax = 64;

/** A JSON text that was read, or where it breaks. */
export type JsonExtent =
  | { readonly ok: true; readonly value: unknown; readonly end: number }
  | { readonly ok: false; readonly message: string; readonly at: number };

const literal = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** Skips blanks, tabs and line ends. */
function skipBlanks(text: string, at: number): number {
  let i = at;
  for (;;) {
    const c = text.charCodeAt(i);
    if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return i;
    i++;
  }
}

/** The offset after the string that begins at `at`, or the negative offset of what is wrong, minus one. */
function skipString(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 34) return i + 1;
    if (c < 32) return -i - 1;
    if (c === 92) {
      const next = text[i + 1];
      if (next === 'u') {
        if (!/^[0-9a-fA-F]{4}$/.test(text.slice(i + 2, i + 6))) return -i - 1;
        i += 5;
      } else if (next !== undefined && '"\\/bfnrt'.includes(next)) i++;
      else return -i - 1;
    }
  }
  return -text.length - 1;
}

/**
 * Reads the array or object that begins at `start`, whatever follows it. Linear in its length, without recursion.
 * An error tells the offset of the first character that cannot stand there.
 */
export function readJsonAt(text: string, start: number): JsonExtent {
  const open: string[] = [];
  let i = start;
  let want: 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'comma-or-end' = 'value';
  const fail = (message: string, at = i): JsonExtent => ({
    ok: false,
    message: at >= text.length ? 'the JSON ends before it is complete' : message,
    at: Math.min(at, text.length),
  });
  for (;;) {
    i = skipBlanks(text, i);
    const c = text[i];
    if (c === undefined) return fail('');
    if (c === ']' || c === '}') {
      if (want === 'value' || want === 'key') return fail('a value is missing here');
      if (open.pop() !== (c === ']' ? '[' : '{')) return fail(`\`${c}\` closes nothing`);
      i++;
      if (open.length === 0) return { ok: true, value: JSON.parse(text.slice(start, i)), end: i };
      want = 'comma-or-end';
      continue;
    }
    if (want === 'comma-or-end') {
      if (c !== ',') return fail(`\`,\` or \`${open.at(-1) === '[' ? ']' : '}'}\` was expected here`);
      want = open.at(-1) === '[' ? 'value' : 'key';
      i++;
      continue;
    }
    if (want === 'key' || want === 'key-or-end') {
      if (c !== '"') return fail('a name in double quotes was expected here');
      const end = skipString(text, i);
      if (end < 0) return fail('a string cannot go on like this', -end - 1);
      i = skipBlanks(text, end);
      if (text[i] !== ':') return fail('`:` was expected here');
      i++;
      want = 'value';
      continue;
    }
    if (c === '[' || c === '{') {
      if (open.length >= depthMax) return fail(`JSON nested deeper than ${depthMax} levels is not read`);
      open.push(c);
      want = c === '[' ? 'value-or-end' : 'key-or-end';
      i++;
      continue;
    }
    if (c === '"') {
      const end = skipString(text, i);
      if (end < 0) return fail('a string cannot go on like this', -end - 1);
      i = end;
    } else {
      literal.lastIndex = i;
      const m = literal.exec(text);
      if (!m) return fail('a value was expected here');
      i += m[0].length;
    }
    want = 'comma-or-end';
  }
}

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value as an object with named members, if it is one. */
export function asObject(x: unknown): JsonObject | undefined {
  return typeof x === 'object' && x !== null && !Array.isArray(x) ? (x as JsonObject) : undefined;
}

/** The objects among the members of an array; empty for anything else. Empty objects are left out. */
export function objectsOf(x: unknown): readonly JsonObject[] {
  if (!Array.isArray(x)) return [];
  return x.flatMap((e) => {
    const o = asObject(e);
    return o && Object.keys(o).length > 0 ? [o] : [];
  });
}

/** A text member. */
export function stringOf(o: JsonObject, key: string): string | undefined {
  const v = Object.hasOwn(o, key) ? o[key] : undefined;
  return typeof v === 'string' ? v : undefined;
}

/** A number, also where it is written as text: `7`, `"7"`, `"0x10"`. */
export function numberOf(o: JsonObject, key: string): number | undefined {
  const v = Object.hasOwn(o, key) ? o[key] : undefined;
  if (typeof v === 'number') return v;
  return typeof v === 'string' && /^(?:0x[0-9a-fA-F]{1,12}|[0-9]{1,15})$/.test(v) ? Number(v) : undefined;
}

/** The texts of a member that is an array. */
export function stringsOf(o: JsonObject, key: string): readonly string[] {
  const v = Object.hasOwn(o, key) ? o[key] : undefined;
  return Array.isArray(v) ? v.filter((e) => typeof e === 'string') : [];
}
