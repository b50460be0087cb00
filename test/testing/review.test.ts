/**
 * Goal: a review of rules works as the example's README, action.yml and .pre-commit-hooks.yaml say. Method: the example
 * with fwsim installed as it is shipped; the README typed word by word, the action's step under a runner's environment,
 * the hooks' commands as pre-commit starts them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readPolicy } from '../../src/cli/policy/read-policy.ts';
import { blocksOf, consoleText, isAsShown } from '../../src/dev/doc-blocks.ts';
import { runBlocks } from '../../src/dev/doc-machine.ts';
import { runPolicy } from '../../src/policy/run.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { loadRules, mutantsOf } from '../../src/testing/index.ts';
import { reviewExample } from '../support/review-example.ts';
import { repositoryRoot } from '../support/source-tree.ts';

type Example = Awaited<ReturnType<typeof reviewExample>>;

const example = join(repositoryRoot, 'rules-examples', 'review');
const who = '-c user.name=team -c user.email=team@example.net';

describe('the worked example', () => {
  let machine: Example;
  beforeAll(async () => {
    machine = await reviewExample();
  });
  afterAll(() => machine.dispose());

  test('its README tells what happens (npm run test:update writes it down)', {
    timeout: 180_000,
  }, async () => {
    const readme = join(example, 'README.md');
    const text = readFileSync(readme, 'utf8');
    let rest = text;
    for (const { block, printed } of [...runBlocks(blocksOf(text), machine)].reverse()) {
      for (const { command, output, code } of printed) {
        // The script with the changed tests ends with their 0.
        const allowed = block.kind === 'script' ? [0] : [0, 1];
        expect(allowed, `README.md:${block.at.line}: ${command}\n${output}`).toContain(code);
      }
      if (block.kind !== 'console') continue;
      const commands = block.commands.map((shown, index) => {
        const real = printed[index]?.output ?? '';
        return isAsShown(shown.output, real) ? shown : { ...shown, output: real };
      });
      rest = rest.slice(0, block.at.start) + consoleText(commands) + rest.slice(block.at.end);
    }
    await expect(rest).toMatchFileSnapshot(readme);
  });

  test('the package also serves a runner without matchers', () => {
    machine.write(
      'plain.mjs',
      `import test from 'node:test';
import { assertRules, loadRules } from 'fwsim/testing';
const rules = loadRules('gw.rules', 'gw.context');
test('holds', () => assertRules(rules).toDeliver('-i eth0 -s 198.51.100.0/28 -d 203.0.113.1 -p tcp --dport 22'));
test('does not', () => assertRules(rules).toDrop('-i eth0 -d 203.0.113.1 -p tcp --dport 22'));
`,
    );
    const { output } = machine.run('node --test plain.mjs; rm plain.mjs');
    expect(output).toMatch(/pass 1$/m);
    expect(output).toMatch(/fail 1$/m);
    expect(output).toContain('accepted by INPUT 3');
  });
});

describe('mistakes in the rules of the example', () => {
  const rules = loadRules(join(example, 'gw.rules'), join(example, 'gw.context'));
  const source = { name: 'gw.policy.yml', text: readFileSync(join(example, 'gw.policy.yml'), 'utf8') };
  const { policy } = readPolicy(source);
  const mutants = mutantsOf(rules);

  test('are of all kinds', () => {
    expect(mutants.length).toBeGreaterThan(40);
    expect(new Set(mutants.map((m) => m.kind)).size).toBe(5);
  });

  test.each(mutants.filter((m) => m.judged !== 'equal').map((m) => [String(m), m] as const))(
    '%s: the policy notices it',
    (_, mutant) => {
      const run = runPolicy(mutant.rules.texts, policy, { registry: defaultRegistry() });
      expect(run.problems).toEqual([]);
      expect(run.tests.some((t) => t.verdict === 'failed' || t.verdict === 'undecided')).toBe(true);
    },
  );
});

// ---------------------------------------------------------------------------------------------- the action

interface Step {
  readonly run: string;
  readonly env: Readonly<Record<string, string>>;
}
interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

const action = parse(readFileSync(join(repositoryRoot, 'action.yml'), 'utf8')) as Action;

/** What a runner makes of an expression, as far as action.yml has any. */
function evaluated(text: string, inputs: Readonly<Record<string, string>>, base: string): string {
  return text.replace(/\$\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => {
    const [first = ''] = expression.split(/\s*\|\|\s*/);
    const input = /^inputs\.([\w-]+)$/.exec(first)?.[1];
    if (input !== undefined)
      return inputs[input] ?? evaluated(action.inputs[input]?.default ?? '', inputs, base);
    if (first === 'github.event.pull_request.base.sha') return base;
    throw new Error(`no runner knows ${expression}`);
  });
}

/** Runs the step as a runner does: in a checkout, with the files that it hands out. */
function runAction(machine: Example, inputs: Readonly<Record<string, string>>, base: string) {
  const temp = join(machine.folder, 'runner');
  mkdirSync(temp, { recursive: true });
  const files = { GITHUB_STEP_SUMMARY: join(temp, 'summary.md'), GITHUB_OUTPUT: join(temp, 'output') };
  for (const file of Object.values(files)) writeFileSync(file, '');
  const [step] = action.runs.steps;
  const env = Object.fromEntries(
    Object.entries(step?.env ?? {}).map(([key, value]) => [key, evaluated(value, inputs, base)]),
  );
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', step?.run ?? ''],
    {
      cwd: machine.folder,
      encoding: 'utf8',
      env: {
        // Not on the PATH: the step has to find it in node_modules.
        PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
        HOME: machine.folder,
        CI: 'true',
        GITHUB_ACTIONS: 'true',
        GITHUB_WORKSPACE: machine.folder,
        GITHUB_ACTION_PATH: join(machine.folder, 'node_modules', 'fwsim'),
        RUNNER_TEMP: temp,
        ...files,
        ...env,
      },
    },
  );
  const outputs = Object.fromEntries(
    readFileSync(files.GITHUB_OUTPUT, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  );
  return {
    status,
    out: stdout,
    err: stderr,
    outputs,
    summary: readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8'),
  };
}

