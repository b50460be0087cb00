import { dirname, join, relative, resolve } from 'node:path';
import type { SourceText } from '../../diagnostics/sources.ts';
import { defaultRegistry, type PolicyRunOptions, runPolicy, todaysPolicy } from '../../proving.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { printPolicy } from '../../report/policy.ts';
import { printPolicyGithub, printPolicyJunit, printPolicyTap } from '../../report/policy-formats.ts';
import { printPolicyJson } from '../../report/policy-json.ts';
import type { PolicyReport } from '../../report/policy-words.ts';
import { type CommandModule, choice, flag, type Invocation, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { decodeText } from '../decode.ts';
import { type ExitCode, exitCodes, gravest } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { fileFailure } from '../lint/file-failure.ts';
import { shownPath } from '../lint/loaded-config.ts';
import { findFiles } from '../policy/find-files.ts';
import { type PolicyFile, readPolicy } from '../policy/read-policy.ts';
import { policyFormats } from '../policy/test-command-spec.ts';
import { readMachines } from '../read-machines.ts';
import { version } from '../version.ts';
import { nodesOption } from './budget-option.ts';
import { readingOptions } from './reading-options.ts';

/** `fwsim test`: whether rulesets satisfy policies. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const first = value(invocation, 'init');
  if (first !== undefined) return writeFirst(first, invocation, io);
  if (invocation.operands.length === 0)
    throw new CommandFailure('no POLICY is given', {
      hint: 'fwsim test --init RULES > my.policy.yml writes a first one',
    });
  if (!flag(invocation, 'watch')) return tryAll(invocation, io, new Set());
  const { nextChange } = io;
  if (nextChange === undefined) throw new CommandFailure('files cannot be watched here');
  if (values(invocation, 'rules').includes('-') || values(invocation, 'with').includes('-'))
    throw new CommandFailure('stdin does not change, so --watch needs files');
  for (;;) {
    const files = new Set<string>();
    try {
      await tryAll(invocation, io, files);
    } catch (error) {
      // A file that is being written may be wrong for a while.
      if (!(error instanceof CommandFailure)) throw error;
      io.err(`fwsim: ${escapeTerminal(error.message)}\n`);
    }
    if (files.size === 0) return exitCodes.usage;
    io.err(`waiting for a change of ${files.size} files; end with Ctrl-C\n`);
    await nextChange([...files]);
  }
};

function optionsOf(invocation: Invocation): PolicyRunOptions {
  return {
    registry: defaultRegistry(),
    ...readingOptions(invocation),
    ...nodesOption(invocation),
    coverage: flag(invocation, 'coverage'),
  };
}

/** Tries every policy on every machine; `touched` gathers the files that were read. */
async function tryAll(invocation: Invocation, io: Io, touched: Set<string>): Promise<ExitCode> {
  const paths = findFiles(invocation.operands, io);
  for (const path of paths) touched.add(resolve(io.cwd, path));
  const reports: PolicyReport[] = [];
  for (const path of paths) {
    const file = readPolicy({ name: path, text: decodeText(io.readFile(path), path).text });
    reports.push(...(await tryPolicy(file, dirname(resolve(io.cwd, path)), invocation, io, touched)));
  }
  print(reports, invocation, io);
  return gravest(reports.map(exitCodeOf));
}

async function tryPolicy(
  file: PolicyFile,
  folder: string,
  invocation: Invocation,
  io: Io,
  touched: Set<string>,
): Promise<readonly PolicyReport[]> {
  const here = (path: string): string => shownPath(io, resolve(io.cwd, folder, path));
  const given = values(invocation, 'rules');
  const rules = given.length > 0 ? given : file.rules.map(here);
  if (rules.length === 0)
    throw new CommandFailure(`${file.source.name} names no rules`, {
      hint: 'add a key "rules:" to it, or name the ruleset by --rules FILE',
    });
  const extra = [...file.context.map(here), ...values(invocation, 'with')];
  const machines = await readMachines(rules, extra, io);
  const others = new Map<string, readonly SourceText[]>();
  for (const { sameAs } of file.policy.tests) {
    if (sameAs === undefined || others.has(sameAs.text)) continue;
    const [other] = await readMachines([here(sameAs.text)], extra, io);
    if (other) others.set(sameAs.text, other.texts);
    touched.add(resolve(folder, sameAs.text));
  }
  for (const path of [...rules, ...extra]) touched.add(resolve(io.cwd, path));
  const assume = [...file.assume, ...values(invocation, 'assume')];
  return machines.map(({ texts, diagnostics }) => {
    const answer = runPolicy(texts, file.policy, { ...optionsOf(invocation), diagnostics, assume, others });
    if (answer.problems.length > 0)
      throw fileFailure(
        file.source,
        answer.problems.map((p) => ({
          message: p.message,
          ...(p.hint === undefined ? {} : { hint: p.hint }),
          span: p.span ?? { start: 0, end: 0, source: file.source.name },
        })),
      );
    return { policy: file.source, texts, run: answer, assume };
  });
}

function print(reports: readonly PolicyReport[], invocation: Invocation, io: Io): void {
  switch (flag(invocation, 'json') ? 'json' : choice(invocation, 'format', policyFormats)) {
    case 'tap':
      io.out(printPolicyTap(reports));
      break;
    case 'junit':
      io.out(printPolicyJunit(reports));
      break;
    case 'json':
      io.out(printPolicyJson(reports, version));
      break;
    case 'github':
      io.out(printPolicyGithub(reports));
      break;
    default:
      io.out(
        printPolicy(reports, io.outStyle, { quiet: flag(invocation, 'quiet'), all: flag(invocation, 'all') }),
      );
  }
  for (const { run: answer } of reports)
    if (answer.couldNotLook !== undefined) io.err(`fwsim: ${escapeTerminal(answer.couldNotLook)}\n`);
}

function exitCodeOf({ run: { tests, couldNotLook } }: PolicyReport): ExitCode {
  if (couldNotLook !== undefined || tests.some((t) => t.verdict === 'undecided'))
    return exitCodes.couldNotLook;
  return tests.some((t) => t.verdict === 'failed') ? exitCodes.findings : exitCodes.ok;
}

/** `--init`: prints a first policy. */
async function writeFirst(rules: string, invocation: Invocation, io: Io): Promise<ExitCode> {
  if (invocation.operands.length > 0)
    throw new CommandFailure(`--init prints a new policy, "${invocation.operands[0]}" is one already`, {
      hint: 'fwsim test --init RULES > my.policy.yml',
    });
  const extra = values(invocation, 'with');
  const assume = values(invocation, 'assume');
  const [machine] = await readMachines([rules], extra, io);
  if (machine === undefined) return exitCodes.couldNotLook;
  const policy = todaysPolicy(machine.texts, {
    ...optionsOf(invocation),
    diagnostics: machine.diagnostics,
    assume,
  });
  if (policy.couldNotLook !== undefined) {
    io.err(`fwsim: ${escapeTerminal(policy.couldNotLook)}\n`);
    return exitCodes.couldNotLook;
  }
  const { policyText } = await import('../policy/write-policy.ts');
  const named = (path: string): string => {
    const short = relative(io.cwd, join(io.cwd, path));
    return path.startsWith('/') ? path : short;
  };
  io.out(policyText(policy, rules === '-' ? undefined : named(rules), extra.map(named), assume));
  if (policy.unsaid > 0)
    io.err(
      `fwsim: ${policy.unsaid} things that these rules do are not put into tests: fwsim query shows them\n`,
    );
  return exitCodes.ok;
}
