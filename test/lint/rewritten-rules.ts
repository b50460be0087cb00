/**
 * Rulesets written in other ways that treat every packet alike. They work on the lines of a dump and leave alone what they
 * do not understand.
 */

/** Chains that carry names of programs mean more than their name. */
export const namedByPrograms =
  /^(?:DOCKER|KUBE|f2b|ufw|LIBVIRT|cali|IN_|FWD|CNI|NETAVARK|fail2ban|ts-|nixos|sshguard|FLANNEL|CILIUM|OLD_|tcp_|zone_|delegate|net2|loc2|fw2|all2|reject|input_|forward|output_|postrouting|prerouting|RH-|neutron|ISTIO|SERVICES|HOSTING|BANDWIDTH|bw_|fw_|oem|st_|natctrl|nat-|idletimer|in_|out_|_)/i;

/** One line that appends a rule: counters, chain, and its options. */
const appending = /^(\[\d+:\d+\] )?-A (\S+)(.*)$/;

/** Commands that count rules: a text with them cannot be cut anew line by line. */
const counting = /^(?:\[\d+:\d+\] )?-[IDR] /m;

/** What remembers or chooses, so that it matters how often and in which order it is asked. */
const remembering =
  /-m (?:limit|hashlimit|recent|statistic|connlimit|quota|connbytes|set|nfacct|rateest|osf|socket|account|condition|random)\b|-j (?:SET|MARK|CONNMARK|CT|LOG|NFLOG|ULOG|TRACE|HMARK|RATEEST|LED|IDLETIMER|AUDIT)\b/;

/** Each port of a `-m multiport` gets a rule of its own. */
export function splitMultiports(text: string): string {
  if (counting.test(text)) return text;
  const multiport = /^(.* -p (tcp|udp|sctp|dccp)\b.*?) -m multiport --(dport|sport)s (\S+)(.*)$/;
  return byLines(text, (line) => {
    const [, head = '', protocol = '', side = '', ports = '', rest = ''] = multiport.exec(line) ?? [];
    if (!ports || !appending.test(line) || remembering.test(line) || / ! (?:-p|--[ds]ports) /.test(line))
      return [line];
    if (/ -m multiport|--[ds]port /.test(`${head}${rest}`)) return [line];
    const match = head.includes(` -m ${protocol}`) ? '' : ` -m ${protocol}`;
    return ports.split(',').map((port) => `${head}${match} --${side} ${port}${rest}`);
  });
}

/** Chains of the user's own that one rule jumps to, on plain conditions, stand where they were called. */
export function inlined(text: string): string {
  if (counting.test(text)) return text;
  const [declaration] = [...text.matchAll(/^:(\S+) - .*$/gm)].filter(([, name = '']) =>
    isInlinable(text, name),
  );
  if (!declaration) return text;
  const name = declaration[1] ?? '';
  const rules = text.split('\n').filter((line) => appending.exec(line)?.[2] === name);
  const next = byLines(text, (line) => {
    if (line === declaration[0] || rules.includes(line)) return [];
    const [, counters = '', chain = '', options = ''] = appending.exec(line) ?? [];
    const jump = ` -j ${name}`;
    if (!options.endsWith(jump)) return [line];
    const conditions = options.slice(0, -jump.length);
    return rules.map((rule) => `${counters}-A ${chain}${conditions}${appending.exec(rule)?.[3] ?? ''}`);
  });
  return inlined(next);
}

function isInlinable(text: string, name: string): boolean {
  const lines = text.split('\n');
  // A name that stands in several tables is several chains.
  if (namedByPrograms.test(name) || lines.filter((line) => line.startsWith(`:${name} `)).length !== 1)
    return false;
  const rules = lines.filter((line) => appending.exec(line)?.[2] === name);
  const callers = lines.filter((line) => new RegExp(` -[jg] ${escaped(name)}(?: |$)`).test(line));
  const [caller = ''] = callers;
  const conditions = appending.exec(caller)?.[3]?.replace(/ -j \S+$/, '') ?? ' -g';
  if (callers.length !== 1 || rules.length === 0 || rules.some((rule) => / -g | -j RETURN\b/.test(rule)))
    return false;
  // Asked once for each rule, and beside the rule's own conditions.
  if (!/^(?: (?:! )?-[iospd] [^!\s-]\S*| -m conntrack --ctstate \S+)*$/.test(conditions)) return false;
  const asked = conditions.match(/ -[iospd] | -m \S+/g) ?? [];
  return !rules.some((rule) => asked.some((option) => rule.includes(option)) || remembering.test(rule));
}

