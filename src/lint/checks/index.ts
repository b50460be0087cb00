/** The list of all checks, in the order of their codes. */

import type { Check } from '../check.ts';
import { localServiceGuardedInForward } from './FW101-local-service-guarded-in-forward.ts';
import { forwardOpenBehindClosedInput } from './FW102-forward-open-behind-closed-input.ts';
import { dnatBypassesInputFilter } from './FW103-dnat-bypasses-input-filter.ts';
import { dnatAcceptedInInput } from './FW104-dnat-accepted-in-input.ts';
import { preDnatPortAfterDnat } from './FW105-pre-dnat-port-after-dnat.ts';
import { forwardedTrafficFilteredInOutput } from './FW106-forwarded-traffic-filtered-in-output.ts';
import { ownTrafficFilteredInForward } from './FW107-own-traffic-filtered-in-forward.ts';
import { impossibleDestinationForHook } from './FW108-impossible-destination-for-hook.ts';
import { impossibleSourceForHook } from './FW109-impossible-source-for-hook.ts';
import { impossibleInterfaceForHook } from './FW110-impossible-interface-for-hook.ts';
import { interfacesSwapped } from './FW111-interfaces-swapped.ts';
import { interfaceNameCannotMatch } from './FW112-interface-name-cannot-match.ts';
import { bridgePortInsteadOfBridge } from './FW113-bridge-port-instead-of-bridge.ts';
import { overlaySubnetOnUnderlayInterface } from './FW114-overlay-subnet-on-underlay-interface.ts';
import { ipsecSelectorWithoutPolicyMatch } from './FW115-ipsec-selector-without-policy-match.ts';
import { markReadBeforeSet } from './FW116-mark-read-before-set.ts';
import { userRuleBehindGenerator } from './FW117-user-rule-behind-generator.ts';
import { banOnWrongPath } from './FW118-ban-on-wrong-path.ts';
import { dropOutsideFilterTable } from './FW119-drop-outside-filter-table.ts';
import { acceptOutsideFilterIsNoPermit } from './FW120-accept-outside-filter-is-no-permit.ts';
import { oneLocalAddressGuarded } from './FW121-one-local-address-guarded.ts';
import { pathDisabledBySysctl } from './FW122-path-disabled-by-sysctl.ts';
import { publishedOnLoopbackButReachable } from './FW123-published-on-loopback-but-reachable.ts';
import { restrictionsInUnhookedChain } from './FW124-restrictions-in-unhooked-chain.ts';
import { sourceNatNeverReached } from './FW125-source-nat-never-reached.ts';
import { ruleShadowed } from './FW201-rule-shadowed.ts';
import { ruleRedundant } from './FW202-rule-redundant.ts';
import { ruleMadeRedundantByLater } from './FW203-rule-made-redundant-by-later.ts';
import { ruleAfterCatchAll } from './FW204-rule-after-catch-all.ts';
import { unusedChain } from './FW205-unused-chain.ts';
import { jumpToEmptyChain } from './FW206-jump-to-empty-chain.ts';
import { ruleCanNeverMatch } from './FW207-rule-can-never-match.ts';
import { rulesCorrelated } from './FW208-rules-correlated.ts';
import { ruleGeneralisesEarlier } from './FW209-rule-generalises-earlier.ts';
import { duplicateRule } from './FW210-duplicate-rule.ts';
import { noOpRule } from './FW211-no-op-rule.ts';
import { policyContradicted } from './FW212-policy-contradicted.ts';
import { exceptionPartlySwallowed } from './FW213-exception-partly-swallowed.ts';
import { gotoFallsToPolicy } from './FW214-goto-falls-to-policy.ts';
import { setCannotMatch } from './FW215-set-cannot-match.ts';
import { negationsExcludeEveryone } from './FW216-negations-exclude-everyone.ts';
import { negatedProtocolWithPorts } from './FW217-negated-protocol-with-ports.ts';
import { inputDefaultAllow } from './FW301-input-default-allow.ts';
import { sensitiveServiceOpen } from './FW302-sensitive-service-open.ts';
import { acceptAnyAny } from './FW303-accept-any-any.ts';
import { sourcePortTrust } from './FW304-source-port-trust.ts';
import { ackFlagTrust } from './FW305-ack-flag-trust.ts';
import { overbroadPrivateTrust } from './FW306-overbroad-private-trust.ts';
import { loopbackTrustByAddress } from './FW307-loopback-trust-by-address.ts';
import { missingIngressAntispoofing } from './FW308-missing-ingress-antispoofing.ts';
import { missingEgressAntispoofing } from './FW309-missing-egress-antispoofing.ts';
import { ownEgressUnrestricted } from './FW310-own-egress-unrestricted.ts';
import { serverEgressUnrestricted } from './FW311-server-egress-unrestricted.ts';
import { egressFloodUnbounded } from './FW312-egress-flood-unbounded.ts';
import { managementOpenToAll } from './FW313-management-open-to-all.ts';
import { udpReflectorOpen } from './FW314-udp-reflector-open.ts';
import { icmpEchoUnlimited } from './FW315-icmp-echo-unlimited.ts';
import { icmpPmtuBlackhole } from './FW316-icmp-pmtu-blackhole.ts';
import { rateLimitSharedBucket } from './FW317-rate-limit-shared-bucket.ts';
import { rateLimitInverted } from './FW318-rate-limit-inverted.ts';
import { limiterKeyTooCoarse } from './FW319-limiter-key-too-coarse.ts';
import { limiterCountsEstablished } from './FW320-limiter-counts-established.ts';
import { portRangeTooWide } from './FW321-port-range-too-wide.ts';
import { halfOpenServicePair } from './FW322-half-open-service-pair.ts';
import { vpnHalfOpen } from './FW323-vpn-half-open.ts';
import { l2tpOutsideIpsec } from './FW324-l2tp-outside-ipsec.ts';
import { vpnClientsOvertrusted } from './FW325-vpn-clients-overtrusted.ts';
import { missingLoopbackAccept } from './FW326-missing-loopback-accept.ts';
import { lockOutRisk } from './FW327-lock-out-risk.ts';
import { publicServiceWithoutSourceCeiling } from './FW328-public-service-without-source-ceiling.ts';
import { publishedPortDroppedInForward } from './FW401-published-port-dropped-in-forward.ts';
import { unscopedDnat } from './FW402-unscoped-dnat.ts';
import { unscopedMasquerade } from './FW403-unscoped-masquerade.ts';
import { sourceFilterAfterSourceNat } from './FW404-source-filter-after-source-nat.ts';
import { dnatTargetUnroutable } from './FW405-dnat-target-unroutable.ts';
import { hairpinMissing } from './FW406-hairpin-missing.ts';
import { publicAddressAnsweredByFirewallInside } from './FW407-public-address-answered-by-firewall-inside.ts';
import { dnatSkipsLocalClients } from './FW408-dnat-skips-local-clients.ts';
import { snatToForeignAddress } from './FW409-snat-to-foreign-address.ts';
import { tunnelTrafficMasqueraded } from './FW410-tunnel-traffic-masqueraded.ts';
import { natRuleShadowed } from './FW411-nat-rule-shadowed.ts';
import { dnatPortArithmetic } from './FW412-dnat-port-arithmetic.ts';
import { natMatchesEstablished } from './FW413-nat-matches-established.ts';
import { internalNetNotTranslated } from './FW414-internal-net-not-translated.ts';
import { redirectTargetExposed } from './FW415-redirect-target-exposed.ts';
import { missingEstablishedAccept } from './FW501-missing-established-accept.ts';
import { establishedWithoutRelated } from './FW502-established-without-related.ts';
import { establishedAcceptTooLate } from './FW503-established-accept-too-late.ts';
import { newNotSynAccepted } from './FW504-new-not-syn-accepted.ts';
import { invalidNotDropped } from './FW505-invalid-not-dropped.ts';
import { statelessReplyRules } from './FW506-stateless-reply-rules.ts';
import { untrackedMeetsStateRules } from './FW507-untracked-meets-state-rules.ts';
import { notrackOneWay } from './FW508-notrack-one-way.ts';
import { stateInRaw } from './FW509-state-in-raw.ts';
import { establishedOutlivesBan } from './FW510-established-outlives-ban.ts';
import { helperNotAttached } from './FW511-helper-not-attached.ts';
import { oneWayForward } from './FW512-one-way-forward.ts';
import { replyRuleOpensInbound } from './FW513-reply-rule-opens-inbound.ts';
import { relatedTooWide } from './FW514-related-too-wide.ts';
import { recentListMisused } from './FW515-recent-list-misused.ts';
import { bareLimitDefault } from './FW516-bare-limit-default.ts';
import { dnatStateAcceptsAllPublished } from './FW517-dnat-state-accepts-all-published.ts';
import { forwardedSynWithoutMssClamp } from './FW518-forwarded-syn-without-mss-clamp.ts';
import { stateInfeasibleRule } from './FW519-state-infeasible-rule.ts';
import { deprecatedStateMatch } from './FW601-deprecated-state-match.ts';
import { obsoleteExtension } from './FW602-obsolete-extension.ts';
import { logAfterVerdict } from './FW603-log-after-verdict.ts';
import { logUnlimited } from './FW604-log-unlimited.ts';
import { logIndistinct } from './FW605-log-indistinct.ts';
import { logPrefixTruncated } from './FW606-log-prefix-truncated.ts';
import { cidrWithHostBits } from './FW607-cidr-with-host-bits.ts';
import { hostnameInRule } from './FW608-hostname-in-rule.ts';
import { rejectRevealsOrAmplifies } from './FW609-reject-reveals-or-amplifies.ts';
import { undocumentedRule } from './FW610-undocumented-rule.ts';
import { unneededMacTrust } from './FW611-unneeded-mac-trust.ts';
import { hotRuleLate } from './FW701-hot-rule-late.ts';
import { linearAddressList } from './FW702-linear-address-list.ts';
import { mergeablePortRules } from './FW703-mergeable-port-rules.ts';
import { redundantMatchModule } from './FW704-redundant-match-module.ts';
import { expensiveMatchFirst } from './FW705-expensive-match-first.ts';
import { zeroHitRule } from './FW706-zero-hit-rule.ts';
import { longChainNoDispatch } from './FW707-long-chain-no-dispatch.ts';
import { floodDropAfterConntrack } from './FW708-flood-drop-after-conntrack.ts';
import { mergeablePrefixes } from './FW709-mergeable-prefixes.ts';
import { ipv6LeftOpen } from './FW801-ipv6-left-open.ts';
import { dualStackDivergence } from './FW802-dual-stack-divergence.ts';
import { icmpv6EssentialBlocked } from './FW803-icmpv6-essential-blocked.ts';
import { icmpFamilyMixup } from './FW804-icmp-family-mixup.ts';
import { ipv6ForwardOpen } from './FW805-ipv6-forward-open.ts';
import { ipv6HeaderTricks } from './FW806-ipv6-header-tricks.ts';
import { dhcpv6OrLinklocalBlocked } from './FW807-dhcpv6-or-linklocal-blocked.ts';
import { syntaxError } from './FW901-syntax-error.ts';
import { passesTestButWillNotLoad } from './FW902-passes-test-but-will-not-load.ts';
import { backendDependentRule } from './FW903-backend-dependent-rule.ts';
import { matchNotModelled } from './FW904-match-not-modelled.ts';
import { contextAssumed } from './FW905-context-assumed.ts';
import { setContentsUnknown } from './FW906-set-contents-unknown.ts';
import { twoFirewallsActive } from './FW907-two-firewalls-active.ts';
import { inputIncomplete } from './FW908-input-incomplete.ts';
import { restoreFileSideEffects } from './FW909-restore-file-side-effects.ts';
import { suppressionProblem } from './FW910-suppression-problem.ts';
import { contextOfAnotherMachine } from './FW911-context-of-another-machine.ts';