describe('the action and the hooks', () => {
  let machine: Example;
  let base: string;
  beforeAll(async () => {
    machine = await reviewExample();
    machine.run('git init -q -b main . && printf "node_modules\\nrunner\\n" > .gitignore');
    machine.run(`git add . && git ${who} commit -qm 'Our gateway'`);
    base = machine.run('git rev-parse HEAD').output.trim();
  });
  afterAll(() => machine.dispose());
  const change = (name: string): void => {
    expect(machine.run(`git checkout -q ${base} && git apply changes/${name}.patch`).code).toBe(0);
    expect(machine.run(`git ${who} commit -qam '${name}'`).code).toBe(0);
  };
  const inputs = { rules: 'gw.rules\n', policies: 'gw.policy.yml' };

  test('say nothing against a good change, and what it does', () => {
    change('good');
    const { status, out, outputs, summary } = runAction(machine, inputs, base);
    expect(status, out).toBe(0);
    expect(summary).toContain('**IPv4**: 1 difference');
    expect(summary).toContain('-i eth0 -p tcp -s 198.51.100.64/28 --dport 22');
    expect(outputs['status']).toBe('0');
    expect(readFileSync(outputs['report'] ?? '', 'utf8')).toBe(summary);
  });

  test('refuse a bad one, with notes at the tests that it breaks', () => {
    change('bad');
    const { status, out, outputs, summary } = runAction(machine, inputs, base);
    expect(status).toBe(1);
    expect(outputs['status']).toBe('1');
    expect(out).toMatch(
      /^::error file=gw\.policy\.yml,line=\d+,col=\d+,title=nothing else is reached from outside::/m,
    );
    expect(summary).toContain('opened: new connections through this machine');
  });

  test('say what is wrong with the rules themselves', () => {
    machine.run(`git checkout -q ${base}`);
    const rules = readFileSync(join(machine.folder, 'gw.rules'), 'utf8');
    writeFileSync(
      join(machine.folder, 'gw.rules'),
      rules.replace('--dport 68', '').replace('-A INPUT -i lo -j ACCEPT\n', ''),
    );
    const { status, out } = runAction(machine, { rules: 'gw.rules' }, base);
    expect(status).toBe(1);
    expect(out).toMatch(/^::error file=gw\.rules.*FW326/m);
    expect(runAction(machine, { rules: 'gw.rules', 'fail-on': 'never' }, base).status).toBe(0);
    machine.run('git checkout -q .');
  });

  test('take rules that were not there before for new, and tell of files that are not there', () => {
    machine.run('cp gw.rules other.rules && cp gw.context other.context');
    const { status, summary } = runAction(machine, { rules: 'other.rules' }, base);
    expect(status).toBe(0);
    expect(summary).toContain('## other.rules is new');
    expect(runAction(machine, { rules: 'no-such.rules' }, base).status).toBe(2);
    expect(runAction(machine, { rules: ' ' }, base).status).toBe(2);
    machine.run('rm other.*');
  });

  test('every output of the action is one that its step writes', () => {
    const { outputs } = runAction(machine, inputs, base);
    for (const { value } of Object.values(action.outputs))
      expect(Object.keys(outputs)).toContain(/outputs\.(\w+)/.exec(value)?.[1]);
  });

  interface Hook {
    readonly id: string;
    readonly entry: string;
    readonly files: string;
    readonly pass_filenames?: boolean;
  }
  const hooks = parse(
    readFileSync(join(repositoryRoot, '.pre-commit-hooks.yaml'), 'utf8'),
  ) as readonly Hook[];

  test.each(hooks.map((hook) => [hook.id, hook] as const))(
    'the hook %s lets the good change pass, and stops the bad one',
    (id, hook) => {
      const pattern = new RegExp(hook.files);
      const commit = (name: string) => {
        machine.run(`git checkout -q ${base} && git apply changes/${name}.patch && git add -A`);
        const staged = machine.run('git diff --cached --name-only').output.split('\n');
        const files = hook.pass_filenames === false ? [] : staged.filter((file) => pattern.test(file));
        const answer = machine.run(`${hook.entry} ${files.join(' ')}`);
        machine.run('git reset -q --hard');
        return answer;
      };
      expect(commit('good').code).toBe(0);
      // The linter alone has nothing against it: what was meant is known to the policy.
      expect(commit('bad').code).toBe(id === 'fwsim-lint' ? 0 : 1);
    },
  );

  test('commands of the hooks are programs of the package', () => {
    const { bin } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
      readonly bin: Readonly<Record<string, string>>;
    };
    for (const { entry } of hooks) expect(Object.keys(bin)).toContain(entry.split(' ')[0]);
    expect(existsSync(join(repositoryRoot, bin['fwsim-review'] ?? ''))).toBe(true);
  });

  test('fwsim-review says how it is used', () => {
    expect(machine.run('fwsim-review')).toMatchObject({ code: 2, output: expect.stringContaining('usage:') });
    expect(machine.run('fwsim-review --bse HEAD gw.rules')).toMatchObject({ code: 2 });
    expect(machine.run('FWSIM=no-such fwsim-review gw.rules').output).toContain(
      'there is no command no-such',
    );
  });
});
