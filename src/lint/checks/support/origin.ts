/** What a program wrote a rule for, in the words of whoever runs the program: a service, a container, a zone. */

import { comment } from '../../../extensions/matches/comment.ts';
import { DNAT } from '../../../extensions/targets/DNAT.ts';
import type { Rule } from '../../../model/ruleset.ts';
import { addressBits, prefixLength } from '../../../net/address.ts';
import { addressText } from '../../../net/address-text.ts';
import type { RulesetView } from '../../check.ts';

/** kube-proxy's comments begin with namespace, service and port: `shop/web:http cluster IP`. */
const kubernetesService = /(?:^|\s)([\w.-]+\/[\w.-]+(?::[\w.-]+)?)/;

/** podman's and CNI's: `dnat name: "podman" id: "3f…"`, `name: web id: 3f…`. */
const podmanName = /\bname: "?([\w.-]+)"?/;

/** firewalld names chains after direction and zone: `IN_public_allow`, `FWDI_trusted`, `PRE_dmz_deny`. */
const firewalldZone = /^(?:IN|FWDI|FWDO|FWD|PRE|POST)_(.+?)(?:_(?:pre|log|deny|allow|post))?$/;

/** The host that a rule is about: that it translates to, or whose packets it names. */
function hostOf(view: RulesetView, rule: Rule): string | undefined {
  const target = view.findTarget(rule, DNAT)?.range.addresses?.low;
  if (target !== undefined) return addressText(target);
  const { dst } = rule.base;
  const single = dst && !dst.negated && prefixLength(dst.value.mask) === addressBits(view.family);
  return single ? addressText(dst.value.address) : undefined;
}

/**
 * What a rule stems from: `the service shop/web`, `the container 172.17.0.2`, `the zone public`. Undefined for rules
 * that nobody but the administrator writes, and where nothing says it.
 */
function originOf(view: RulesetView, rule: Rule): string | undefined {
  const owner = view.writer(rule)?.name;
  if (owner === undefined) return undefined;
  const said = view.find(rule, comment)?.text ?? '';
  if (owner === 'Kubernetes') {
    const service = kubernetesService.exec(said)?.[1];
    return service && `the service ${service}`;
  }
  if (owner === 'firewalld') {
    const zone = firewalldZone.exec(rule.chain)?.[1];
    return zone && `the zone ${zone}`;
  }
  if (owner === 'Docker' || owner === 'podman' || owner.startsWith('the container network')) {
    const name = podmanName.exec(said)?.[1];
    const host = hostOf(view, rule);
    if (host !== undefined) return `the container ${host}`;
    return name && `the network ${name}`;
  }
  return undefined;
}

/** `Docker for the container 172.17.0.2`; undefined for rules of the administrator's own. */
export function writerText(view: RulesetView, rule: Rule): string | undefined {
  const owner = view.writer(rule)?.name;
  const origin = originOf(view, rule);
  return owner && (origin ? `${owner} for ${origin}` : owner);
}
