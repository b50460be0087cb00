/** Rulesets of any size. */

/** Rules with sources that have nothing in common. */
export function distinctSources(count: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const n = Math.imul(i + 1, 0x9e3779b1) >>> 0;
    return `-A INPUT -s ${1 + (n >>> 25)}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}/32 -j DROP`;
  });
  return ['*filter', ':INPUT ACCEPT [0:0]', ...lines, 'COMMIT', ''].join('\n');
}

/** Services with three endpoints each, as kube-proxy writes them: ten rules a service. */
export function kubeServices(count: number): string {
  const chains: string[] = [];
  const rules: string[] = [];
  for (let s = 0; s < count; s++) {
    const vip = `10.96.${s >>> 8}.${s & 255}`;
    chains.push(`:SVC-${s} - [0:0]`);
    rules.push(`-A SERVICES -d ${vip}/32 -p tcp -m tcp --dport 80 -j SVC-${s}`);
    for (let e = 0; e < 3; e++) {
      const pod = `10.${244 + ((s * 3 + e) >>> 16)}.${((s * 3 + e) >>> 8) & 255}.${(s * 3 + e) & 255}`;
      chains.push(`:SEP-${s}-${e} - [0:0]`);
      rules.push(`-A SVC-${s} -m statistic --mode random --probability 0.3333 -j SEP-${s}-${e}`);
      rules.push(`-A SEP-${s}-${e} -s ${pod}/32 -j MASQ`);
      rules.push(`-A SEP-${s}-${e} -p tcp -m tcp -j DNAT --to-destination ${pod}:8080`);
    }
  }
  return [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    ':SERVICES - [0:0]',
    ':MASQ - [0:0]',
    ...chains,
    '-A PREROUTING -j SERVICES',
    '-A OUTPUT -j SERVICES',
    '-A MASQ -j MARK --set-xmark 0x4000/0x4000',
    ...rules,
    'COMMIT',
    '',
  ].join('\n');
}
