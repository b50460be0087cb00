/**
 * Goal: a configuration is read as it is meant, or refused with line, column and what was meant. Method: the reader
 * beside the published JSON Schema, and files that are wrong in one thing each.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { captureKinds, configSchema, suppressionsSchema } from '../../src/cli/lint/config-schema.ts';
import { readConfig, readSuppressions } from '../../src/cli/lint/read-config.ts';
import { readYaml } from '../../src/cli/lint/read-yaml.ts';
import { fakeIo } from '../support/fake-io.ts';
import { repositoryRoot } from '../support/source-tree.ts';

const published = (name: string) =>
  new Ajv({ strict: true }).compile(JSON.parse(readFileSync(join(repositoryRoot, 'schemas', name), 'utf8')));

const whole = `lint:
  extends: [recommended, cis]
  select: [FW7, duplicate-rule]
  ignore: [FW205]
  preview: true
  severity: { FW204: error, FW6: off }
  profile: router
  fail-on: info
  min-confidence: context
  sensitive-ports: { add: [tcp/8200], remove: [tcp/9090, udp/1000-1010] }
  generators: { docker: managed, 'site_*': user }
  baseline: known.json
context:
  outside: [eth0, ppp0]
  inside: [eth1]
  expected-interfaces: ['veth+']
  roles: [router, mail]
  input-filtered-elsewhere: false
  captures: { addr: addr.json, route: [r4.json, r6.json] }
`;

const read = (text: string) => readConfig({ name: 'fwsim.yml', text }, '/there/conf', fakeIo());

test('a key that is a collection is refused, and the library is silent about it', async () => {
  const warned: string[] = [];
  const listen = (warning: Error): void => void warned.push(warning.message);
  process.on('warning', listen);
  expect(() => read('? [ "\\x1b[31m" ]\n: 3\n')).toThrow('there is no key');
  // Warnings come in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', listen);
  expect(warned).toEqual([]);
});

test('every key arrives', () => {
  expect(read(whole)).toEqual({
    lint: {
      presets: ['recommended', 'cis'],
      also: ['FW7', 'duplicate-rule'],
      ignore: ['FW205'],
      preview: true,
      severities: { FW204: 'error', FW6: 'off' },
      profile: 'router',
      minConfidence: 'context',
      sensitivePorts: { add: ['tcp/8200'], remove: ['tcp/9090', 'udp/1000-1010'] },
      generators: { docker: 'managed', 'site_*': 'user' },
    },
    failOn: 'info',
    declared: {
      source: 'fwsim.yml',
      outside: ['eth0', 'ppp0'],
      inside: ['eth1'],
      expectedInterfaces: ['veth+'],
      roles: ['router', 'mail'],
      inputFilteredElsewhere: false,
    },
    captures: ['conf/addr.json', 'conf/r4.json', 'conf/r6.json'],
    baseline: 'conf/known.json',
  });
});

test.each(['', '\n# nothing yet\n', '{}', 'lint: {}\n'])('%j says nothing', (text) => {
  expect(read(text)).toEqual({
    lint: {},
    failOn: undefined,
    declared: undefined,
    captures: [],
    baseline: undefined,
  });
});

describe('what is wrong is told with its place', () => {
  test.each([
    ['lint:\n  sevrity: {}\n', '2:3: there is no key "sevrity" here (did you mean "severity"?)'],
    ['lnit: {}\n', '1:1: there is no key "lnit" here (did you mean "lint"?)'],
    ['context:\n  expected_interfaces: []\n', '2:3: .*did you mean "expected-interfaces"\\?'],
    ['context:\n  captures:\n    adr: x\n', '3:5: .*did you mean "addr"\\?'],
    ['context:\n  zzz: 1\n', '2:3: .*known are outside, inside'],
    [
      'lint:\n  severity:\n    FW204: fatal\n',
      '3:12: "fatal" is no value of "FW204" \\(one of error, warning',
    ],
    ['lint:\n  severity:\n    FW2O4: off\n', '3:5: "FW2O4" is no check.*did you mean "FW204"\\?'],
    ['lint:\n  select: [FW204, rule-after-catchall]\n', '2:19: .*did you mean "rule-after-catch-all"\\?'],
    ['lint:\n  extends: [recomended]\n', '2:13: .*did you mean "recommended"\\?'],
    ['lint:\n  extends: recommended\n', '2:12: "extends" must be a list'],
    ['lint:\n  preview: "yes"\n', '2:12: "preview" must be true or false'],
    ['lint:\n  fail-on: 3\n', '2:12: this is no value of "fail-on"'],
    ['lint: [a]\n', '1:7: "lint" must be a mapping'],
    ['- a\n', '1:1: "the file" must be a mapping'],
    ['lint:\n  sensitive-ports: {add: [8200]}\n', '2:27: '],
    ['lint:\n  sensitive-ports: {add: [tcp/70000]}\n', '2:27: "tcp/70000" must be ports from 0 to 65535'],
    ['context:\n  outside: ["eth0:1"]\n', '2:13: "eth0:1" must be the name of an interface'],
    ['context:\n  captures: {addr: 3}\n', '2:20: "addr" must be a text or a list'],
    ['lint: {}\nlint: {}\n', '2:1: Map keys must be unique'],
    ['lint: {\n', '2:1: '],
    ['lint: !!js/function x\n', '1:7: '],
    ['toString: 1\n', '1:1: there is no key "toString"'],
    ['__proto__: {lint: {}}\n', '1:1: there is no key "__proto__"'],
    ['lint: {severity: {constructor: off}}\n', '1:19: there is no key "constructor"'],
    ['a: 1\n---\nb: 2\n', '2:1: '],
  ])('%j', (text, message) => {
    const pattern = message.includes('\\') ? message : message.replace(/[()?]/g, '\\$&');
    expect(() => read(text)).toThrow(new RegExp(`^fwsim\\.yml:${pattern}`));
  });

  test('aliases that multiply end in a message', () => {
    const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}]`);
    expect(() => read(`a0: &a0 [x]\n${levels.join('\n')}\n`)).toThrow(/^fwsim\.yml:1:1: /);
  });

  test('no text makes the reader throw anything but a failure with a place', () => {
    const word = fc.constantFrom(
      'lint',
      'context',
      'severity',
      'FW204',
      ': ',
      '- ',
      '\n',
      '  ',
      '{',
      '}',
      '"',
      '&a ',
      '*a',
      '!',
      '|',
      '?',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join('')),
        ),
        (text) => {
          try {
            read(text);
          } catch (error) {
            expect((error as Error).name).toBe('CommandFailure');
            expect((error as Error).message).toMatch(/^fwsim\.yml:\d+:\d+: /);
          }
        },
      ),
    );
  });
});

describe('the published schema', () => {
  const accepts = published('fwsim.schema.json');
  /** Checks of the reader that a schema of this draft cannot express. */
  const onlyReader = /must be ports from 0/;

  const samples = [
    whole,
    '{}',
    'lint: {sevrity: {}}',
    'lint: {extends: [x]}',
    'lint: {extends: recommended}',
    'lint: {severity: {FW204: fatal}}',
    'lint: {generators: {a: b}}',
    'lint: {sensitive-ports: {add: [8200]}}',
    'lint: {sensitive-ports: {add: [tcp/8200/x]}}',
    'lint: {baseline: ""}',
    'context: {outside: [a b]}',
    'context: {roles: [router, cook]}',
    'context: {input-filtered-elsewhere: 1}',
    'context: {captures: {addr: [a, b], sets: c}}',
    'context: {captures: {addr: [1]}}',
    'context: {captures: {other: a}}',
    '[]',
    'lint: null',
  ];
  test.each(samples)('says the same as the reader of %j', (text) => {
    const own = readYaml({ name: 'x', text }, configSchema);
    const agreed = own.ok || own.problems.every(({ message }) => onlyReader.test(message));
    expect(accepts(parse(text))).toBe(agreed);
  });

  test('knows the same captures', () => {
    for (const kind of Object.keys(captureKinds))
      expect(accepts({ context: { captures: { [kind]: 'x' } } })).toBe(true);
  });
});

