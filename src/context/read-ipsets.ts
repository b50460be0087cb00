/** Sets: `ipset save` and `ipset list`. */

import { diagnostic } from '../diagnostics/diagnostic.ts';
import type { IpSet, IpSetMember } from '../model/machine.ts';
import { type FactsDraft, noteSource, type SetDraft } from './facts.ts';
import { lineAt, type ReadContext, type Reader } from './lines.ts';

/** Words of an ipset command; a word in double quotes may hold blanks, `\` before a character keeps it. */
function ipsetWords(text: string): readonly string[] {
  if (!text.includes('"')) return text.split(' ').filter((w) => w !== '');
  const words: string[] = [];
  let word = '';
  let inWord = false;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? '';
    if (c === '\\' && quoted && i + 1 < text.length) word += text[++i];
    else if (c === '"') {
      quoted = !quoted;
      inWord = true;
    } else if (!quoted && (c === ' ' || c === '\t')) {
      if (inWord) words.push(word);
      word = '';
      inWord = false;
    } else {
      word += c;
      inWord = true;
    }
  }
  if (inWord) words.push(word);
  return words;
}

/** Options of `create` that stand alone. */
const createFlags = new Set(['counters', 'comment', 'skbinfo', 'forceadd', 'nomatch']);

function createOptions(words: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {};
  for (let i = 0; i < words.length; i++) {
    const key = words[i] ?? '';
    if (key.startsWith('-') || key === '__proto__') continue;
    if (createFlags.has(key)) options[key] = '';
    else {
      options[key] = words[i + 1] ?? '';
      i++;
    }
  }
  return options;
}

/** Options of a member: everything after the element. */
function parseMember(words: readonly string[]): IpSetMember | undefined {
  const [text, ...options] = words;
  if (text === undefined) return undefined;
  const number = (key: string): number | undefined => {
    const value = options[options.indexOf(key) + 1];
    return options.includes(key) && value !== undefined && /^\d{1,20}$/.test(value)
      ? Number(value)
      : undefined;
  };
  // A comment may hold any word, so options are looked for outside of it.
  const at = options.indexOf('comment');
  const comment = at < 0 ? undefined : options[at + 1];
  if (at >= 0) options.splice(at, 2);
  const mark = options.indexOf('skbmark');
  return {
    text,
    timeoutSeconds: number('timeout'),
    nomatch: options.includes('nomatch'),
    ...(options.includes('wildcard') ? { wildcard: true } : {}),
    skbmark: mark < 0 ? undefined : options[mark + 1],
    packets: number('packets'),
    bytes: number('bytes'),
    comment,
  };
}

function makeSet(name: string, type: string, options: Record<string, string>): SetDraft {
  const family: IpSet['family'] = options['family'] === 'inet6' ? 'ipv6' : 'ipv4';
  return { name, type, family, options, members: new Map() };
}

const saveLine =
  /^(?:ipset )?(?:-exist |-! )?(create|add|del|flush|destroy|swap|rename|-N|-A|-D|-F|-X|n|a|d) (?=\S)/;
const setTypeWord = /^(?:hash|bitmap|list):[a-z,]{2,20}$/;
const oldTypeWords = new Set(['iphash', 'nethash', 'ipportmap', 'portmap', 'ipmap', 'setlist', 'ipporthash']);

