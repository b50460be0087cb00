import { Document, type YAMLMap, YAMLSeq } from 'yaml';
import type { TodayPolicy, TodayTest } from '../../proving.ts';

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
      node.commentBefore = ` ${one.section}`;
      node.spaceBefore = section !== undefined;
    }
    section = one.section;
    tests.add(node);
  }
  document.set('tests', tests);
  return document.toString({ lineWidth: 0 });
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