describe('suppressions beside the ruleset', () => {
  const name = 'FW204-0123456789abcdef0123';
  const readAll = (text: string) => readSuppressions({ name: 's.yml', text }, '/there');

  test('are read with their place', () => {
    const { entries } = readAll(
      `suppressions:\n  ${name}: {reason: known, until: 2027-06, file: gw.rules}\n`,
    );
    expect(entries).toEqual([
      {
        file: '/there/gw.rules',
        suppression: {
          words: ['FW204'],
          reason: 'known',
          until: '2027-06',
          scope: { kind: 'fingerprint', fingerprint: name, owned: false },
          at: { start: 16, end: 42, source: 's.yml' },
        },
      },
    ]);
  });

  test.each([
    ['suppressions:\n  FW204: {reason: x}\n', '2:3: "FW204" is no fingerprint'],
    [`suppressions:\n  ${name}: {reson: x}\n`, '2:32: there is no key "reson" here'],
    [`suppressions:\n  ${name}: x\n`, '2:31: '],
    [`suppressions:\n  ${name}: {reason: x, until: 2027}\n`, '2:50: "until" must be a text'],
  ])('%j is refused', (text, message) => {
    expect(() => readAll(text)).toThrow(new RegExp(`^s\\.yml:${message}`));
  });

  test('the published schema says the same', () => {
    const accepts = published('suppressions.schema.json');
    for (const text of [
      `suppressions: {${name}: {reason: x}}`,
      `suppressions: {${name}: {}}`,
      `suppressions: {${name}: {reson: x}}`,
      'suppressions: []',
      '{}',
    ])
      expect(accepts(parse(text))).toBe(readYaml({ name: 'x', text }, suppressionsSchema).ok);
  });
});