/** `create NAME TYPE …` and `add NAME ELEMENT …`: what `ipset save` prints and `ipset restore` reads. */
const ipsetSaveReader: Reader = {
  read(context, at) {
    const text = lineAt(context, at);
    const m = saveLine.exec(text);
    if (!m) return 0;
    const words = ipsetWords(text.slice(m[0].length)).filter((w) => w !== '-exist' && w !== '-!');
    const [name = '', second] = words;
    const { draft } = context;
    switch (m[1]) {
      case 'create':
      case '-N':
      case 'n': {
        if (second === undefined || !(setTypeWord.test(second) || oldTypeWords.has(second))) return 0;
        draft.sets.set(name, makeSet(name, second, createOptions(words.slice(2))));
        break;
      }
      case 'add':
      case '-A':
      case 'a': {
        if (second === undefined) return 0;
        const set = draft.sets.get(name);
        const member = parseMember(words.slice(1));
        if (!set) {
          // `-A CHAIN …` is a rule that the grammar could not place: not ours.
          if (m[1] !== 'add') return 0;
          missingSet(context, at, name);
        } else if (member) set.members.set(member.text, member);
        break;
      }
      case 'del':
      case '-D':
      case 'd': {
        const set = draft.sets.get(name);
        if (!set) return 0;
        if (second !== undefined) set.members.delete(second);
        break;
      }
      case 'flush':
      case '-F': {
        const set = draft.sets.get(name);
        if (!set) return 0;
        set.members.clear();
        break;
      }
      case 'destroy':
      case '-X':
        if (!draft.sets.delete(name)) return 0;
        break;
      case 'swap': {
        const a = draft.sets.get(name);
        const b = second === undefined ? undefined : draft.sets.get(second);
        if (!a || !b || second === undefined) return 0;
        draft.sets.set(name, { ...b, name });
        draft.sets.set(second, { ...a, name: second });
        break;
      }
      case 'rename': {
        const a = draft.sets.get(name);
        if (!a || second === undefined) return 0;
        draft.sets.delete(name);
        draft.sets.set(second, { ...a, name: second });
        break;
      }
      default:
        return 0;
    }
    noteSource(draft, 'sets', 'ipset save');
    return 1;
  },
};

/** Says once per set that its `create` line is not there. */
function missingSet(context: ReadContext, at: number, name: string): void {
  const { draft, run, lines } = context;
  const line = lines[at];
  const start = run.offset + (line?.start ?? 0);
  if (draft.missingSets.has(name)) return;
  draft.missingSets.add(name);
  draft.diagnostics.push(
    diagnostic({
      code: 'FW908',
      id: 'set-without-create',
      severity: 'warning',
      message: `Set "${name}" gets members without having been created, so they are left out`,
      span: { start, end: start + (line?.text.length ?? 0) },
      hint: 'give the whole output of `ipset save`',
    }),
  );
}

const nameLine = /^Name: (\S{1,64})$/;

/** `ipset list`: a block per set, with its members below `Members:`. With `-t` there are none, and so no set. */
const ipsetListReader: Reader = {
  read(context, at) {
    const name = nameLine.exec(lineAt(context, at))?.[1];
    const type = /^Type: (\S{1,32})$/.exec(lineAt(context, at + 1))?.[1];
    if (name === undefined || type === undefined) return 0;
    let options: Record<string, string> = {};
    let i = at + 2;
    for (; ; i++) {
      const text = lineAt(context, i);
      if (text.startsWith('Header: ')) options = createOptions(ipsetWords(text.slice(8)));
      else if (!/^(?:Revision|Size in memory|References|Number of entries): ?/.test(text)) break;
    }
    if (lineAt(context, i) !== 'Members:') return i - at;
    const set = makeSet(name, type, options);
    for (i++; i < context.lines.length; i++) {
      const text = lineAt(context, i);
      if (!isElement(text)) break;
      const member = parseMember(ipsetWords(text));
      if (member) set.members.set(member.text, member);
    }
    addSet(context.draft, set);
    return i - at;
  },
};

/** Whether a line below `Members:` still is a member: not blank, not a prompt, not the next set. */
function isElement(text: string): boolean {
  return /^[^\s#$*-][^\s#$]*(?: (?:timeout|packets|comment|nomatch|skbmark|skbprio|skbqueue|wildcard) .*| nomatch| wildcard)?$/.test(
    text,
  );
}

function addSet(draft: FactsDraft, set: SetDraft): void {
  draft.sets.set(set.name, set);
  noteSource(draft, 'sets', 'ipset list');
}

/** In the order in which they are tried. */
export const ipsetReaders: readonly Reader[] = [ipsetSaveReader, ipsetListReader];
