/** A first policy: what a ruleset does today, as tests that hold. */

import { deciderKey } from '../analysis/deciders.ts';
import type { Description } from '../analysis/vocabulary.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { compile } from '../engine/program.ts';
import { readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Family } from '../net/address.ts';
import { describeSet, type SetDescription } from '../packetset/print.ts';
import type { PacketSet } from '../packetset/space.ts';
import { readAssumptions } from '../trace/assumptions.ts';
import { type Bench, createBench, type Group } from './bench.ts';
import { fatesOfExpectation } from './claims.ts';
import { type ReadingContext, readExpression } from './packets.ts';
import { type Expectation, noNames, type Policy, type PolicyTest, plainTest, unplaced } from './policy.ts';
import { type PolicyRunOptions, runPolicy } from './run.ts';

/** A test of a first policy. */
export interface TodayTest {
  readonly test: PolicyTest;
  /** What it stands under: packets of one way. */
  readonly section: string;
}

/** The policy, or why none can be written. `unsaid`: rows of what the rules do that could not be put into a test. */
export interface TodayPolicy {
  readonly tests: readonly TodayTest[];
  readonly unsaid: number;
  readonly couldNotLook?: string;
}

const sections = [
  {
    title: 'Packets to this machine itself',
    local: false,
    options: ['-m addrtype --dst-type LOCAL'],
  },
  {
    title: 'Packets through this machine',
    local: false,
    options: ['-m addrtype ! --dst-type LOCAL'],
  },
  {
    title: 'Packets that this machine sends',
    local: true,
    options: ['-m addrtype ! --dst-type LOCAL'],
  },
  {
    title: 'Packets that this machine sends to itself',
    local: true,
    options: ['-m addrtype --dst-type LOCAL'],
  },
] as const;

/** Lines of a description that a test may have and still be read. */
const linesMax = 12;
/** Rules and policies of one way that get a test. */
const groupsMax = 60;

const wordOfFate: Partial<Record<Group['fate'], Expectation>> = {
  local: 'delivered',
  forward: 'forwarded',
  sent: 'sent',
  drop: 'drop',
  reject: 'reject',
};

/** Writes the policy of a machine; only tests that hold are in it. Never throws for any input. */
export function todaysPolicy(texts: readonly SourceText[], o: PolicyRunOptions): TodayPolicy {
  const assumptions = readAssumptions(o.assume ?? []);
  if ('diagnostics' in assumptions)
    return { tests: [], unsaid: 0, couldNotLook: assumptions.diagnostics[0]?.message ?? '' };
  const reading = {
    registry: o.registry,
    family: o.family,
    backend: o.backend,
    assume: assumptions.forMachine,
  };
  const read = readMachine(texts, reading);
  const couldNotLook = whyNothingToLookAt(read);
  if (couldNotLook !== undefined) return { tests: [], unsaid: 0, couldNotLook };
  const rulesets = read.rulesets.map((r) => r.linked.ruleset);
  const program = compile(rulesets, read.machine, o.registry);
  const drafts: TodayTest[] = [];
  const families = (['ipv4', 'ipv6'] as const).filter(
    (f) => (o.family === undefined || o.family === f) && rulesets.some((r) => r.family === f),
  );
  let unsaid = 0;
  for (const family of families) {
    const ruleset = read.rulesets.findLast((r) => r.linked.ruleset.family === family);
    if (ruleset === undefined) continue;
    const { backend } = ruleset.linked.ruleset;
    const context = { registry: o.registry, machine: read.machine, family, backend, names: noNames };
    const described = sections.map(({ options }) => readExpression(unplaced(options[0]), context));
    const queries = described.flatMap((d) => (d.ok && d.describe ? [d.describe] : []));
    const bench = createBench({
      read,
      program,
      registry: o.registry,
      ruleset,
      tape: assumptions.tape,
      queries,
      ...(o.nodesMax === undefined ? {} : { nodesMax: o.nodesMax }),
      ...(o.meter === undefined ? {} : { meter: o.meter }),
    });
    for (const [index, section] of sections.entries()) {
      const d = described[index];
      if (d?.ok !== true || d.describe === undefined) continue;
      const found = draftsOf(bench, d.describe, section, families.length > 1, context);
      drafts.push(...found.tests);
      unsaid += found.unsaid;
    }
  }
  const policy: Policy = { names: noNames, tests: drafts.map((d) => d.test) };
  const run = runPolicy(texts, policy, o);
  const holds = new Set(['passed', 'allowed']);
  const passed = new Set(run.tests.filter((t) => holds.has(t.verdict)).map((t) => t.test));
  const tests = drafts.filter((d) => passed.has(d.test));
  return { tests, unsaid: unsaid + drafts.length - tests.length };
}

