import { type BpfInstruction, bpfInstructionsMax, bpfText, isValidBpf, parseBpf } from '../classic-bpf.ts';
import { defineMatch, type OptionType, type Refusal, refuse, tri } from '../define.ts';
import { freeText } from '../option-types.ts';
import { packetBytes } from '../packet-bytes.ts';
import { option, saveString } from '../printed-words.ts';
import { runBpf } from '../run-bpf.ts';
import { packetReads } from './string.ts';

/** A program in the rule, or one that stands in the bpf file system. */
export type BpfData =
  | { readonly kind: 'bytecode'; readonly program: readonly BpfInstruction[] }
  | { readonly kind: 'pinned'; readonly path: string };

const bytecode: OptionType<readonly BpfInstruction[]> = {
  arity: 1,
  placeholder: '"count,code jt jf k,…"',
  shape: {
    kind: 'sequence',
    parts: ['1,6 0 0 ', { kind: 'integer', min: 0, max: 0xffffffff }],
  },
  parse(words, context) {
    const program = parseBpf(words[0] ?? '');
    return typeof program === 'string'
      ? refuse('bad-bytecode', program, {
          word: context.option,
          option: context.option,
          hint: `nfbpf_compile RAW 'FILTER' writes such programs, of at most ${bpfInstructionsMax} instructions`,
        })
      : program;
  },
};

/** Opcode of a program that looks at nothing. */
const returnConstant = 0x06;

/** Runs a Berkeley packet filter over the packet, from its IP header on. */
export const bpf = defineMatch({
  name: 'bpf',
  families: ['ipv4', 'ipv6'],
  options: {
    bytecode: { type: bytecode },
    'object-pinned': { type: freeText(511, { tooLong: 'cut' }) },
  },
  constraints: {},
  needs: ['payload'],
  bind: (o): BpfData | Refusal => {
    const { bytecode: program, 'object-pinned': pinned } = o;
    if (pinned && (!program || pinned.position > program.position))
      return { kind: 'pinned', path: pinned.value };
    if (program) return { kind: 'bytecode', program: program.value };
    return refuse('missing-option', 'bpf: one of --bytecode or --pinned is required');
  },
  check: (d) =>
    d.kind === 'bytecode' && !isValidBpf(d.program)
      ? refuse('bad-bytecode', 'bpf: the kernel refuses this program (Invalid argument)', {
          word: '--bytecode',
          option: '--bytecode',
        })
      : undefined,
  print: (d, { keepMeaning }) => [
    d.kind === 'pinned'
      ? option('object-pinned', keepMeaning && /[\s"'\\]|^$/.test(d.path) ? saveString(d.path) : d.path)
      : option('bytecode', `"${bpfText(d.program)}"`),
  ],
  compile: (d) => (packet, env) => {
    const returned = d.kind === 'bytecode' ? runBpf(d.program, packet, packetBytes(packet)) : undefined;
    return returned === undefined ? env.ask('payload', ['no', 'yes']) : tri(returned !== 0);
  },
  packets: (d, space) => {
    const first = d.kind === 'bytecode' ? d.program[0] : undefined;
    if (first?.code === returnConstant) return first.k === 0 ? space.none : space.all;
    const key = d.kind === 'pinned' ? `bpf pinned ${d.path}` : `bpf ${bpfText(d.program)}`;
    return space.choice({ kind: 'pure', key, reads: [...packetReads, 'mark'] });
  },
  docs: {
    summary: 'A classic BPF program, or a pinned eBPF one, run over the packet.',
    man: 'iptables-extensions(8) bpf',
    kernel: 'net/netfilter/xt_bpf.c bpf_mt()',
  },
});
