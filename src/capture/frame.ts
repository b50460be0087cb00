/** What a capture file holds: frames, and what is wrong with the file. */

import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';

/** One frame as it was recorded. */
export interface CapturedFrame {
  /** 1-based, as other tools count. */
  readonly number: number;
  /** Where its record begins in the file. */
  readonly offsetBytes: number;
  /** Link type (`LINKTYPE_…`) of its interface. */
  readonly linkType: number;
  /** Milliseconds since 1970, with fractions; undefined where the record has no time. */
  readonly timeMs: number | undefined;
  /** Name of the interface, where the file tells. */
  readonly interfaceName: string | undefined;
  /** Whether the recorder saw it come in or go out. */
  readonly direction: 'in' | 'out' | undefined;
  /** The bytes recorded: a view into the file. */
  readonly bytes: Uint8Array;
  /** Length of the frame before it was cut. */
  readonly lengthBytes: number;
}

/** Something that is wrong with a capture. `fatal`: nothing behind it was read. */
export interface CaptureProblem extends Diagnostic {
  readonly offsetBytes: number;
  readonly fatal: boolean;
}

/** An item of a capture, in the order of the file. */
export type CaptureItem =
  | { readonly kind: 'frame'; readonly frame: CapturedFrame }
  | { readonly kind: 'problem'; readonly problem: CaptureProblem };

/** A problem at a byte of the file; the message names the byte. */
export function captureProblem(
  id: string,
  message: string,
  offsetBytes: number,
  { fatal = true, hint }: { readonly fatal?: boolean; readonly hint?: string } = {},
): CaptureItem {
  const said = diagnostic({
    code: 'FW901',
    id,
    severity: fatal ? 'error' : 'warning',
    message: `${message} (byte ${offsetBytes})`,
    ...(hint === undefined ? {} : { hint }),
  });
  return { kind: 'problem', problem: { ...said, offsetBytes, fatal } };
}
