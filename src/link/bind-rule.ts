/**
 * Turns one rule line into a rule: options to the extensions that own them, as iptables' option parser does it.
 *
 * Source: iptables 1.8.9 iptables/xshared.c do_parse(), libxtables/xtables.c xtables_merge_options(),
 * libxtables/xtoptions.c xtables_option_parse(), xtables_options_fcheck().
 */

import { didYouMean } from '../diagnostics/did-you-mean.ts';
import { noBase } from '../extensions/base.ts';
import {
  type BoundOption,
  type Extension,
  isRefusal,
  type MatchExtension,
  type OptionSpec,
  type ParseContext,
  type Refusal,
  type RuleContext,
  refuse,
  type TargetExtension,
} from '../extensions/define.ts';
import { readNetwork } from '../extensions/option-types.ts';
import type { Registry } from '../extensions/registry.ts';
import { type Backend, builtinHook, type Hook } from '../model/netfilter.ts';
import type { BaseMatch, Counters, Invertible, MatchUse, RuleTarget } from '../model/ruleset.ts';
import type { Family, Network } from '../net/address.ts';
import { prefixLength } from '../net/address.ts';
import { interfaceNameMax, interfacePattern } from '../net/interface-pattern.ts';
import { parseProtocol, protocolText } from '../net/protocols.ts';
import { type BaseOption, baseLongNames, baseOptions, lettersThatNeedAWord } from './base-options.ts';

/** Where and for whom rules are bound. */
export interface BindContext {
  readonly registry: Registry;
  readonly family: Family;
  readonly backend: Backend;
  readonly version: string;
  readonly setNames: ReadonlySet<string> | undefined;
  /** False where print must be exactly iptables-save's, even if it loses a condition. */
  readonly keepMeaning: boolean;
}

/** A complaint about a word of the line: index into the rule's words, and which part of that word. */
export interface RuleProblem {
  readonly id: string;
  readonly message: string;
  readonly severity: 'error' | 'warning' | 'info';
  /** Index of the word; -1: the whole line. */
  readonly word: number;
  /** The part of the word that is meant; undefined: all of it. */
  readonly part?: string;
  readonly hint?: string;
}

/** The command of a line with its operands. */
export interface RuleCommand {
  readonly letter: string;
  readonly operands: readonly string[];
  /** Index of the command's word, for messages. */
  readonly word: number;
}

/** A line as bound. Several sources or destinations make several bases: one rule each. */
export interface BoundRule {
  readonly command: RuleCommand | undefined;
  readonly table: string | undefined;
  readonly bases: readonly BaseMatch[];
  readonly matches: readonly MatchUse[];
  readonly target: RuleTarget;
  readonly counters: Counters | undefined;
  readonly problems: readonly RuleProblem[];
  /** Word index of the target's name, -1 if there is none. */
  readonly targetWord: number;
}

interface GivenOption {
  readonly key: string;
  negated: boolean;
  args: string[];
  /** Word index of the option itself. */
  readonly word: number;
}

interface Instance {
  readonly kind: 'match' | 'target';
  readonly name: string;
  readonly extension: Extension | undefined;
  /** Word index of the name; -1 if loaded by -p. */
  readonly word: number;
  readonly given: GivenOption[];
  /** Unknown extension: its words verbatim. */
  readonly verbatim: string[];
}

interface CachedUse {
  readonly use: MatchUse | Extract<RuleTarget, { kind: 'extension' }>;
  readonly refusal: Refusal | undefined;
}

/** Binds rules; equal uses of an extension share one object. */
export interface RuleBinder {
  bind(table: string, words: readonly string[], chainExists: (name: string) => boolean): BoundRule;
}

const verdicts = new Set(['ACCEPT', 'DROP', 'QUEUE', 'RETURN']);

/** Longest chain name, in bytes. Source: XT_EXTENSION_MAXNAMELEN. */
const chainNameMax = 28;

const specAliases = new WeakMap<Extension, ReadonlyMap<string, string>>();

/** Option names of an extension, aliases included, to the keys of its table. */
function optionKeys(extension: Extension): ReadonlyMap<string, string> {
  let map = specAliases.get(extension);
  if (!map) {
    const m = new Map<string, string>();
    for (const [key, spec] of Object.entries(extension.options)) {
      m.set(key, key);
      for (const alias of spec.aliases ?? []) m.set(alias, key);
    }
    specAliases.set(extension, m);
    map = m;
  }
  return map;
}

