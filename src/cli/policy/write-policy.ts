import { Document, visit, type YAMLMap, YAMLSeq } from 'yaml';
import type { TodayPolicy, TodayTest } from '../../proving.ts';
import { isVisible, visible } from '../../report/visible.ts';

/** A first policy as the text of its file. `rules`: as the file is to name them; undefined for stdin. */
export function policyText(
  policy: TodayPolicy,
  rules: string | undefined,
  context: readonly string[],
  assume: readonly string[],
): string {
  const document = new Document({
    ...(rules === undefined ? {} : { rules }),
    ...(context.length === 0 ? {} : { context }),
    ...(assume.length === 0 ? {} : { assume }),
    tests: [],
  });
  document.commentBefore =
    ' yaml-language-server: $schema=node_modules/fwsim/schemas/policy.schema.json\n\n What the rules do today. Say what is meant: name the tests, join them, and change what should not be so.';
  const tests = new YAMLSeq();
  let section: string | undefined;
  for (const one of policy.tests) {
    const node = document.createNode(entryOf(one)) as YAMLMap;
    if (one.section !== section) {
      node.commentBefore = ` ${visible(one.section)}`;
      node.spaceBefore = section !== undefined;
    }
    section = one.section;
    tests.add(node);
  }
  document.set('tests', tests);
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && !isVisible(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  // What is not to be seen stands in double quotes now, where YAML takes escapes for it.
  return document
    .toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER })
    .replace(/[^\n\x20-\x7e]/gu, (character) => (isVisible(character) ? character : escaped(character)));
}

function escaped(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`;
}

function entryOf({ test }: TodayTest): Readonly<Record<string, unknown>> {
  const one = (texts: readonly { readonly text: string }[]): string | readonly string[] => {
    const list = texts.map((t) => t.text);
    return list.length === 1 ? (list[0] ?? '') : list;
  };
  const packets = one(test.packets);
  return {
    name: test.name,
    ...(test.family === undefined ? {} : { family: test.family === 'ipv4' ? 4 : 6 }),
    ...(test.local ? { local: true } : {}),
    ...(packets === '' ? {} : { packets }),
    ...(test.except.length === 0 ? {} : { except: one(test.except) }),
    expect: test.expect,
    ...(test.allowUnknown ? { unknown: 'allow' } : {}),
  };
}