/** Each rule and the next are exchanged where no packet can match both. */
export function shuffled(text: string): string {
  if (counting.test(text)) return text;
  const lines = text.split('\n');
  for (let index = 0; index + 1 < lines.length; index++) {
    const [one = '', other = ''] = lines.slice(index, index + 2);
    if (!areDisjoint(one, other)) continue;
    lines.splice(index, 2, other, one);
    index++;
  }
  return lines.join('\n');
}

/** Whether two lines are rules of one chain that say so by a port, a protocol or an interface. */
function areDisjoint(one: string, other: string): boolean {
  const chains = [one, other].map((line) => appending.exec(line)?.[2]);
  if (chains[0] === undefined || chains[0] !== chains[1]) return false;
  if ([one, other].some((line) => / ! |-m multiport|-[jg] \w+\b.* --/.test(line) || remembering.test(line)))
    return false;
  if ([one, other].some((line) => !/ -j (?:ACCEPT|DROP|REJECT)\b/.test(line))) return false;
  const of = (line: string, option: RegExp): string | undefined => option.exec(line)?.[1];
  const differ = (option: RegExp): boolean => {
    const [left, right] = [of(one, option), of(other, option)];
    return left !== undefined && right !== undefined && left !== right;
  };
  return differ(/ -p (tcp|udp|icmp)\b/) || differ(/ --dport (\d+)(?= |$)/) || differ(/ -i ([\w.-]+)(?= |$)/);
}

/** Interfaces `eth0` and `eth+` as `eth70` and `eth7+`: names of this kind say nothing. */
export function renamedInterfaces(text: string, from: string, to: string): string {
  return text.replace(new RegExp(`(?<![\\w-])${from}(?=\\d+\\b|\\+)`, 'g'), to);
}

/**
 * What `ip -j addr` and `ip -j route` might print on a machine of these rules: each interface that they name is there, has an
 * address of the networks that rules connect with it, and the first of `outside` leads to everywhere.
 */
export function contextFor(rules: string, outside: readonly string[], own: readonly string[]): string {
  const named = [...rules.matchAll(/ -[io] ([\w.-]+)(?= |$)/gm)].map(([, name = '']) => name);
  // A machine that forwards has two interfaces at least.
  const forwards = /^-A FORWARD | -j DNAT /m.test(rules) && new Set([...outside, ...named, 'lo']).size < 3;
  const names = [...new Set([...outside, ...named, ...(forwards ? ['eth1'] : [])])].filter(
    (name) => name !== 'lo',
  );
  const interfaces = names.map((name, index) => {
    const inside = `${networkBehind(rules, name) ?? `192.168.${100 + index}`}.1`;
    const addresses = name === outside[0] ? [...own, ...(own.length === 0 ? ['203.0.113.1'] : [])] : [inside];
    return { name, index: index + 2, addresses };
  });
  const addr = [
    {
      ifname: 'lo',
      ifindex: 1,
      flags: ['LOOPBACK', 'UP'],
      link_type: 'loopback',
      addr_info: [addressOf('127.0.0.1', 8)],
    },
    ...interfaces.map(({ name, index, addresses }) => ({
      ifname: name,
      ifindex: index,
      flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
      link_type: 'ether',
      addr_info: [
        ...addresses.map((address) => addressOf(address, 24)),
        { family: 'inet6', local: `2001:db8:${index}::1`, prefixlen: 64, scope: 'global' },
      ],
    })),
  ];
  const routes = interfaces.flatMap(({ name, addresses }) => [
    ...(name === outside[0] ? [{ dst: 'default', gateway: '203.0.113.254', dev: name, flags: [] }] : []),
    ...addresses.map((address) => ({
      dst: address.replace(/\d+$/, '0/24'),
      dev: name,
      protocol: 'kernel',
      scope: 'link',
      prefsrc: address,
      flags: [],
    })),
  ]);
  return `${JSON.stringify(addr)}\n${JSON.stringify(routes)}\n`;
}

/** The first three octets of a network that rules connect with an interface. */
function networkBehind(rules: string, name: string): string | undefined {
  const octets = '((?!127\\.)\\d+\\.\\d+\\.\\d+)\\.\\d+';
  const comes = new RegExp(` -s ${octets}\\S* (?:.* )?(?:-i|! -o) ${escaped(name)} `);
  const goes = new RegExp(` -d ${octets}\\S* (?:.* )?(?:-o|! -i) ${escaped(name)} `);
  return (comes.exec(rules) ?? goes.exec(rules))?.[1];
}

function addressOf(local: string, prefixlen: number) {
  return { family: 'inet', local, prefixlen, scope: local.startsWith('127.') ? 'host' : 'global' };
}

function byLines(text: string, change: (line: string) => readonly string[]): string {
  return text.split('\n').flatMap(change).join('\n');
}

function escaped(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