/** Words that need no quotes when an unknown extension's options are printed back. */
const bareWord = /^[^\s"\\]+$/;
const requote = (word: string): string =>
  bareWord.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`;

const hookWithoutIn: readonly (Hook | undefined)[] = ['OUTPUT', 'POSTROUTING'];
const hookWithoutOut: readonly (Hook | undefined)[] = ['INPUT', 'PREROUTING'];

/** Makes a binder for one ruleset. */
export function ruleBinder(context: BindContext): RuleBinder {
  const { registry, family, backend, version } = context;
  const uses = new Map<string, CachedUse>();

  function bind(table: string, words: readonly string[], chainExists: (name: string) => boolean): BoundRule {
    const problems: RuleProblem[] = [];
    const problem = (p: Omit<RuleProblem, 'severity'> & { severity?: RuleProblem['severity'] }): void => {
      problems.push({ severity: 'error', ...p });
    };
    const instances: Instance[] = [];
    const opaque: { words: string[] }[] = [];
    let command: RuleCommand | undefined;
    let tableOption: string | undefined;
    let protocol: Invertible<number> | undefined;
    let protocolUsed = false;
    let src: { text: string; negated: boolean; word: number } | undefined;
    let dst: typeof src;
    let inInterface: BaseMatch['inInterface'];
    let outInterface: BaseMatch['outInterface'];
    let inWord = -1;
    let outWord = -1;
    let fragment: BaseMatch['fragment'];
    let counters: Counters | undefined;
    let jump: { letter: 'j' | 'g'; name: string; word: number } | undefined;
    let invert = false;
    let invertWord = -1;
    let protocolName = '';

    const parseContext = (extension: string, option: string): ParseContext => ({
      family,
      backend,
      extension,
      option,
      protocol: protocol && !protocol.negated ? protocol.value : undefined,
      version,
    });

    /** Newest extension first, exact names before abbreviations: as getopt_long sees the merged list. */
    function resolve(name: string): { instance: Instance; key: string } | undefined {
      for (let i = instances.length - 1; i >= 0; i--) {
        const instance = instances[i] as Instance;
        const key = instance.extension && optionKeys(instance.extension).get(name);
        if (key !== undefined) return { instance, key };
      }
      return undefined;
    }

    function resolveAbbreviation(
      name: string,
    ): { instance?: Instance; key: string } | 'ambiguous' | undefined {
      const found: { instance?: Instance; key: string; name: string }[] = [];
      for (const long of baseLongNames) {
        if (long.startsWith(`--${name}`)) found.push({ key: long, name: long });
      }
      for (let i = instances.length - 1; i >= 0; i--) {
        const instance = instances[i] as Instance;
        if (!instance.extension) continue;
        for (const [alias, key] of optionKeys(instance.extension)) {
          if (alias.startsWith(name)) found.push({ instance, key, name: alias });
        }
      }
      const [first, ...rest] = found;
      if (!first) return undefined;
      const same = (f: (typeof found)[number]): boolean =>
        f.instance === first.instance &&
        (f.key === first.key ||
          baseOptions.get(f.key)?.letter === (baseOptions.get(first.key)?.letter ?? ''));
      return rest.every(same) ? first : 'ambiguous';
    }

    function load(kind: 'match' | 'target', name: string, word: number): Instance {
      const extension = kind === 'match' ? registry.match(name, family) : registry.target(name, family);
      const instance: Instance = {
        kind,
        name: extension?.name ?? name,
        extension,
        word,
        given: [],
        verbatim: [],
      };
      instances.push(instance);
      return instance;
    }

    /** -p loads its match only when an option asks for it, and only once. */
    function loadProtocolMatch(name: string): { instance: Instance; key: string } | undefined {
      if (!protocol || protocol.negated || protocolUsed) return undefined;
      const extension =
        registry.match(protocolName, family) ?? registry.match(protocolText(protocol.value), family);
      if (!extension) return undefined;
      const known = [...optionKeys(extension).keys()];
      if (!optionKeys(extension).has(name) && known.filter((k) => k.startsWith(name)).length !== 1)
        return undefined;
      if (instances.some((i) => i.kind === 'match' && i.name === extension.name)) return undefined;
      protocolUsed = true;
      const instance = load('match', extension.name, -1);
      return {
        instance,
        key:
          optionKeys(extension).get(name) ??
          optionKeys(extension).get(known.find((k) => k.startsWith(name)) ?? '') ??
          name,
      };
    }

    function unknownOption(word: string, at: number, args: readonly string[]): void {
      const name = word.replace(/^-+/, '').replace(/=.*$/s, '');
      const owners = [...registry.matches, ...registry.targets].filter(
        (e) => e.families.includes(family) && optionKeys(e).has(name),
      );
      const names = instances.flatMap((i) =>
        i.extension ? [...optionKeys(i.extension).keys()].map((k) => `--${k}`) : [],
      );
      const near = didYouMean(word.replace(/=.*$/s, ''), [...names, ...baseLongNames]);
      const owner = owners[0];
      const hint =
        owner && owner.kind === 'match'
          ? `it belongs to ${owners
              .slice(0, 3)
              .map((e) => `-${e.kind === 'match' ? 'm' : 'j'} ${e.name}`)
              .join(
                ', ',
              )}${owner.constraints.protocols ? ` (or -p ${protocolText(owner.constraints.protocols[0] ?? 0)})` : ''}, which must stand in front of it`
          : owner
            ? `it belongs to -j ${owner.name}`
            : near
              ? `did you mean ${near}?`
              : undefined;
      problem({
        id: 'unknown-option',
        message: `unknown option "${word}"`,
        word: at,
        ...(hint === undefined ? {} : { hint }),
      });
      opaque.push({ words: [...(invert ? ['!'] : []), word, ...args] });
    }

    // ---------------------------------------------------------------- the walk over the words
    let i = 0;
    const nextIsOperand = (): boolean =>
      i < words.length && !/^-[-A-Za-z]/.test(words[i] ?? '') && words[i] !== '!';
    while (i < words.length) {
      const at = i;
      const word = words[i++] as string;
      if (word === '!') {
        if (invert)
          problem({ id: 'double-negation', message: "multiple consecutive `!' not allowed", word: at });
        invert = true;
        invertWord = at;
        continue;
      }
      if (!word.startsWith('-') || word === '-' || word === '') {
        problem({
          id: 'bad-argument',
          message: `Bad argument \`${word}'`,
          word: at,
          ...(jump === undefined && verdicts.has(word.toUpperCase())
            ? { hint: `a target needs -j in front: -j ${word.toUpperCase()}` }
            : {}),
        });
        invert = false;
        continue;
      }

      // ---------------------------------------------------------------- which option is it?
      let base: BaseOption | undefined = baseOptions.get(word);
      let found: { instance: Instance; key: string } | undefined;
      let attached: string | undefined;
      if (!base) {
        const equals = word.startsWith('--') ? word.indexOf('=') : -1;
        const plain = equals < 0 ? word : word.slice(0, equals);
        if (equals >= 0) attached = word.slice(equals + 1);
        if (plain.startsWith('--')) {
          const name = plain.slice(2);
          base = equals >= 0 ? baseOptions.get(plain) : undefined;
          if (!base) {
            found = resolve(name) ?? (name === '' ? undefined : loadProtocolMatch(name));
            if (!found) {
              const short = name === '' ? undefined : resolveAbbreviation(name);
              if (short === 'ambiguous') {
                problem({
                  id: 'ambiguous-option',
                  message: `unknown option "${word}"`,
                  word: at,
                  hint: 'several options begin like this: write it out',
                });
                opaque.push({ words: [...(invert ? ['!'] : []), word] });
                invert = false;
                while (nextIsOperand()) opaque.at(-1)?.words.push(words[i++] as string);
                continue;
              }
              if (short?.instance) found = { instance: short.instance, key: short.key };
              else if (short) base = baseOptions.get(short.key);
            }
          }
        } else {
          // A short option with its value in the same word: -ptcp.
          base = baseOptions.get(word.slice(0, 2));
          if (base && word.length > 2) attached = word.slice(2);
        }
        if (base && attached !== undefined && (base.words > 0 || base.command)) {
          if (lettersThatNeedAWord.has(base.letter)) {
            problem({
              id: 'attached-value',
              message:
                base.letter === 'p'
                  ? `unknown protocol "${word}" specified`
                  : `host/network \`${word}' not found`,
              word: at,
              hint: `the restore programs want a blank between option and value: ${word.slice(0, word.length - attached.length).replace(/=$/, '')} ${attached}`,
            });
          }
        } else if (base && attached !== undefined) {
          problem({ id: 'unknown-option', message: `unknown option "${word}"`, word: at });
          attached = undefined;
        }
      }

      // ---------------------------------------------------------------- its words
      const take = (count: number): string[] | undefined => {
        const args: string[] = [];
        if (attached !== undefined) args.push(attached);
        while (args.length < count && i < words.length) args.push(words[i++] as string);
        return args.length < count ? undefined : args;
      };
      const negated = invert;
      invert = false;
      const cannotInvert = (): void => {
        if (negated)
          problem({
            id: 'cannot-invert',
            message: `unexpected ! flag before ${base?.letter.length === 1 && !word.startsWith('--') ? word : word}`,
            word: invertWord,
          });
      };

      if (base) {
        let args = take(base.words) ?? [];
        if (args.length < base.words) {
          problem({ id: 'missing-argument', message: `option "${word}" requires an argument`, word: at });
          continue;
        }
        for (let k = 0; k < base.optional && nextIsOperand(); k++) {
          // "-I CHAIN" and "-D CHAIN" take a number, "-c 5,6" needs no second word.
          const operand = words[i] ?? '';
          if ((base.letter === 'I' || base.letter === 'D') && !/^\d+$/.test(operand)) break;
          if (base.letter === 'c' && (/,/.test(args[0] ?? '') || !/^\d/.test(operand))) break;
          if (base.letter === 'w' && !/^\d+$/.test(operand)) break;
          args.push(words[i++] as string);
        }
        let flip = negated;
        // Old spelling "-s ! net": refused since 1.4.3, read all the same.
        if (args[0] === '!' && base.words === 1 && i < words.length && nextIsOperand()) {
          const value = words[i++] as string;
          const quoted = base.letter === 'p' ? at + 1 : at + 2;
          problem({
            id: 'old-negation',
            message: base.letter === 'p' ? 'unknown protocol "!" specified' : `Bad argument \`${value}'`,
            word: quoted,
            hint: `"!" stands in front of the option now: ! ${word} ${value}; read like that`,
          });
          args = [value];
          flip = !flip;
        }
        const value = args[0] ?? '';
        switch (base.letter) {
          case 's':
          case 'd': {
            const given = { text: value, negated: flip, word: i - 1 };
            if ((base.letter === 's' ? src : dst) !== undefined) {
              problem({ id: 'repeated-option', message: `multiple ${word} flags not allowed`, word: at });
            }
            if (base.letter === 's') src = given;
            else dst = given;
            break;
          }
          case 'p': {
            const number = parseProtocol(value);
            if (protocolName !== '')
              problem({ id: 'repeated-option', message: `multiple ${word} flags not allowed`, word: at });
            if (number === undefined) {
              const near = didYouMean(value.toLowerCase(), [
                'tcp',
                'udp',
                'icmp',
                'icmpv6',
                'esp',
                'ah',
                'sctp',
                'gre',
                'all',
                'udplite',
                'dccp',
                'igmp',
                'ospf',
              ]);
              problem({
                id: 'unknown-protocol',
                message: `unknown protocol "${value}" specified`,
                word: i - 1,
                ...(near ? { hint: `did you mean ${near}?` } : {}),
              });
              opaque.push({ words: [...(flip ? ['!'] : []), '-p', value] });
            } else if (number === 0) {
              if (flip)
                problem({ id: 'never-matches', message: 'rule would never match protocol', word: i - 1 });
            } else {
              protocol = { value: number, negated: flip };
              protocolName = value.toLowerCase();
              const never = family === 'ipv6' && !flip && [0, 43, 44, 51, 60].includes(number);
              if (never) {
                problem({
                  id: 'never-matches',
                  severity: 'warning',
                  message: `Warning: never matched protocol: ${protocolText(number)}. use extension match instead.`,
                  word: i - 1,
                });
              }
            }
            break;
          }
          case 'i':
          case 'o': {
            if (value === '')
              problem({
                id: 'empty-interface',
                message: 'Empty interface is likely to be undesired',
                word: i - 1,
              });
            else if (new TextEncoder().encode(value).length > interfaceNameMax) {
              problem({
                id: 'interface-too-long',
                message: `interface name \`${value}' must be shorter than IFNAMSIZ (${interfaceNameMax})`,
                word: i - 1,
              });
            } else if (/[/ ]/.test(value)) {
              problem({
                id: 'odd-interface',
                severity: 'warning',
                message: `Warning: weird character in interface \`${value}' ('/' and ' ' are not allowed by the kernel).`,
                word: i - 1,
              });
            }
            const pattern = interfacePattern(value);
            const empty = pattern.name === '' && (!flip || backend === 'legacy');
            const condition = empty ? undefined : { value: pattern, negated: flip };
            if (base.letter === 'i') {
              inInterface = condition;
              inWord = at;
            } else {
              outInterface = condition;
              outWord = at;
            }
            break;
          }
          case 'f':
            if (family === 'ipv6')
              problem({
                id: 'unknown-option',
                message: `unknown option "${word}"`,
                word: at,
                hint: 'IPv6 fragments: -m frag',
              });
            else fragment = { value: true, negated: flip };
            break;
          case 'm': {
            cannotInvert();
            const instance = load('match', value, i - 1);
            if (!instance.extension) {
              const near = didYouMean(
                value,
                registry.matches.filter((m) => m.families.includes(family)).map((m) => m.name),
              );
              problem({
                id: 'unknown-match',
                message: `Couldn't load match \`${value}': no extension of iptables ${version} has this name`,
                word: i - 1,
                hint: near ? `did you mean ${near}?` : 'kept as it is; what it matches is not known',
              });
            }
            break;
          }
          case 'j':
          case 'g':
            cannotInvert();
            if (jump) {
              problem({
                id: 'repeated-option',
                message: `multiple -${jump.letter} flags not allowed`,
                word: at,
              });
              break;
            }
            jump = { letter: base.letter, name: value, word: i - 1 };
            if (base.letter === 'j' && !verdicts.has(value) && registry.target(value, family))
              load('target', value, i - 1);
            break;
          case 'c': {
            const [packets = '', bytes] = args.length > 1 ? args : value.split(',');
            const numeric = (x: string | undefined): x is string => x !== undefined && /^\d+$/.test(x);
            if (packets === '' || bytes === undefined)
              problem({ id: 'bad-counters', message: '-c requires packet and byte counter', word: at });
            else if (!numeric(packets))
              problem({ id: 'bad-counters', message: '-c packet counter not numeric', word: at });
            else if (!numeric(bytes))
              problem({ id: 'bad-counters', message: '-c byte counter not numeric', word: at });
            else counters = { packets: Number(packets), bytes: Number(bytes) };
            break;
          }
          case 't':
            tableOption = value;
            break;
          default:
            if (base.command) {
              cannotInvert();
              if (command) {
                problem({
                  id: 'repeated-command',
                  message: `Cannot use -${base.letter} with -${command.letter}`,
                  word: at,
                });
              } else command = { letter: base.letter, operands: args, word: at };
            }
        }
        continue;
      }

      if (found) {
        const { instance, key } = found;
        const spec = instance.extension?.options[key] as OptionSpec<unknown>;
        const arity = spec.type.arity;
        const args = take(arity);
        if (attached !== undefined && arity === 0) {
          problem({ id: 'unknown-option', message: `unknown option "${word}"`, word: at });
        }
        if (!args) {
          const short = i - at - 1;
          problem({
            id: 'missing-argument',
            message:
              short > 0 && spec.type.missing ? spec.type.missing : `option "--${key}" requires an argument`,
            word: at,
          });
          opaque.push({ words: [...(negated ? ['!'] : []), ...words.slice(at, i)] });
          continue;
        }
        instance.given.push({ key, negated, args: arity === 0 ? [] : args, word: at });
        // Old spelling "--dport ! 22".
        if (args[0] === '!' && arity >= 1 && spec.invertible && nextIsOperand()) {
          const rest = [...args.slice(1), words[i++] as string];
          const given = instance.given.at(-1) as GivenOption;
          const first = spec.type.parse(args, parseContext(instance.name, `--${key}`));
          const refusal = isRefusal(first) ? first : refuse('bad-value', `Bad argument \`${rest.at(-1)}'`);
          problem({
            id: 'old-negation',
            message: refusal.message,
            word: refusal.word === '!' || refusal.word === undefined ? at + 1 : at,
            hint: `"!" stands in front of the option now: ! ${word} ${rest.join(' ')}; read like that`,
          });
          given.negated = !negated;
          given.args = rest;
        }
        continue;
      }

      // ---------------------------------------------------------------- nobody's option
      const args: string[] = [];
      while (nextIsOperand()) args.push(words[i++] as string);
      const unknown = instances.findLast((x) => !x.extension);
      if (unknown) unknown.verbatim.push([...(negated ? ['!'] : []), word, ...args].map(requote).join(' '));
      else if (
        jump &&
        !verdicts.has(jump.name) &&
        !chainExists(jump.name) &&
        !instances.some((x) => x.kind === 'target')
      ) {
        // A target that nobody knows, with options of its own.
        const instance = load('target', jump.name, jump.word);
        instance.verbatim.push([...(negated ? ['!'] : []), word, ...args].map(requote).join(' '));
      } else {
        invert = negated;
        unknownOption(word, at, args);
        invert = false;
      }
    }
    if (invert)
      problem({ id: 'dangling-negation', message: 'nothing appropriate following !', word: invertWord });

    // ---------------------------------------------------------------- addresses
    const networks = (given: typeof src, option: string): readonly (Invertible<Network> | undefined)[] => {
      if (!given) return [undefined];
      const parts = given.text.split(',');
      if (parts.length > 1 && given.negated) {
        problem({
          id: 'negated-list',
          message: '! not allowed with multiple source or destination IP addresses',
          word: given.word,
        });
        opaque.push({ words: ['!', option, given.text] });
        return [undefined];
      }
      const out: (Invertible<Network> | undefined)[] = [];
      for (const part of parts) {
        const net = readNetwork({ family, option }, part);
        if (isRefusal(net)) {
          problem({
            id: net.id,
            message: net.message,
            word: given.word,
            ...(net.word === undefined ? {} : { part: net.word }),
            ...(net.hint === undefined ? {} : { hint: net.hint }),
          });
          opaque.push({ words: [...(given.negated ? ['!'] : []), option, given.text] });
          return [undefined];
        }
        const any = prefixLength(net.mask) === 0;
        if (any && given.negated && backend === 'nft') {
          problem({
            id: 'negated-any',
            message: `! ${option} ${part} matches nothing; iptables-nft refuses it (Invalid argument)`,
            word: given.word,
          });
        }
        out.push(any && !given.negated ? undefined : { value: net, negated: given.negated });
      }
      return out;
    };
    const sources = networks(src, '-s');
    const destinations = networks(dst, '-d');

    // ---------------------------------------------------------------- the hook's own limits
    const chain = command?.operands[0] ?? '';
    const effectiveTable = tableOption ?? table;
    const hook = builtinHook(effectiveTable, chain);
    const isRule = command === undefined || 'ADIRC'.includes(command.letter);
    if (isRule && inWord >= 0 && hookWithoutIn.includes(hook)) {
      problem({
        id: 'interface-in-wrong-hook',
        message: `Can't use -i with ${chain}`,
        word: inWord,
        hint: `${chain} has no incoming interface; use -o, or a chain that does`,
      });
    }
    if (isRule && outWord >= 0 && hookWithoutOut.includes(hook)) {
      problem({
        id: 'interface-in-wrong-hook',
        message: `Can't use -o with ${chain}`,
        word: outWord,
        hint: `${chain} has no outgoing interface; use -i, or a chain that does`,
      });
    }

    const baseOf = (s: Invertible<Network> | undefined, d: Invertible<Network> | undefined): BaseMatch =>
      s === undefined && d === undefined && !protocol && !inInterface && !outInterface && !fragment
        ? noBase
        : { src: s, dst: d, protocol, inInterface, outInterface, fragment };
    const bases: BaseMatch[] = [];
    for (const s of sources) for (const d of destinations) bases.push(baseOf(s, d));

    // ---------------------------------------------------------------- the extensions' data
    const ruleContext: RuleContext = {
      family,
      backend,
      version,
      table: effectiveTable,
      chain,
      hook,
      base: bases[0] ?? noBase,
      matchNames: instances.filter((x) => x.kind === 'match').map((x) => x.name),
      setNames: context.setNames,
    };
    const report = (instance: Instance, refusal: Refusal): void => {
      const place = placeOf(instance, refusal, words);
      problem({
        id: refusal.id,
        message: refusal.message,
        ...place,
        ...(refusal.hint === undefined ? {} : { hint: refusal.hint }),
      });
    };
    const matches: MatchUse[] = opaque.map(({ words: w }) => ({
      extension: w[0] === '!' ? (w[1] ?? '!') : (w[0] ?? ''),
      known: false,
      data: undefined,
      text: w.map(requote).join(' '),
    }));
    let target: RuleTarget = { kind: 'none' };
    for (const instance of instances) {
      const cached = useOf(instance, ruleContext, parseContext);
      if (cached.refusal) report(instance, cached.refusal);
      if (instance.kind === 'match') matches.push(cached.use as MatchUse);
      else target = cached.use as RuleTarget;
      const { extension } = instance;
      if (extension && !cached.refusal) {
        const refusal = constraintRefusal(extension, cached.use.data, ruleContext);
        if (refusal) report(instance, refusal);
      }
    }
    if (jump && target.kind === 'none') {
      const { letter, name, word } = jump;
      if (letter === 'j' && verdicts.has(name)) {
        target = { kind: 'verdict', verdict: name as 'ACCEPT' };
        if (name === 'QUEUE' && backend === 'nft') {
          problem({
            id: 'verdict-not-in-nft',
            message: 'QUEUE does not load with iptables-nft (No such file or directory)',
            word,
            hint: 'use -j NFQUEUE',
          });
        }
      } else {
        const isRuleLine = command !== undefined && isRule;
        if (name === '') {
          problem({ id: 'invalid-chain', message: 'Invalid target name (zero length)', word });
        } else if (builtinHook(effectiveTable, name) && chainExists(name)) {
          problem({
            id: 'jump-to-builtin',
            message: `Chain '${name}' is a built-in chain: a rule cannot jump to it`,
            word,
          });
        } else if (isRuleLine && !chainExists(name)) {
          const lower = didYouMean(name, [
            ...verdicts,
            ...registry.targets.filter((x) => x.families.includes(family)).map((x) => x.name),
          ]);
          problem({
            id: 'unknown-chain',
            message: `Chain '${name}' does not exist, and no target has this name`,
            word,
            hint: lower
              ? `did you mean ${lower}?`
              : `declare it with ":${name} - [0:0]" in *${effectiveTable}, if it is a chain`,
          });
        }
        target = { kind: letter === 'g' ? 'goto' : 'jump', chain: name };
      }
    }
    if (command && isRule && new TextEncoder().encode(chain).length > chainNameMax) {
      problem({
        id: 'chain-name-too-long',
        message: `chain name \`${chain}' too long (must be under ${chainNameMax + 1} chars)`,
        word: command.word + 1,
      });
    }
    return {
      command,
      table: tableOption,
      bases,
      matches,
      target,
      counters,
      problems,
      targetWord: jump?.word ?? -1,
    };
  }

  /** Binds an instance, or takes what an equal one gave before. */
  function useOf(
    instance: Instance,
    rule: RuleContext,
    parseContext: (extension: string, option: string) => ParseContext,
  ): CachedUse {
    const { extension, name, kind } = instance;
    const flag = kind === 'match' ? '-m' : '-j';
    if (!extension) {
      const text = [`${flag} ${requote(name)}`, ...instance.verbatim].join(' ');
      return {
        use:
          kind === 'match'
            ? { extension: name, known: false, data: undefined, text }
            : { kind: 'extension', extension: name, known: false, data: undefined, text },
        refusal: undefined,
      };
    }
    const p = rule.base.protocol;
    let key = `${kind} ${name} ${p ? (p.negated ? -p.value : p.value) : ''} ${rule.table} ${rule.hook ?? ''}`;
    for (const g of instance.given)
      key += `\u0000${g.negated ? '!' : ''}${g.key}\u0001${g.args.join('\u0001')}`;
    const hit = uses.get(key);
    if (hit) return hit;
    const bound = bindInstance(extension, instance.given, rule, parseContext);
    let cached: CachedUse;
    if (isRefusal(bound)) {
      const text = [
        `${flag} ${name}`,
        ...instance.given.map((g) =>
          [...(g.negated ? ['!'] : []), `--${g.key}`, ...g.args.map(requote)].join(' '),
        ),
      ].join(' ');
      cached = {
        use:
          kind === 'match'
            ? { extension: name, known: false, data: undefined, text }
            : { kind: 'extension', extension: name, known: false, data: undefined, text },
        refusal: bound,
      };
    } else {
      const printContext = { family, backend, version, base: rule.base, keepMeaning: context.keepMeaning };
      const text = extension.vanishes?.(bound, printContext)
        ? ''
        : [`${flag} ${extension.name}`, ...extension.print(bound, printContext)].join(' ');
      cached = {
        use:
          kind === 'match'
            ? { extension: extension.name, known: true, data: bound, text }
            : { kind: 'extension', extension: extension.name, known: true, data: bound, text },
        refusal: undefined,
      };
    }
    uses.set(key, cached);
    return cached;
  }

  return { bind };
}

