import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import { CommandFailure } from './command-failure.ts';

/** Input as text, and what had to be done to make it text. */
export interface DecodedText {
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** What files begin with that are no text yet, and the command that makes text of them. */
const packed: readonly (readonly [readonly number[], string, string])[] = [
  [[0x1f, 0x8b], 'gzip-compressed', 'zcat'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz-compressed', 'xzcat'],
  [[0x42, 0x5a, 0x68], 'bzip2-compressed', 'bzcat'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd-compressed', 'zstdcat'],
  [[0xff, 0xfe], 'UTF-16 text', 'iconv -f UTF-16 -t UTF-8'],
  [[0xfe, 0xff], 'UTF-16 text', 'iconv -f UTF-16 -t UTF-8'],
];

/** More places than this are only counted: a binary file has thousands of them. */
const reportedBytesMax = 3;

/**
 * Decodes UTF-8. A byte that is none becomes the Latin-1 character of its number, so that a rule's text is never
 * lost and old comments stay readable; each is told. NUL bytes are kept for the reader to judge.
 * @throws CommandFailure for compressed files and UTF-16.
 */
export function decodeText(bytes: Uint8Array, name: string): DecodedText {
  for (const [magic, kind, command] of packed) {
    if (magic.every((byte, index) => bytes[index] === byte)) {
      const target = name === '<stdin>' ? `${command} |` : `${command} < FILE |`;
      throw new CommandFailure(`cannot read "${name}": it is ${kind}`, { hint: `${target} fwsim … does it` });
    }
  }
  const diagnostics: Diagnostic[] = [];
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  if (hasMark) {
    diagnostics.push(
      diagnostic({
        code: 'FW901',
        id: 'byte-order-mark',
        severity: 'error',
        message: 'the text begins with a byte order mark, which iptables-restore refuses',
        span: { start: 0, end: 0, source: name },
        hint: 'save the file as UTF-8 without a byte order mark',
      }),
    );
  }
  const body = hasMark ? bytes.subarray(3) : bytes;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    return { text, diagnostics };
  } catch {
    const { text, badOffsets } = decodeBytewise(body);
    diagnostics.push(...badOffsets.slice(0, reportedBytesMax).map((at) => notUtf8(text, at, name)));
    const untold = badOffsets.length - reportedBytesMax;
    if (untold > 0) {
      diagnostics.push(
        diagnostic({
          code: 'FW901',
          id: 'not-utf-8',
          severity: 'info',
          message: `${untold} more bytes are not UTF-8 and are read as Latin-1`,
        }),
      );
    }
    return { text, diagnostics };
  }
}

function notUtf8(text: string, at: number, source: string): Diagnostic {
  const byte = text.charCodeAt(at).toString(16).padStart(2, '0');
  return diagnostic({
    code: 'FW901',
    id: 'not-utf-8',
    severity: 'info',
    message: `byte 0x${byte} is not UTF-8 and is read as the Latin-1 character "${text.charAt(at)}"`,
    span: { start: at, end: at + 1, source },
  });
}

/** Decodes run by run; only the bytes that are in no valid sequence become single characters. */
function decodeBytewise(bytes: Uint8Array): { text: string; badOffsets: readonly number[] } {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const parts: string[] = [];
  const badOffsets: number[] = [];
  let length = 0;
  const push = (part: string): void => {
    parts.push(part);
    length += part.length;
  };
  let runStart = 0;
  let at = 0;
  while (at < bytes.length) {
    const size = sequenceLength(bytes, at);
    if (size > 0) {
      at += size;
      continue;
    }
    push(strict.decode(bytes.subarray(runStart, at)));
    badOffsets.push(length);
    push(String.fromCharCode(bytes[at] ?? 0));
    at += 1;
    runStart = at;
  }
  push(strict.decode(bytes.subarray(runStart)));
  return { text: parts.join(''), badOffsets };
}

/** Bytes of the well-formed UTF-8 sequence at an offset, 0 if there is none. Source: Unicode 15.0, table 3-7. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const size = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (first < 0xc2 || size === 0) return 0;
  for (let index = 1; index < size; index++) {
    const byte = bytes[at + index] ?? 0;
    const low = index > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = index > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) return 0;
  }
  return size;
}
