/** Goal: `fwsim lint --fix` and its companions as a user meets them. Method: whole command lines with an io of their own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run as lint } from '../../src/cli/commands/lint.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { fakeIo } from '../support/fake-io.ts';

const rules = `# kept by hand
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:old - [0:0]
[5:300] -A INPUT -i lo -j ACCEPT
[5:300] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# the office
[5:300] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
[0:0] -A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -m comment --comment "it's $HOME" -j DROP
[0:0] -A old -j DROP
COMMIT
`;
const mended = rules.replace(':old - [0:0]\n', '').replace('[0:0] -A old -j DROP\n', '');

const ask = async (
  options: Readonly<Record<string, string | boolean | readonly string[]>>,
  text: string | Uint8Array = rules,
) => {
  const io = fakeIo({ 'gw.rules': text });
  const code = await lint({ operands: ['gw.rules'], options, expression: [] }, io);
  return { code, ...io.said };
};

describe('--fix', () => {
  test('prints a patch and nothing else on stdout, and tells the rest on stderr', async () => {
    const { out, err, files, code } = await ask({ fix: true, select: ['FW205'] });
    expect(out).toBe(`--- gw.rules
+++ gw.rules
@@ -3,11 +3,9 @@
 :INPUT DROP [0:0]
 :FORWARD DROP [0:0]
 :OUTPUT ACCEPT [0:0]
-:old - [0:0]
 [5:300] -A INPUT -i lo -j ACCEPT
 [5:300] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
 # the office
 [5:300] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
 [0:0] -A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -m comment --comment "it's $HOME" -j DROP
-[0:0] -A old -j DROP
 COMMIT
`);
    expect(err).toBe(`1 change that treats every packet alike, proved over all packets:
  FW205: delete chain "old" (filter old)
nothing is left
`);
    expect(files).toEqual({});
    expect(code).toBe(exitCodes.ok);
  });

  test('has nothing to say about a ruleset that is in order', async () => {
    const { out, err, code } = await ask({ fix: true, select: ['FW205'] }, mended);
    expect([out, err, code]).toEqual(['', 'nothing is left\n', exitCodes.ok]);
  });

  test('ends by what would be left', async () => {
    expect(
      (await ask({ fix: true, select: ['FW205', 'FW301'] }, rules.replace('INPUT DROP', 'INPUT ACCEPT')))
        .code,
    ).toBe(exitCodes.findings);
    const zero = { fix: true, exitZero: true, select: ['FW205', 'FW301'] };
    expect((await ask(zero, rules.replace('INPUT DROP', 'INPUT ACCEPT'))).code).toBe(exitCodes.ok);
    expect((await ask({ fix: true }, 'Chain INPUT (policy ACCEPT)\n')).code).toBe(exitCodes.couldNotLook);
  });

  test('shows control characters, and says that such a patch does not apply', async () => {
    const odd = rules.replace("it's $HOME", 'red \u001b[31m');
    const { out, err } = await ask({ fix: true, select: ['FW201'] }, odd);
    expect(out).not.toContain('\u001b');
    expect(err).toContain('holds control characters');
  });
});

describe('--unsafe-fixes', () => {
  test('tells what is opened and closed above the patch, in lines that patch passes over', async () => {
    const { out, err } = await ask({ unsafeFixes: true, select: ['FW201'] });
    const [told, patch] = [out.slice(0, out.indexOf('--- ')), out.slice(out.indexOf('--- '))];
    expect(told).toMatch(/^(?:#.*\n)+$/);
    expect(told).toContain('CLOSED');
    expect(told).toContain('fwsim trace gw.rules.new --assume');
    expect(patch).toContain('\n-[5:300] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n [0:0] -A INPUT -s 203');
    expect(err).toContain('1 change of what becomes of packets:\n  FW201: move rule 4 of INPUT above rule 3');
  });
});

describe('--in-place', () => {
  test('writes the file, and prints the patch as well', async () => {
    const { out, files } = await ask({ fix: true, inPlace: true, select: ['FW205'] });
    expect(files).toEqual({ 'gw.rules': mended });
    expect(out).toContain('-:old - [0:0]');
  });

  test('leaves a file alone that has nothing to mend', async () => {
    expect((await ask({ fix: true, inPlace: true, select: ['FW205'] }, mended)).files).toEqual({});
  });

  test.each([
    ['bytes that are no UTF-8', new Uint8Array([...new TextEncoder().encode(rules), 0x23, 0xe9, 0x0a])],
    ['a byte order mark', new Uint8Array([0xef, 0xbb, 0xbf, ...new TextEncoder().encode(rules)])],
  ])('refuses %s, which it could not write back', async (_, bytes) => {
    await expect(ask({ fix: true, inPlace: true }, bytes)).rejects.toThrow('would change more of "gw.rules"');
  });

  test('refuses stdin, and to be alone', async () => {
    const io = fakeIo({}, rules);
    const asked = { operands: [], options: { fix: true, inPlace: true }, expression: [] };
    await expect(lint(asked, io)).rejects.toThrow('stdin cannot be changed');
    await expect(ask({ inPlace: true })).rejects.toThrow('--in-place needs --fix');
  });
});

test.each([
  [{ format: ['json'] }],
  [{ outputFile: 'x' }],
  [{ writeBaseline: 'x' }],
  [{ explainSilence: 'FW201' }],
])('--fix does not go with %j', async (options) => {
  await expect(ask({ fix: true, ...options })).rejects.toThrow('--fix prints a patch');
});

test('--show-fix prints commands that a shell takes as they are', async () => {
  const { out } = await ask({ showFix: true, select: ['FW201'] });
  expect(out).toContain(`  fix     move rule 4 of INPUT above rule 3 (changes what becomes of packets:
          --unsafe-fixes tells which)
            iptables -I INPUT 3 -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -m comment --comment 'it'\\''s $HOME' -j DROP
            iptables -D INPUT 5
  fix     delete rule 4 of INPUT (treats every packet alike: --fix proves it)
            iptables -D INPUT 4
`);
});

test('JSON has the edits and the commands', async () => {
  const { out } = await ask({ format: ['json'], select: ['FW201'] });
  expect(JSON.parse(out).findings[0].fixes).toEqual([
    {
      title: 'move rule 4 of INPUT above rule 3',
      applicability: 'unsafe',
      edits: [
        {
          file: 'gw.rules',
          line: 10,
          column: 1,
          endLine: 10,
          endColumn: 1,
          text: `${rules.split('\n')[10]}\n`,
        },
        { file: 'gw.rules', line: 11, column: 1, endLine: 12, endColumn: 1, text: '' },
      ],
      commands: [
        `iptables -I INPUT 3 -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -m comment --comment 'it'\\''s $HOME' -j DROP`,
        'iptables -D INPUT 5',
      ],
    },
    {
      title: 'delete rule 4 of INPUT',
      applicability: 'safe',
      edits: [{ file: 'gw.rules', line: 11, column: 1, endLine: 12, endColumn: 1, text: '' }],
      commands: ['iptables -D INPUT 4'],
    },
  ]);
});

test('SARIF has the same changes, and no suggestions', async () => {
  const open = rules.replace('INPUT DROP', 'INPUT ACCEPT').replace(/^.*-A INPUT -p tcp.*\n/m, '');
  const { out } = await ask({ format: ['sarif'], select: ['FW201', 'FW205', 'FW301'] }, `${open}`);
  const { results } = JSON.parse(out).runs[0];
  const of = (code: string) => results.find((r: { ruleId: string }) => r.ruleId === code);
  expect(of('FW205').fixes).toHaveLength(1);
  expect(of('FW205').fixes[0].artifactChanges[0].replacements).toHaveLength(2);
  expect(of('FW205').fixes[0].artifactChanges[0].artifactLocation.uri).toBe('gw.rules');
  expect(of('FW301')).toBeDefined();
  expect(of('FW301').fixes).toBeUndefined();
});

const hasPatch = spawnSync('patch', ['--version']).status === 0;
test.skipIf(!hasPatch)('what is printed is what patch makes of the file', async () => {
  const { out } = await ask({ unsafeFixes: true, select: ['FW2'] });
  const folder = mkdtempSync(join(tmpdir(), 'fwsim-fix-'));
  try {
    const file = join(folder, 'gw.rules');
    writeFileSync(file, rules);
    expect(spawnSync('patch', ['--fuzz=0', file], { input: out }).status).toBe(0);
    const { files } = await ask({ unsafeFixes: true, inPlace: true, select: ['FW2'] });
    expect(files).toEqual({ 'gw.rules': readFileSync(file, 'utf8') });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