/** What a section's packets are, and what else is said of them. */
interface Part {
  readonly describe: Description;
  readonly options: string;
}

/**
 * One test for each rule or policy that ends packets of this way, in the order of the rules. What depends on the
 * interface by which packets leave is told for each of them; what depends on something else may hold.
 */
function draftsOf(
  bench: Bench,
  describe: Description,
  { title, local, options: [options] }: (typeof sections)[number],
  both: boolean,
  context: ReadingContext,
): { readonly tests: readonly TodayTest[]; readonly unsaid: number } {
  const { family } = bench.ruleset.linked.ruleset;
  const section = both ? `${title} (${family === 'ipv4' ? 'IPv4' : 'IPv6'})` : title;
  const base = { section, local, family: both ? family : undefined };
  const first = told(bench, { describe, options }, base, context, 'sure');
  const tests = [...first.tests];
  let rest: ReadonlySet<string> = first.unsaid;
  if (!local && rest.size > 0)
    for (const name of bench.program.namedInterfaces) {
      if (name === 'lo') continue;
      const out = readExpression(unplaced(`-o ${name}`), context);
      if (!out.ok || out.describe === undefined) continue;
      const leaving = out.describe;
      const part: Part = {
        describe: (space) => space.and(describe(space), leaving(space)),
        options: `${options} -o ${name}`,
      };
      const found = told(bench, part, base, context, 'sure', rest);
      tests.push(...found.tests);
      rest = new Set([...rest].filter((key) => !found.said.has(key)));
    }
  const open = told(bench, { describe, options }, base, context, 'open', rest);
  tests.push(...open.tests);
  return { tests, unsaid: [...rest].filter((key) => !open.said.has(key)).length };
}

/** Tests about one part; `only`: of these rules and policies. By keys of {@link deciderKey} with their fates. */
function told(
  bench: Bench,
  { describe, options }: Part,
  base: { readonly section: string; readonly local: boolean; readonly family: Family | undefined },
  context: ReadingContext,
  how: 'sure' | 'open',
  only?: ReadonlySet<string>,
): {
  readonly tests: readonly TodayTest[];
  readonly said: ReadonlySet<string>;
  readonly unsaid: ReadonlySet<string>;
} {
  const { space } = bench.analysis.vocabulary;
  const asked = bench.asked(describe, base.local ? 'local' : 'arrive', false);
  const groups = bench.groups(bench.parts(asked)).filter((g) => g.fate !== 'route-drop');
  const whole = space.union(groups.map((g) => g.set));
  const tests: TodayTest[] = [];
  const said = new Set<string>();
  const unsaid = new Set<string>();
  for (const [index, group] of sorted(groups).entries()) {
    const key = `${group.fate} ${deciderKey(group.by)}`;
    if (only?.has(key) === false) continue;
    const expect = wordOfFate[group.fate];
    const wanted = expect === undefined ? [] : fatesOfExpectation[expect];
    const others = space.union(groups.filter((g) => !wanted.includes(g.fate)).map((g) => g.set));
    const sure: PacketSet = how === 'sure' ? space.diff(group.set, others) : group.set;
    const packets = index < groupsMax ? sayable(bench, sure, whole, context) : undefined;
    if (sure === space.none || expect === undefined || packets === undefined) {
      unsaid.add(key);
      continue;
    }
    said.add(key);
    const join = (line: string): string => [line, options].filter((part) => part !== '').join(' ');
    tests.push({
      section: base.section,
      test: {
        ...plainTest,
        name: `${nameOf(group, expect, how)}${options.includes(' -o ') ? ` to ${options.split(' ').at(-1)}` : ''}`,
        family: base.family,
        local: base.local,
        packets: wholeLines(packets).map((line) => unplaced(join(line))),
        except: packets.kind === 'all-but' ? packets.lines.map((line) => unplaced(line)) : [],
        expect,
        allowUnknown: how === 'open',
      },
    });
  }
  return { tests, said, unsaid };
}

