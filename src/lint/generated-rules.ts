/** Rules that programs put into built-in chains, beside the administrator's own: known by their comments and forms. */

import type { BaseMatch, Rule } from '../model/ruleset.ts';
import { networkTextShort } from '../net/address-text.ts';

/** Beginnings of comments, with the id of the program that writes them. */
const comments: readonly (readonly [beginning: RegExp, id: string])[] = [
  [/^kubernetes /, 'kubernetes'],
  [/^(cali:|Antrea: |cilium[: -]|flanneld |CNI )/, 'cni'],
];

/** Bridges of Docker; libvirt's. */
const dockerBridge = /^(docker\d+|docker_gwbridge|br-[0-9a-f]{12})$/;
const libvirtBridge = /^virbr\d+$/;

type Device = BaseMatch['inInterface'];

const nameOf = (device: Device): string => device?.value.name ?? '';

/** Forms of Docker: a bridge and all that is not it, answers to the bridge, its networks to elsewhere. */
function isDockers({ table, base, target, matches }: Rule): boolean {
  const { inInterface, outInterface, protocol, src, dst } = base;
  const ofBridge = dockerBridge.test(nameOf(outInterface));
  if (table === 'filter') {
    if (!ofBridge || outInterface === undefined || protocol || src || dst) return false;
    if (inInterface === undefined) return !outInterface.negated && matches.length > 0;
    return !inInterface.negated && inInterface.value.name === outInterface.value.name;
  }
  if (table !== 'nat' || target.kind !== 'extension' || target.extension !== 'MASQUERADE') return false;
  return ofBridge && outInterface?.negated === true && src !== undefined && dst === undefined;
}

/** Forms of libvirt before it had chains of its own: a bridge with its network, its names and leases, its masquerading. */
function isLibvirts({ table, chain, base, target }: Rule): boolean {
  const { inInterface, outInterface, src, dst } = base;
  if (table === 'nat') {
    if (!src || src.negated || !dst || inInterface || outInterface) return false;
    const [from, to] = [networkTextShort(src.value), networkTextShort(dst.value)];
    if (target.kind === 'extension' && target.extension === 'MASQUERADE') return dst.negated && from === to;
    const returns = target.kind === 'verdict' && target.verdict === 'RETURN';
    return returns && !dst.negated && (to === '224.0.0.0/24' || to === '255.255.255.255');
  }
  const into = libvirtBridge.test(nameOf(inInterface)) && !inInterface?.negated;
  const out = libvirtBridge.test(nameOf(outInterface)) && !outInterface?.negated;
  if (!into && !out) return false;
  if (base.protocol) return chain !== 'FORWARD' && into !== out && src === undefined && dst === undefined;
  if (into && out) return nameOf(inInterface) === nameOf(outInterface);
  if (target.kind === 'extension') return target.extension === 'REJECT';
  return into ? src !== undefined : dst !== undefined;
}

/**
 * The id of the program that a rule of a built-in chain must be of, by its comment or its form; undefined: the
 * administrator's, as far as anybody can tell. `bridges`: whether the ruleset names a bridge of libvirt.
 */
export function generatorOfRule(rule: Rule, bridges: boolean): string | undefined {
  for (const { extension, known, data } of rule.matches) {
    // A comment without its text would not load; nothing is known of it.
    if (extension !== 'comment' || !known) continue;
    const { text } = data as { readonly text: string };
    const found = comments.find(([beginning]) => beginning.test(text));
    if (found) return found[1];
  }
  if (isDockers(rule)) return 'docker';
  return bridges && isLibvirts(rule) ? 'libvirt' : undefined;
}

/** Whether any rule names a bridge of libvirt. */
export function namesLibvirtBridge(rules: readonly Rule[]): boolean {
  return rules.some(({ base }) =>
    [base.inInterface, base.outInterface].some((device) => libvirtBridge.test(nameOf(device))),
  );
}
