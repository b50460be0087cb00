import type { Family } from '../../net/address.ts';
import { parseUnsigned } from '../../net/integer-text.ts';
import { defineTarget, type OptionType, type Refusal, refuse } from '../define.ts';
import { bareText, flag, freeText, wordSet } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** A number, or the packet's mark. */
type ZoneId = number | 'mark';

/** What one `-j CT` says, as data. */
export interface CtData {
  readonly notrack: boolean;
  readonly helper: string | undefined;
  readonly timeoutPolicy: string | undefined;
  /** Bit i stands for the i-th of the events new, related, destroy, … */
  readonly ctEvents: number;
  readonly expEvents: number;
  readonly zone: { readonly id: ZoneId; readonly direction: 'both' | 'original' | 'reply' };
}

const ctEventNames = [
  'new',
  'related',
  'destroy',
  'reply',
  'assured',
  'protoinfo',
  'helper',
  'mark',
  'natseqinfo',
  'secmark',
] as const;
const expEventNames = ['new'] as const;

/** Event names are compared exactly; `wordSet` would take any case. */
function events(names: readonly string[]): OptionType<number> {
  const set = wordSet(names, (word) => `Unknown event type "${word}"`);
  return {
    ...set,
    parse(words, context) {
      const wrong = (words[0] ?? '').split(',').find((word) => !names.includes(word));
      return wrong === undefined
        ? set.parse(words, context)
        : refuse('bad-value', `Unknown event type "${wrong}"`, {
            word: wrong === '' ? (words[0] ?? '') : wrong,
            option: context.option,
            hint: `one of ${names.join(', ')}`,
          });
    },
  };
}

const eventsText = (names: readonly string[], bits: number): string =>
  names.filter((_, i) => (bits >> i) & 1).join(',');

const zoneId: OptionType<ZoneId> = {
  arity: 1,
  placeholder: '{id|mark}',
  shape: {
    kind: 'choice',
    of: [
      { kind: 'integer', min: 0, max: 65535 },
      { kind: 'words', values: ['mark'] },
    ],
  },
  parse(words, context) {
    const word = words[0] ?? '';
    if (word.toLowerCase() === 'mark') return 'mark';
    return (
      parseUnsigned(word, 65535) ??
      refuse('bad-value', `Cannot parse ${word} as a zone ID`, {
        word: word === '' ? context.option : word,
        option: context.option,
        hint: '0 to 65535, or mark',
      })
    );
  },
};

/** The helpers in the kernel: protocol numbers by family. Source: net/netfilter/nf_conntrack_*.c, seen on 6.18. */
const kernelHelpers: Readonly<Record<string, Readonly<Record<Family, readonly number[]>>>> = {
  ftp: { ipv4: [6], ipv6: [6] },
  tftp: { ipv4: [17], ipv6: [17] },
  sip: { ipv4: [6, 17], ipv6: [6, 17] },
  sane: { ipv4: [6], ipv6: [6] },
  amanda: { ipv4: [17], ipv6: [17] },
  RAS: { ipv4: [17], ipv6: [17] },
  'Q.931': { ipv4: [6], ipv6: [6] },
  irc: { ipv4: [6], ipv6: [] },
  pptp: { ipv4: [6], ipv6: [] },
  'netbios-ns': { ipv4: [17], ipv6: [] },
  snmp: { ipv4: [17], ipv6: [] },
  snmp_trap: { ipv4: [17], ipv6: [] },
};

