import { type InterfaceRange, readInterfaceRanges } from '../../asking.ts';
import { type Invocation, value } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { decodeText } from '../decode.ts';
import type { Io } from '../io.ts';

/** `--ranges FILE`: which addresses stand behind which interface. @throws CommandFailure for a line that is none. */
export function rangesOption(
  invocation: Invocation,
  io: Io,
): { readonly ranges?: readonly InterfaceRange[] } {
  const file = value(invocation, 'ranges');
  if (file === undefined) return {};
  const { ranges, problems } = readInterfaceRanges(decodeText(io.readFile(file), file).text);
  const [problem] = problems;
  if (problem !== undefined)
    throw new CommandFailure(`"${file}" line ${problem.line}: "${problem.text}" is no INTERFACE NETWORK…`, {
      hint: 'a line is, for example: eth1 192.168.1.0/24 2001:db8:1::/64',
    });
  if (ranges.length === 0) throw new CommandFailure(`"${file}" says of no interface what is behind it`);
  return { ranges };
}
