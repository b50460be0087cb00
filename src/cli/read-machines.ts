import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { CommandFailure } from './command-failure.ts';
import { decodeText } from './decode.ts';
import { exitCodes } from './exit-codes.ts';
import type { Io } from './io.ts';

/** How stdin is named in answers. */
export const stdinName = '<stdin>';

/** All texts of one machine: its FILE first, then what `--with` adds to every machine of the run. */
export interface MachineTexts {
  readonly texts: readonly SourceText[];
  /** What was wrong with the bytes; offsets are in the texts. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads each FILE as one machine, stdin where none is given or for `-`. `also`: further files about one machine.
 * @throws CommandFailure for what cannot be read, and for an empty text: nothing to look at is never "clean".
 */
export async function readMachines(
  files: readonly string[],
  extra: readonly string[],
  io: Io,
  also: (path: string) => Promise<readonly string[]> = async () => [],
): Promise<readonly MachineTexts[]> {
  const paths = files.length === 0 ? ['-'] : files;
  if ([...paths, ...extra].filter((path) => path === '-').length > 1) {
    throw new CommandFailure('stdin ("-") can be read only once');
  }
  const shared: DecodedSource[] = [];
  for (const path of extra) shared.push(await readText(path, io));
  const machines: MachineTexts[] = [];
  for (const path of paths) {
    const own = await readText(path, io, files.length === 0);
    if (own.source.text.trim() === '') throw nothingToLookAt(own.source.name);
    const parts = [own, ...shared];
    for (const more of await also(path)) parts.push(await readText(more, io));
    machines.push({
      texts: parts.map((part) => part.source),
      diagnostics: parts.flatMap((part) => part.diagnostics),
    });
  }
  return machines;
}

interface DecodedSource {
  readonly source: SourceText;
  readonly diagnostics: readonly Diagnostic[];
}

async function readText(path: string, io: Io, implied = false): Promise<DecodedSource> {
  const name = path === '-' ? stdinName : path;
  if (path === '-' && io.stdinIsTerminal) {
    if (implied) {
      throw new CommandFailure('no FILE is given and nothing is piped in', {
        hint: 'iptables-save | fwsim …, or name a file that iptables-save has written',
      });
    }
    io.err('reading a ruleset from the terminal; end it with Ctrl-D\n');
  }
  const { text, diagnostics } = decodeText(path === '-' ? await io.readStdin() : io.readFile(path), name);
  return { source: { name, text }, diagnostics };
}

function nothingToLookAt(name: string): CommandFailure {
  return new CommandFailure(`"${name}" is empty: there is nothing to look at`, {
    exitCode: exitCodes.couldNotLook,
    ...(name === stdinName && {
      hint: 'iptables-save prints nothing without root: sudo iptables-save | fwsim …',
    }),
  });
}