function bindInstance(
  extension: Extension,
  given: readonly GivenOption[],
  rule: RuleContext,
  parseContext: (extension: string, option: string) => ParseContext,
): object | Refusal {
  const name = extension.name;
  const bound: Record<string, BoundOption<unknown> | BoundOption<unknown>[] | undefined> = {};
  for (const [key, spec] of Object.entries(extension.options)) if (spec.multiple) bound[key] = [];
  for (const [position, g] of given.entries()) {
    const spec = extension.options[g.key] as OptionSpec<unknown>;
    const option = `--${g.key}`;
    const before = bound[g.key];
    if (before !== undefined && !Array.isArray(before)) {
      return refuse('repeated-option', `${name}: option "${option}" can only be used once.`, {
        option,
        word: option,
      });
    }
    if (g.negated && !spec.invertible) {
      return refuse('cannot-invert', `${name}: option "${option}" cannot be inverted.`, {
        option,
        word: option,
      });
    }
    const value = spec.type.parse(g.args, parseContext(name, option));
    if (isRefusal(value)) return value;
    const entry: BoundOption<unknown> = { value, negated: g.negated, words: g.args, position };
    if (Array.isArray(before)) before.push(entry);
    else bound[g.key] = entry;
  }
  const has = (key: string): boolean => {
    const b = bound[key];
    return Array.isArray(b) ? b.length > 0 : b !== undefined;
  };
  for (const [key, spec] of Object.entries(extension.options)) {
    if (spec.required && !has(key))
      return refuse('missing-option', `${name}: option "--${key}" must be specified`);
    if (!has(key)) continue;
    for (const other of spec.requires ?? []) {
      if (!has(other))
        return refuse('missing-option', `${name}: option "--${key}" also requires "--${other}".`, {
          option: `--${key}`,
          word: `--${key}`,
        });
    }
    for (const other of spec.excludes ?? []) {
      if (has(other)) {
        return refuse(
          'excluded-option',
          `${name}: option "--${key}" cannot be used together with "--${other}".`,
          { option: `--${key}`, word: `--${key}` },
        );
      }
    }
  }
  return extension.bind(bound as never, rule);
}

