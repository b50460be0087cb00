import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/command-table.ts';
import { optionNames } from '../../src/cli/split-expression.ts';

/**
 * What a shell offers for words typed so far; the last one is being typed. The completions are asked in the shell itself:
 * a quoting mistake shows nowhere else.
 */
const shells = {
  bash: (words: readonly string[]) => [
    '-c',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash that fills it in
    'source share/bash/fwsim; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _fwsim; printf "%s\\n" "${COMPREPLY[@]}"',
    'bash',
    ...words,
  ],
  fish: (words: readonly string[]) => [
    '--no-config',
    '-c',
    `source share/fish/fwsim.fish; complete -C '${words.join(' ')}'`,
  ],
} as const;

function isHere(shell: string): boolean {
  return spawnSync(shell, ['--version']).status === 0;
}

const asked: readonly (readonly [typed: string, offered: readonly string[]])[] = [
  ['fwsim lin', ['lint']],
  ['fwsim lint --for', ['--format']],
  ['fwsim lint --profile ro', ['router']],
  ['fwsim diff a b --format mark', ['markdown']],
  ['fwsim explain FW10', ['FW101', 'FW102', 'FW103', 'FW104', 'FW105', 'FW106', 'FW107', 'FW108', 'FW109']],
  ['fwsim trace gw.rules -- --dp', ['--dport']],
  ['fwsim --no-li', ['--no-lint']],
  ['fwsim rules-examples/gateway-web-in-forward.', ['rules-examples/gateway-web-in-forward.rules']],
];

for (const shell of ['bash', 'fish'] as const) {
  describe.skipIf(!isHere(shell))(`completions of ${shell}`, () => {
    test.each(asked)('%s', (typed, offered) => {
      const { stdout, stderr } = spawnSync(shell, shells[shell](typed.split(' ')), { encoding: 'utf8' });
      expect(stderr).toBe('');
      const words = stdout.split('\n').map((line) => line.split('\t', 1)[0]);
      expect(words.filter((word) => word !== '')).toEqual(offered);
    });
  });
}

test.skipIf(!isHere('zsh'))('zsh reads its completions', () => {
  const { status, stderr } = spawnSync('zsh', ['-n', 'share/zsh/_fwsim'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

test.each(commands.map((command) => [command.name, command] as const))(
  'the manual and all completions know every option of %s',
  (_, command) => {
    const files = ['share/man/fwsim.1', 'share/bash/fwsim', 'share/zsh/_fwsim', 'share/fish/fwsim.fish'];
    const [man = '', bash, zsh, fish = ''] = files.map((file) => readFileSync(file, 'utf8'));
    const section = man.split(`.SS fwsim ${command.name}\n`)[1]?.split(/^\.S[SH]/m)[0];
    for (const name of command.options.flatMap(({ flags }) => optionNames(flags))) {
      expect(section).toContain(name.replaceAll('-', '\\-'));
      expect(bash).toContain(name);
      expect(zsh).toContain(name);
      expect(fish).toMatch(new RegExp(` -[ls] ${name.replace(/^-+/, '')} `));
    }
  },
);

test('the manual is plain ASCII', () => {
  expect(readFileSync('share/man/fwsim.1', 'utf8')).toMatch(/^[\n\x20-\x7e]*$/);
});
