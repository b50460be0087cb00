/**
 * Classic BPF programs as `-m bpf --bytecode` writes them.
 *
 * Source: iptables 1.8.9 extensions/libxt_bpf.c, include/uapi/linux/bpf_common.h.
 */

/** One instruction: opcode, jumps if true and if false, constant. */
export interface BpfInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Most instructions of a match (XT_BPF_MAX_NUM_INSTR). */
export const bpfInstructionsMax = 64;

const signed = /^[ \t\n\v\f\r]*([+-]?\d{1,20})/;

/** Reads whitespace-led decimal numbers as sscanf(3) with `%hu %hhu %hhu %u`; undefined if there are fewer than four. */
function readInstruction(text: string): BpfInstruction | undefined {
  const numbers: bigint[] = [];
  let rest = text;
  for (let i = 0; i < 4; i++) {
    const found = signed.exec(rest);
    if (!found) return undefined;
    numbers.push(BigInt((found[1] ?? '0').replace('+', '')));
    rest = rest.slice(found[0].length);
  }
  const cut = (i: number, bits: number): number => Number(BigInt.asUintN(bits, numbers[i] ?? 0n));
  return { code: cut(0, 16), jt: cut(1, 8), jf: cut(2, 8), k: cut(3, 32) };
}

/** Reads `COUNT,CODE JT JF K,…`; a text is iptables' complaint. */
export function parseBpf(text: string): readonly BpfInstruction[] | string {
  const head = signed.exec(text);
  if (!head || text[head[0].length] !== ',') return 'bpf: error parsing program length';
  const count = Number(BigInt.asUintN(16, BigInt((head[1] ?? '0').replace('+', ''))));
  if (count === 0) return 'bpf: illegal zero length program';
  if (count > bpfInstructionsMax) return 'bpf: number of instructions exceeds maximum';
  const program: BpfInstruction[] = [];
  let at = text.indexOf(',');
  while (at >= 0 && at + 1 < text.length) {
    const token = text.slice(at + 1);
    if (program.length >= count) return 'bpf: real program length exceeds the encoded length parameter';
    const instruction = readInstruction(token);
    if (!instruction) return `bpf: error at instr ${program.length}`;
    program.push(instruction);
    at = text.indexOf(',', at + 1);
  }
  return program.length < count
    ? 'bpf: parsed program length is less than the encoded length parameter'
    : program;
}

/** The program as iptables-save prints it. */
export function bpfText(program: readonly BpfInstruction[]): string {
  return [String(program.length), ...program.map((i) => `${i.code} ${i.jt} ${i.jf} ${i.k}`)].join(',');
}

const op = {
  loadMemory: 0x60,
  loadIndexMemory: 0x61,
  store: 0x02,
  storeIndex: 0x03,
  jump: 0x05,
  returnConstant: 0x06,
  returnA: 0x16,
} as const;

/** Loads by constant offset: word, half, byte. */
const absoluteLoads = [0x20, 0x28, 0x30];
const divisions = [0x34, 0x94];
const shifts = [0x64, 0x74];

/** All opcodes that the kernel takes. Source: net/core/filter.c chk_code_allowed(). */
const allowed: ReadonlySet<number> = new Set([
  ...[0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0].flatMap((o) => [o | 0x04, o | 0x0c]),
  0x84,
  // Loads: LEN, ABS and IND in three sizes, IMM, MEM; the index register: LEN, MSH, IMM, MEM.
  ...[0x80, ...absoluteLoads, 0x40, 0x48, 0x50, 0x00, op.loadMemory],
  ...[0x81, 0xb1, 0x01, op.loadIndexMemory],
  ...[op.store, op.storeIndex, 0x07, 0x87, op.returnConstant, op.returnA, op.jump],
  ...[0x10, 0x20, 0x30, 0x40].flatMap((o) => [o | 0x05, o | 0x0d]),
]);

/** Where offsets of the ancillary area begin (SKF_AD_OFF), and those that exist. */
const ancillaryStart = 0xfffff000;
const ancillaryMax = 60;

const isJump = (code: number): boolean => (code & 7) === 5 && code !== op.jump;

/** Whether the kernel takes the program. Source: net/core/filter.c bpf_check_classic(), check_load_and_stores(). */
export function isValidBpf(program: readonly BpfInstruction[]): boolean {
  const last = program.at(-1);
  if (!last || (last.code !== op.returnConstant && last.code !== op.returnA)) return false;
  for (const [pc, i] of program.entries()) {
    if (!allowed.has(i.code)) return false;
    if (divisions.includes(i.code) && i.k === 0) return false;
    if (shifts.includes(i.code) && i.k >= 32) return false;
    if (usesMemory(i.code) && i.k >= 16) return false;
    if (i.code === op.jump && i.k >= program.length - pc - 1) return false;
    if (isJump(i.code) && (pc + i.jt + 1 >= program.length || pc + i.jf + 1 >= program.length)) return false;
    if (absoluteLoads.includes(i.code) && i.k >= ancillaryStart) {
      const offset = i.k - ancillaryStart;
      if (offset > ancillaryMax || offset % 4 !== 0) return false;
    }
  }
  return readsOnlyWhatWasStored(program);
}

function usesMemory(code: number): boolean {
  return code === op.loadMemory || code === op.loadIndexMemory || code === op.store || code === op.storeIndex;
}

/** Every path stores a memory cell before it loads it. Jumps lead forward only, so one pass will do. */
function readsOnlyWhatWasStored(program: readonly BpfInstruction[]): boolean {
  const stored = new Array<number>(program.length).fill(0xffff);
  let valid = 0;
  const arrive = (at: number): void => {
    stored[at] = (stored[at] ?? 0) & valid;
  };
  for (const [pc, i] of program.entries()) {
    valid &= stored[pc] ?? 0;
    if (i.code === op.store || i.code === op.storeIndex) valid |= 1 << i.k;
    else if (i.code === op.loadMemory || i.code === op.loadIndexMemory) {
      if ((valid & (1 << i.k)) === 0) return false;
    } else if (i.code === op.jump) {
      arrive(pc + 1 + i.k);
      valid = 0xffff;
    } else if (isJump(i.code)) {
      arrive(pc + 1 + i.jt);
      arrive(pc + 1 + i.jf);
      valid = 0xffff;
    }
  }
  return true;
}