/** The lines of a set before its exceptions are taken away. */
function wholeLines({ kind, lines, within }: SetDescription): readonly string[] {
  if (kind === 'these') return lines;
  return within.length === 0 ? [''] : within;
}

/** A set in words that an expression can say, and a reader still reads. */
function sayable(
  bench: Bench,
  sure: PacketSet,
  whole: PacketSet,
  context: ReadingContext,
): SetDescription | undefined {
  const { space } = bench.analysis.vocabulary;
  const careless = (['ctStatus', 'ctDirection', 'ctState', 'outInterface'] as const).filter((f) =>
    space.codec.fields.has(f),
  );
  const set = describeSet(space, space.forget(sure, careless), {
    care: space.forget(whole, careless),
    linesMax,
    boxesMax: 100,
  });
  // What no single rule can say, no expression can either.
  const fits =
    set.complete &&
    set.lineCount <= linesMax &&
    [...set.within, ...set.lines].every((line) => readExpression(unplaced(line), context).ok);
  return fits && set.kind !== 'nothing' && set.kind !== 'undecided' ? set : undefined;
}

/** Rules before policies; the order of sets stays otherwise, which is that of the rules. */
function sorted(groups: readonly Group[]): readonly Group[] {
  const rank = ({ by }: Group): number => (by === undefined ? 2 : by.kind === 'policy' ? 1 : 0);
  return [...groups].sort((a, b) => rank(a) - rank(b) || compare(a, b));
}

function compare(a: Group, b: Group): number {
  if (a.by?.kind === 'rule' && b.by?.kind === 'rule' && a.by.rule.chain === b.by.rule.chain)
    return a.by.rule.index - b.by.rule.index;
  return deciderKey(a.by) < deciderKey(b.by) ? -1 : 1;
}

const deeds: Readonly<Record<Expectation, string>> = {
  accept: 'lets pass',
  delivered: 'lets in',
  forwarded: 'lets through',
  sent: 'lets out',
  drop: 'drops',
  reject: 'rejects',
  blocked: 'stops',
};

const possibleDeeds: Readonly<Record<Expectation, string>> = {
  accept: 'may let pass',
  delivered: 'may let in',
  forwarded: 'may let through',
  sent: 'may let out',
  drop: 'may drop',
  reject: 'may reject',
  blocked: 'may stop',
};

/** Who does it, and the rule's own comment if it has one. */
function nameOf({ by }: Group, expect: Expectation, how: 'sure' | 'open'): string {
  const deed = (how === 'sure' ? deeds : possibleDeeds)[expect];
  if (by === undefined) return `no rule ${deed}`;
  const table = (name: string): string => (name === 'filter' ? '' : `${name} `);
  if (by.kind === 'policy') return `the policy of ${table(by.table)}${by.chain} ${deed} the rest`;
  const { rule } = by;
  const comment = rule.matches.find((m) => m.extension === 'comment')?.data as
    | { readonly text?: string }
    | undefined;
  const said = comment?.text === undefined ? '' : `: ${comment.text}`;
  return `rule ${rule.index + 1} of ${table(rule.table)}${rule.chain} ${deed}${said}`;
}