/** Makes the packet untracked, or chooses zone, helper and timeouts of the entry that conntrack will make for it. */
export const CT = defineTarget({
  name: 'CT',
  families: ['ipv4', 'ipv6'],
  options: {
    notrack: { type: flag },
    helper: { type: freeText(15, { tooLong: 'cut' }) },
    timeout: { type: freeText(31, { tooLong: 'cut' }) },
    ctevents: { type: events(ctEventNames) },
    expevents: { type: events(expEventNames) },
    'zone-orig': { type: zoneId },
    'zone-reply': { type: zoneId },
    zone: { type: zoneId },
  },
  constraints: { tables: ['raw'] },
  needs: ['conntrack'],
  usesConntrack: (d: CtData) => !d.notrack,
  bind: (o): CtData => {
    const zones = [o.zone, o['zone-orig'], o['zone-reply']].flatMap((z) => z ?? []);
    // Directions add up, the last id counts; but once said, `mark` stays.
    const last = zones.reduce<(typeof zones)[number] | undefined>(
      (a, b) => (a && a.position > b.position ? a : b),
      undefined,
    );
    const id = zones.some((z) => z.value === 'mark') ? 'mark' : (last?.value ?? 0);
    return {
      notrack: o.notrack !== undefined,
      helper: o.helper?.value || undefined,
      timeoutPolicy: o.timeout?.value || undefined,
      ctEvents: o.ctevents?.value ?? 0,
      expEvents: o.expevents?.value ?? 0,
      zone: {
        id,
        direction:
          id === 0 || (o['zone-orig'] !== undefined) === (o['zone-reply'] !== undefined)
            ? 'both'
            : o['zone-orig']
              ? 'original'
              : 'reply',
      },
    };
  },
  check: (d, { base, family }): Refusal | undefined => {
    if (d.notrack) return undefined;
    const protocol = base.protocol?.negated ? undefined : base.protocol?.value;
    for (const name of ['helper', 'timeout'] as const) {
      if ((name === 'helper' ? d.helper : d.timeoutPolicy) !== undefined && protocol === undefined) {
        return refuse('needs-protocol', `CT --${name} needs a protocol: the kernel refuses it without -p`, {
          option: `--${name}`,
          hint: 'add -p tcp or -p udp',
        });
      }
    }
    if (d.helper === undefined || protocol === undefined) return undefined;
    const known = Object.hasOwn(kernelHelpers, d.helper) ? kernelHelpers[d.helper] : undefined;
    if (known?.[family].includes(protocol)) return undefined;
    // Others may come from user space (nfct helper add) or carry a port (ftp-2121).
    if (!known && Object.keys(kernelHelpers).every((name) => name.toLowerCase() !== d.helper?.toLowerCase()))
      return undefined;
    return refuse('unknown-helper', `no helper "${d.helper}" for this protocol (No such file or directory)`, {
      word: d.helper,
      option: '--helper',
      hint: known ? 'it belongs to another protocol or family' : 'names of helpers are case sensitive',
    });
  },
  print: (d, context) => {
    const { id, direction } = d.zone;
    const zone = { both: 'zone', original: 'zone-orig', reply: 'zone-reply' }[direction];
    return [
      ...(d.notrack ? [option('notrack')] : []),
      ...(d.helper === undefined ? [] : [option('helper', bareText(d.helper, context))]),
      ...(d.timeoutPolicy === undefined ? [] : [option('timeout', bareText(d.timeoutPolicy, context))]),
      ...(d.ctEvents === 0 ? [] : [option('ctevents', eventsText(ctEventNames, d.ctEvents))]),
      ...(d.expEvents === 0 ? [] : [option('expevents', eventsText(expEventNames, d.expEvents))]),
      ...(id === 0 ? [] : [option(zone, String(id))]),
    ];
  },
  compile: (d) => {
    if (d.notrack) {
      return (env) => {
        env.untrack();
        return 'continue';
      };
    }
    const { id, direction } = d.zone;
    const template = {
      zone: id === 0 ? undefined : { value: id === 'mark' ? 0 : id, direction, fromMark: id === 'mark' },
      helper: d.helper,
      timeoutPolicy: d.timeoutPolicy,
    };
    return (env) => {
      env.template(template);
      return 'continue';
    };
  },
  effect: (d) => ({
    changes: [{ field: 'ctState', operation: d.notrack ? 'untrack' : 'template' }],
    outcome: 'continue',
  }),
  docs: {
    summary: 'Switches tracking off for the packet, or chooses zone, helper and timeouts of its connection.',
    man: 'iptables-extensions(8) CT',
    kernel: 'net/netfilter/xt_CT.c xt_ct_target()',
  },
});
