/** The list of all checks, in the order of their codes. */

import type { Check } from '../check.ts';
import { localServiceGuardedInForward } from './FW101-local-service-guarded-in-forward.ts';
import { forwardOpenBehindClosedInput } from './FW102-forward-open-behind-closed-input.ts';
import { dnatBypassesInputFilter } from './FW103-dnat-bypasses-input-filter.ts';
import { dnatAcceptedInInput } from './FW104-dnat-accepted-in-input.ts';
import { preDnatPortAfterDnat } from './FW105-pre-dnat-port-after-dnat.ts';
import { forwardedTrafficFilteredInOutput } from './FW106-forwarded-traffic-filtered-in-output.ts';
import { ownTrafficFilteredInForward } from './FW107-own-traffic-filtered-in-forward.ts';
import { impossibleInterfaceForHook } from './FW110-impossible-interface-for-hook.ts';
import { interfaceNameCannotMatch } from './FW112-interface-name-cannot-match.ts';
import { ruleAfterCatchAll } from './FW204-rule-after-catch-all.ts';
import { unusedChain } from './FW205-unused-chain.ts';
import { duplicateRule } from './FW210-duplicate-rule.ts';
import { syntaxError } from './FW901-syntax-error.ts';
import { matchNotModelled } from './FW904-match-not-modelled.ts';
import { contextAssumed } from './FW905-context-assumed.ts';
import { inputIncomplete } from './FW908-input-incomplete.ts';
import { suppressionProblem } from './FW910-suppression-problem.ts';

/** All checks; a code appears once. */
export const checks: readonly Check[] = [
  localServiceGuardedInForward,
  forwardOpenBehindClosedInput,
  dnatBypassesInputFilter,
  dnatAcceptedInInput,
  preDnatPortAfterDnat,
  forwardedTrafficFilteredInOutput,
  ownTrafficFilteredInForward,
  impossibleInterfaceForHook,
  interfaceNameCannotMatch,
  ruleAfterCatchAll,
  unusedChain,
  duplicateRule,
  syntaxError,
  matchNotModelled,
  contextAssumed,
  inputIncomplete,
  suppressionProblem,
];
