/** Which extensions can be held to the running kernel case by case, and why the others cannot. */

import { exercisedKeys } from './exercised.ts';

/** Extensions that no case is steered to, each with the reason. */
const notOnKernel: Readonly<Record<string, string>> = {
  'match account': 'not part of Linux',
  'match cgroup': 'asks for the control group of a process, which no input tells',
  'match cpu': 'which processor takes a packet is not the same twice',
  'match ipvs': 'this kernel has no IPVS',
  'match nfacct': 'its objects are made by a program that is not here',
  'match osf': 'fingerprints are loaded by a program that is not here',
  'match rateest': 'measures packets per second',
  'match time': 'asks the clock',
  'target CLUSTERIP': 'no longer part of Linux (6.12)',
  'target CONNSECMARK': 'needs a kernel that labels packets',
  'target IDLETIMER': 'its timers are shared by all namespaces',
  'target LED': 'this kernel has no LEDs',
  'target MIRROR': 'no longer part of Linux (2.6)',
  'target NFQUEUE': 'hands packets over to a program',
  'target RATEEST': 'measures packets per second',
  'target SECMARK': 'needs a kernel that labels packets',
  'target SYNPROXY': 'its cookies depend on the clock and on a secret',
  'target TEE': 'the recorder cannot tell the copy from the packet',
  'target TRACE': 'the recorder reads the same trace',
  'target ULOG': 'no longer part of Linux (3.17)',
};

/** Extensions of which no rule loads, each with the reason: no case is steered to them at all. */
const neverLoads: Readonly<Record<string, string>> = {
  'match account': 'iptables has it no more',
  'target MIRROR': 'iptables has it no more',
  'target ULOG': 'iptables has it no more',
};

const kindAndName = (key: string): string => key.slice(key.indexOf(' ') + 1);

/** Extensions that rules can be made with, by family. */
export const loadableKeys: readonly string[] = exercisedKeys.filter(
  (key) => !(kindAndName(key) in neverLoads),
);

/** The extensions that the kernel's cases are steered to, by family. */
export const kernelKeys: readonly string[] = exercisedKeys.filter(
  (key) => !(kindAndName(key) in notOnKernel),
);

/** Why an extension is not tried on the kernel; undefined: it is. */
export function whyNotOnKernel(key: string): string | undefined {
  return notOnKernel[kindAndName(key)];
}

const unfitNames = Object.keys(notOnKernel).map((k) => {
  const [kind = '', name = ''] = k.split(' ');
  return kind === 'match' ? `-m ${name}` : `-j ${name}`;
});

/** Options whose answer is up to chance, to the clock, or to what is not described. */
const unfit =
  /random|--timeout|--path|--seconds|--reap|--rttl|--hashlimit-\w+ .*\/(s|m)|--limit \S+\/(s|m)|--fragment |--queue|--dccp-|--suppl-groups|(MASQUERADE|SNAT) .*\d-\d/;

/** Whether the answer of a rule for this extension is the same each time, and known. */
export function fitsKernel(rule: string, key: string): boolean {
  // A text of no named family is taken for one of IPv4 where it speaks of ICMP.
  if (key.startsWith('ipv6') && / ?-p icmp /.test(rule)) return false;
  return !unfit.test(rule) && !unfitNames.some((n) => rule.includes(`${n} `) || rule.endsWith(n));
}

/** Rules for what the tables of extensions have only in forms that are not the same twice, or that need sets. */
export const kernelRules: Readonly<Record<string, readonly string[]>> = {
  // The protocol; a port behind a header of any length; the length; the mark; arithmetic; offsets from the header.
  'match bpf': [
    '-m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"',
    '-m bpf --bytecode "4,48 0 0 6,21 0 1 17,6 0 0 1,6 0 0 0"',
    '-m bpf --bytecode "8,48 0 0 0,84 0 0 240,21 0 4 64,177 0 0 0,72 0 0 2,53 0 1 443,6 0 0 1,6 0 0 0"',
    '-m bpf --bytecode "4,128 0 0 0,37 0 1 60,6 0 0 1,6 0 0 0"',
    '-m bpf --bytecode "4,32 0 0 4294963220,69 0 1 1,6 0 0 1,6 0 0 0"',
    '-m bpf --bytecode "8,48 0 0 8,20 0 0 1,84 0 0 7,7 0 0 0,48 0 0 6,12 0 0 0,148 0 0 3,22 0 0 0"',
    '-m bpf --bytecode "6,40 0 0 4293918736,2 0 0 3,96 0 0 3,116 0 0 4,84 0 0 1,22 0 0 0"',
  ],
  'match hashlimit': [
    '-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name steered1',
    '-m hashlimit --hashlimit-above 1/hour --hashlimit-burst 1 --hashlimit-mode dstip,dstport --hashlimit-name steered2',
  ],
  'match limit': [
    '-m limit --limit 1/hour --limit-burst 2',
    '-m limit --limit 1/day --limit-burst 4',
    '-m limit --limit 2/hour --limit-burst 1',
  ],
  'match recent': [
    '-m recent --set --name steered --rsource',
    '-m recent --rcheck --name steered --rdest',
    '-m recent ! --update --name steered --hitcount 2 --rsource',
  ],
  'match set': [
    '-m set --match-set hosts src',
    '-m set ! --match-set nets dst',
    '-m set --match-set services dst,dst',
    '-m set --match-set ports dst',
  ],
  'match statistic': [
    '-m statistic --mode nth --every 2 --packet 0',
    '-m statistic --mode nth ! --every 3 --packet 1',
  ],
  'target SET': [
    '-j SET --add-set hosts src',
    '-j SET --del-set hosts dst',
    '-j SET --add-set hosts dst --exist',
  ],
};
