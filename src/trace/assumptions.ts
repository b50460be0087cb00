/** Reads `--assume KEY=VALUE` for the machine and for the walk. */

import {
  contradiction,
  isAssumptionError,
  type Assumption as MachineAssumption,
  parseAssumption,
} from '../context/assume.ts';
import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import { readAssumption, type Tape } from '../engine/tape.ts';

/** Assumptions as the two parts that use them want them. */
export interface ReadAssumptions {
  readonly forMachine: readonly MachineAssumption[];
  readonly tape: Tape;
}

/** A text that is none, with what is wrong; the spans are offsets into it. */
export interface RefusedAssumption {
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Questions of the walk that are no facts about the machine: where a packet leaves, what bridges do with it, what an
 * unknown target does; and what all rules of one kind are answered, as the walks of findings are told.
 */
const walkOnly = [
  /^forwarding=(?:on|off)$/,
  /^out:[^=]+=[^=]+$/,
  /^bridge-netfilter=(?:on|off)$/,
  /^port:[^=]+=[^=]+$/,
  /^target:[^/]+\/.+\/[1-9]\d{0,8}=(?:continue|accept|drop)$/,
  /^recent:[^=]+=(?:absent|listed)$/,
  /^rpfilter=(?:fine|spoofed)$/,
  /^payload=(?:other|matching|no|yes)$/,
  /^ipsec=(?:no|yes)$/,
  /^socket=(?:none|found)$/,
];

/** Reads all of them; the first that is none is refused. */
export function readAssumptions(texts: readonly string[]): ReadAssumptions | RefusedAssumption {
  const refuse = (text: string, problem: { message: string; hint: string }): RefusedAssumption => ({
    text,
    diagnostics: [
      diagnostic({
        code: 'FW901',
        id: 'bad-assumption',
        severity: 'error',
        message: problem.message,
        hint: problem.hint,
        span: { start: 0, end: text.length },
      }),
    ],
  });
  const forMachine: MachineAssumption[] = [];
  const tape: Record<string, string> = {};
  for (const text of texts) {
    if (!walkOnly.some((pattern) => pattern.test(text))) {
      const read = parseAssumption(text);
      if (isAssumptionError(read)) return refuse(text, read);
      forMachine.push(read);
      const against = contradiction(forMachine);
      if (against) return refuse(text, against);
    }
    const read = readAssumption(text);
    if (read && !read.key.startsWith('set:')) tape[read.key] = read.answer;
  }
  return { forMachine, tape };
}
