/** Under which code what the reader says is told: it knows one code for all that does not load. */

import type { Diagnostic, DiagnosticCode } from '../diagnostics/diagnostic.ts';

/** Refusals that no option check of iptables makes, though they do not name the kernel's error. */
const refusedAtLoad: ReadonlySet<string> = new Set([
  'wrong-table',
  'wrong-hook',
  'jump-to-builtin',
  'obsolete-target',
  'unknown-helper',
  'needs-syn',
]);

/** How the reader words what the kernel answers: `(Invalid argument)`, `the kernel refuses it`. */
const kernelAnswer =
  /\((?:Invalid argument|Operation not supported|No such file or directory)\)|kernel refuses/;

/**
 * The code of a diagnostic of the reader in a run that shows the checks `shown`. What iptables-restore --test lets
 * pass and the load refuses is FW902. An extension that is not known here is not wrong: it cannot be judged (FW904).
 */
export function codeOfDiagnostic(d: Diagnostic, shown: ReadonlySet<DiagnosticCode>): DiagnosticCode {
  if (d.id === 'unknown-match' || d.id === 'unknown-target') return 'FW904';
  if (d.id === 'host-name' && shown.has('FW608')) return 'FW608';
  const atLoad = refusedAtLoad.has(d.id) || kernelAnswer.test(d.message);
  return d.code === 'FW901' && d.severity === 'error' && atLoad ? 'FW902' : d.code;
}
