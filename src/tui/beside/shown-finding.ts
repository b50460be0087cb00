/** A finding as far as the screen shows it: what goes from one thread to the other is copied there, while keys wait. */

import type { Finding, Witness } from '../../lint/finding.ts';

/** See the head of this file. */
export interface ShownFinding
  extends Pick<
    Finding,
    'severity' | 'code' | 'name' | 'message' | 'family' | 'place' | 'story' | 'inferences'
  > {
  readonly witness?: Pick<Witness, 'packet' | 'local' | 'assume'>;
}

/** What of a finding is shown. */
export function shownFinding(finding: Finding): ShownFinding {
  const { severity, code, name, message, family, place, story, inferences, witness } = finding;
  const shown = { severity, code, name, message, family, place, story, inferences };
  if (!witness) return shown;
  const { packet, local, assume } = witness;
  return { ...shown, witness: { packet, local, assume } };
}
