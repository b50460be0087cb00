/** What is known of the IPv6 of a machine. */

import type { CheckContext, RulesetView } from '../../check.ts';
import type { Inference } from '../../finding.ts';

/**
 * Whether others can reach this machine by IPv6: `no` where it is switched off or has only addresses of one link,
 * `given` where an address is known, else a guess.
 */
export function hasIpv6(context: CheckContext): 'no' | 'given' | Inference {
  const { machine } = context;
  if (machine.sysctls.value['net.ipv6.conf.all.disable_ipv6'] === '1') return 'no';
  const interfaces = machine.interfaces.value;
  if (interfaces === undefined)
    return {
      text: 'this machine has an IPv6 address that others can reach',
      settledBy: 'ip -j addr',
    };
  const reachable = interfaces.some((i) =>
    i.addresses.some((a) => a.address.family === 'ipv6' && a.scope === 'global'),
  );
  return reachable ? 'given' : 'no';
}

/** The views of both families, if there are two. */
export function bothFamilies(
  context: CheckContext,
): { readonly ipv4: RulesetView; readonly ipv6: RulesetView } | undefined {
  const ipv4 = context.views.find((v) => v.family === 'ipv4');
  const ipv6 = context.views.find((v) => v.family === 'ipv6');
  return ipv4 && ipv6 && { ipv4, ipv6 };
}
