import type { Witness } from '../lint/finding.ts';
import type { MachineReport } from './machine-report.ts';
import { shellCommand } from './shell-quote.ts';

/** The command that walks a witness again, ready to be pasted into a shell. */
export function traceCommand(
  witness: Pick<Witness, 'packet' | 'local' | 'assume'>,
  report: Pick<MachineReport, 'texts' | 'assume'>,
): string {
  const [own, ...others] = report.texts;
  const piped = own === undefined || own.name === '<stdin>';
  const words = ['fwsim', 'trace', ...(piped ? [] : [own.name])];
  for (const other of others) words.push('--with', other.name);
  if (witness.local) words.push('--local');
  for (const assumption of [...report.assume, ...witness.assume]) words.push('--assume', assumption);
  words.push('--', ...witness.packet);
  return `${piped ? 'sudo iptables-save | ' : ''}${shellCommand(words)}`;
}