/** All checks; a code appears once. */
export const checks: readonly Check[] = [
  localServiceGuardedInForward,
  forwardOpenBehindClosedInput,
  dnatBypassesInputFilter,
  dnatAcceptedInInput,
  preDnatPortAfterDnat,
  forwardedTrafficFilteredInOutput,
  ownTrafficFilteredInForward,
  impossibleDestinationForHook,
  impossibleSourceForHook,
  impossibleInterfaceForHook,
  interfacesSwapped,
  interfaceNameCannotMatch,
  bridgePortInsteadOfBridge,
  overlaySubnetOnUnderlayInterface,
  ipsecSelectorWithoutPolicyMatch,
  markReadBeforeSet,
  userRuleBehindGenerator,
  banOnWrongPath,
  dropOutsideFilterTable,
  acceptOutsideFilterIsNoPermit,
  oneLocalAddressGuarded,
  pathDisabledBySysctl,
  publishedOnLoopbackButReachable,
  restrictionsInUnhookedChain,
  sourceNatNeverReached,
  ruleShadowed,
  ruleRedundant,
  ruleMadeRedundantByLater,
  ruleAfterCatchAll,
  unusedChain,
  jumpToEmptyChain,
  ruleCanNeverMatch,
  rulesCorrelated,
  ruleGeneralisesEarlier,
  duplicateRule,
  noOpRule,
  policyContradicted,
  exceptionPartlySwallowed,
  gotoFallsToPolicy,
  setCannotMatch,
  negationsExcludeEveryone,
  negatedProtocolWithPorts,
  inputDefaultAllow,
  sensitiveServiceOpen,
  acceptAnyAny,
  sourcePortTrust,
  ackFlagTrust,
  overbroadPrivateTrust,
  loopbackTrustByAddress,
  missingIngressAntispoofing,
  missingEgressAntispoofing,
  ownEgressUnrestricted,
  serverEgressUnrestricted,
  egressFloodUnbounded,
  managementOpenToAll,
  udpReflectorOpen,
  icmpEchoUnlimited,
  icmpPmtuBlackhole,
  rateLimitSharedBucket,
  rateLimitInverted,
  limiterKeyTooCoarse,
  limiterCountsEstablished,
  portRangeTooWide,
  halfOpenServicePair,
  vpnHalfOpen,
  l2tpOutsideIpsec,
  vpnClientsOvertrusted,
  missingLoopbackAccept,
  lockOutRisk,
  publicServiceWithoutSourceCeiling,
  publishedPortDroppedInForward,
  unscopedDnat,
  unscopedMasquerade,
  sourceFilterAfterSourceNat,
  dnatTargetUnroutable,
  hairpinMissing,
  publicAddressAnsweredByFirewallInside,
  dnatSkipsLocalClients,
  snatToForeignAddress,
  tunnelTrafficMasqueraded,
  natRuleShadowed,
  dnatPortArithmetic,
  natMatchesEstablished,
  internalNetNotTranslated,
  redirectTargetExposed,
  missingEstablishedAccept,
  establishedWithoutRelated,
  establishedAcceptTooLate,
  newNotSynAccepted,
  invalidNotDropped,
  statelessReplyRules,
  untrackedMeetsStateRules,
  notrackOneWay,
  stateInRaw,
  establishedOutlivesBan,
  helperNotAttached,
  oneWayForward,
  replyRuleOpensInbound,
  relatedTooWide,
  recentListMisused,
  bareLimitDefault,
  dnatStateAcceptsAllPublished,
  forwardedSynWithoutMssClamp,
  stateInfeasibleRule,
  deprecatedStateMatch,
  obsoleteExtension,
  logAfterVerdict,
  logUnlimited,
  logIndistinct,
  logPrefixTruncated,
  cidrWithHostBits,
  hostnameInRule,
  rejectRevealsOrAmplifies,
  undocumentedRule,
  unneededMacTrust,
  hotRuleLate,
  linearAddressList,
  mergeablePortRules,
  redundantMatchModule,
  expensiveMatchFirst,
  zeroHitRule,
  longChainNoDispatch,
  floodDropAfterConntrack,
  mergeablePrefixes,
  ipv6LeftOpen,
  dualStackDivergence,
  icmpv6EssentialBlocked,
  icmpFamilyMixup,
  ipv6ForwardOpen,
  ipv6HeaderTricks,
  dhcpv6OrLinklocalBlocked,
  syntaxError,
  passesTestButWillNotLoad,
  backendDependentRule,
  matchNotModelled,
  contextAssumed,
  setContentsUnknown,
  twoFirewallsActive,
  inputIncomplete,
  restoreFileSideEffects,
  suppressionProblem,
  contextOfAnotherMachine,
];