/** What the kernel's checkentry, and iptables' own final check, would say of the place of this use. */
function constraintRefusal(
  extension: MatchExtension | TargetExtension,
  data: unknown,
  rule: RuleContext,
): Refusal | undefined {
  const { constraints } = extension;
  const p = rule.base.protocol;
  if (constraints.protocols && (!p || p.negated || !constraints.protocols.includes(p.value))) {
    const wanted = constraints.protocols.map((n) => `-p ${protocolText(n)}`).join(' or ');
    return refuse(
      'needs-protocol',
      constraints.protocolMessage ??
        `${extension.name} needs ${wanted}; without it the kernel refuses the rule (Invalid argument)`,
      { hint: `add ${wanted}` },
    );
  }
  if (constraints.tables && !constraints.tables.some((t) => t === rule.table)) {
    return refuse(
      'wrong-table',
      `${extension.name} works in table ${constraints.tables.join(', ')} only; in ${rule.table} the kernel refuses the rule (Invalid argument)`,
    );
  }
  if (constraints.hooks && rule.hook && !constraints.hooks.includes(rule.hook)) {
    return refuse(
      'wrong-hook',
      `${extension.name} works in ${constraints.hooks.join(', ')} only; in ${rule.hook} the kernel refuses the rule (Invalid argument)`,
    );
  }
  return extension.check?.(data as never, rule);
}

/** Finds the word that a refusal is about. */
function placeOf(
  instance: Instance,
  refusal: Refusal,
  words: readonly string[],
): { word: number; part?: string } {
  const { word, option } = refusal;
  const candidates =
    option === undefined ? instance.given : instance.given.filter((g) => `--${g.key}` === option);
  const lists = candidates.length > 0 ? candidates : instance.given;
  if (word !== undefined) {
    for (const g of [...lists].reverse()) {
      const last = g.word + g.args.length;
      for (let w = g.word; w <= Math.max(last, g.word); w++) {
        if (words[w] === word) return { word: w };
      }
      for (let w = g.word + 1; w <= last; w++)
        if (word !== '' && words[w]?.includes(word)) return { word: w, part: word };
      if (word === `--${g.key}` || word === option) return { word: g.word };
    }
    const anywhere = words.indexOf(word);
    if (anywhere >= 0) return { word: anywhere };
  }
  const g = candidates.at(-1);
  if (option !== undefined && g) return { word: g.word };
  if (instance.word >= 0) return { word: instance.word };
  return { word: lists.at(-1)?.word ?? -1 };
}
