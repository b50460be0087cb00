/** Rules under test: read once, asked many times. */

import { readFileSync } from 'node:fs';
import { createSources, type SourceText } from '../diagnostics/sources.ts';
import { compile, type Program } from '../engine/program.ts';
import { type ReadMachine, readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Family } from '../net/address.ts';
import { noNames, type PolicyNames } from '../policy/policy.ts';
import { defaultRegistry } from '../registry.ts';
import { printDiagnostic } from '../report/diagnostics.ts';
import { readAssumptions } from '../trace/assumptions.ts';
import { type PacketTrace, traceRead } from '../trace/trace-packet.ts';
import { plainStyle } from './plain-style.ts';

/** What else is to be said of rules. */
export interface RulesOptions {
  /** What is taken for granted, `KEY=VALUE` each as behind `--assume`: `forwarding=on`, `local=192.0.2.1`. */
  readonly assume?: readonly string[];
  /** For rules that do not tell: 4 or 6. */
  readonly family?: 4 | 6;
  /** Names for `@name` in packets: the parts of a policy file. */
  readonly networks?: Readonly<Record<string, string | readonly string[]>>;
  readonly zones?: Readonly<
    Record<
      string,
      { readonly interfaces?: readonly string[]; readonly networks?: string | readonly string[] }
    >
  >;
  readonly services?: Readonly<Record<string, string | readonly string[]>>;
}

/** Rules of one machine. To be had from {@link loadRules} or {@link rulesFromText}. */
export interface Rules {
  /** As the file is called, for messages. */
  readonly name: string;
  /** The rules first, then what else is known of the machine. */
  readonly texts: readonly SourceText[];
  readonly read: ReadMachine;
  readonly program: Program;
  readonly assume: readonly string[];
  readonly names: PolicyNames;
  readonly family: Family | undefined;
  /**
   * Walks one packet, as `fwsim trace` would; `packet` in match options.
   * @throws Error where the words are not one packet.
   */
  trace(packet: string | { readonly match: string; readonly local: boolean }, o?: WalkOptions): PacketTrace;
}

/** How a packet is walked. */
export interface WalkOptions {
  /** Also what is taken for granted for this one. */
  readonly assume?: readonly string[];
  /** Play the whole conversation that it opens. */
  readonly flow?: boolean;
  /** Do not walk its answer. */
  readonly noReply?: boolean;
}

/** The one registry of all rules: extensions are the same for everybody. */
export const registry = defaultRegistry();

/**
 * Reads the rules of a file, with what is known of their machine: files with the output of `ip -j addr`,
 * `ip route`, `sysctl`, `ipset save` in any order.
 * @throws Error where a file cannot be read, holds no rules, or has lines that iptables would refuse.
 */
export function loadRules(
  file: string | URL,
  context: string | URL | readonly (string | URL)[] = [],
  options: RulesOptions = {},
): Rules {
  const files = [
    file,
    ...(Array.isArray(context) ? (context as readonly (string | URL)[]) : [context as string]),
  ];
  return rulesOf(
    files.map((f) => ({ name: nameOf(f), text: readFileSync(f, 'utf8') })),
    options,
  );
}

const nameOf = (file: string | URL): string => (typeof file === 'string' ? file : file.pathname);

/**
 * The same for texts at hand.
 * @throws Error where they hold no rules, or lines that iptables would refuse.
 */
export function rulesFromText(
  rules: string,
  context: string | readonly string[] = [],
  options: RulesOptions = {},
): Rules {
  const contexts = typeof context === 'string' ? [context] : context;
  return rulesOf(
    [
      { name: 'rules', text: rules },
      ...contexts.map((text, i) => ({ name: i === 0 ? 'context' : `context ${i + 1}`, text })),
    ],
    options,
  );
}

/** What is wrong with rules or with a question about them; the message is for people, and ready to be printed. */
export class RulesError extends Error {
  override readonly name = 'RulesError';
}

/** Other texts of the machine of `like`; undefined where they cannot be loaded. */
export function rulesFromTexts(texts: readonly SourceText[], like: Rules): Rules | undefined {
  try {
    const family = like.family === undefined ? {} : ({ family: like.family === 'ipv4' ? 4 : 6 } as const);
    return { ...rulesOf(texts, { assume: like.assume, ...family }), names: like.names };
  } catch (error) {
    if (error instanceof RulesError) return undefined;
    throw error;
  }
}

function rulesOf(texts: readonly SourceText[], o: RulesOptions): Rules {
  const assume = o.assume ?? [];
  const assumptions = readAssumptions(assume);
  if ('diagnostics' in assumptions)
    throw new RulesError(assumptions.diagnostics.map((d) => d.message).join('\n'));
  const family = o.family === undefined ? undefined : o.family === 4 ? 'ipv4' : 'ipv6';
  const read = readMachine(texts, {
    registry,
    ...(family === undefined ? {} : { family }),
    assume: assumptions.forMachine,
  });
  const name = texts[0]?.name ?? '';
  const why = whyNothingToLookAt(read);
  if (why !== undefined) throw new RulesError(`${name}: ${why}`);
  const wrong = read.diagnostics.filter((d) => d.severity === 'error');
  if (wrong.length > 0) {
    const sources = createSources(texts);
    throw new RulesError(wrong.map((d) => printDiagnostic(d, sources, plainStyle)).join('\n'));
  }
  const program = compile(
    read.rulesets.map((r) => r.linked.ruleset),
    read.machine,
    registry,
  );
  return {
    name,
    texts,
    read,
    program,
    assume,
    family,
    names: namesOf(o),
    trace: (packet, walk = {}) => {
      const { match, local } = typeof packet === 'string' ? { match: packet, local: false } : packet;
      const { traced, refused, couldNotLook } = traceRead(read, () => program, {
        registry,
        expression: wordsOf(match),
        local,
        pick: true,
        assume: [...assume, ...(walk.assume ?? [])],
        ...(family === undefined ? {} : { family }),
        reply: walk.noReply !== true,
        flow: walk.flow === true,
      });
      if (refused) {
        const sources = createSources([refused.expressionText]);
        throw new RulesError(
          refused.diagnostics.map((d) => printDiagnostic(d, sources, plainStyle)).join('\n'),
        );
      }
      if (traced === undefined) throw new RulesError(couldNotLook ?? 'there is nothing to look at');
      return traced;
    },
  };
}

/** Words between blanks. */
export const wordsOf = (match: string): readonly string[] => match.split(/\s+/).filter((w) => w !== '');

function namesOf(o: RulesOptions): PolicyNames {
  const list = (one: string | readonly string[] | undefined): readonly string[] =>
    one === undefined ? [] : typeof one === 'string' ? [one] : one;
  if (o.networks === undefined && o.zones === undefined && o.services === undefined) return noNames;
  const lists = (all: Readonly<Record<string, string | readonly string[]>> | undefined) =>
    new Map(Object.entries(all ?? {}).map(([key, one]) => [key, list(one)]));
  return {
    networks: lists(o.networks),
    services: lists(o.services),
    zones: new Map(
      Object.entries(o.zones ?? {}).map(([key, zone]) => [
        key,
        { interfaces: zone.interfaces ?? [], networks: list(zone.networks) },
      ]),
    ),
  };
}
