/** Services that are not meant for strangers, by port; the configuration adds to them and takes away. */

/** A range of ports of one protocol with what commonly listens there. */
export interface SensitivePort {
  readonly protocol: 'tcp' | 'udp';
  /** Both ends included. */
  readonly low: number;
  readonly high: number;
  /** `the Docker API`; for ports of the configuration its own words. */
  readonly service: string;
  /** The port is also an ordinary one for other things: alone it proves little. */
  readonly common: boolean;
}

const table: readonly (readonly [ports: string, service: string, common?: 'common'])[] = [
  ['tcp/21', 'FTP'],
  ['tcp/23', 'Telnet'],
  ['udp/69', 'TFTP'],
  ['tcp/111', 'the RPC port mapper'],
  ['udp/111', 'the RPC port mapper'],
  ['tcp/135-139', 'Windows RPC and NetBIOS'],
  ['udp/137-138', 'NetBIOS'],
  ['udp/161', 'SNMP'],
  ['tcp/445', 'SMB'],
  ['tcp/512-514', 'rexec, rlogin and rsh'],
  ['udp/623', 'IPMI'],
  ['tcp/873', 'rsync'],
  ['tcp/1433', 'Microsoft SQL Server'],
  ['tcp/1521', 'Oracle'],
  ['tcp/2049', 'NFS'],
  ['tcp/2181', 'ZooKeeper'],
  ['tcp/2375', 'the Docker API without TLS'],
  ['tcp/2379-2380', 'etcd'],
  ['tcp/3260', 'iSCSI'],
  ['tcp/3306', 'MySQL'],
  ['tcp/3389', 'Remote Desktop'],
  ['tcp/4243', 'the Docker API without TLS'],
  ['tcp/5432', 'PostgreSQL'],
  ['tcp/5672', 'RabbitMQ'],
  ['tcp/5900-5910', 'VNC'],
  ['tcp/5984', 'CouchDB'],
  ['tcp/5985', 'WinRM'],
  ['tcp/6000-6010', 'X11'],
  ['tcp/6379', 'Redis'],
  ['tcp/7000', 'Cassandra between its nodes'],
  ['tcp/8080', 'a web console', 'common'],
  ['tcp/8291', 'Winbox'],
  ['tcp/8500', 'Consul'],
  ['tcp/9042', 'Cassandra'],
  ['tcp/9090', 'a management console', 'common'],
  ['tcp/9092', 'Kafka'],
  ['tcp/9200', 'Elasticsearch'],
  ['tcp/9300', 'Elasticsearch between its nodes'],
  ['tcp/10000', 'Webmin', 'common'],
  ['tcp/10250', 'the kubelet'],
  ['tcp/10255', 'the kubelet, read-only'],
  ['tcp/11211', 'memcached'],
  ['udp/11211', 'memcached'],
  ['tcp/15672', 'the console of RabbitMQ'],
  ['tcp/27017-27019', 'MongoDB'],
];

/** Reads `tcp/8200` and `udp/1000-1010`; undefined: not so written, or out of range. */
export function parsePorts(text: string): Pick<SensitivePort, 'protocol' | 'low' | 'high'> | undefined {
  const [, protocol, first, last] = /^(tcp|udp)\/(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const low = Number(first);
  const high = Number(last ?? first);
  if (protocol === undefined || low > high || high > 65535) return undefined;
  return { protocol: protocol as 'tcp' | 'udp', low, high };
}

/** What the configuration changes; texts that {@link parsePorts} takes, the others are passed over. */
export interface SensitivePortChanges {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

/** The ports that count as sensitive, in the order of protocol and number. */
export function sensitivePorts(changes: SensitivePortChanges = {}): readonly SensitivePort[] {
  const read = (text: string, service: string, common: boolean): readonly SensitivePort[] => {
    const ports = parsePorts(text);
    return ports ? [{ ...ports, service, common }] : [];
  };
  const removed = (changes.remove ?? []).flatMap((text) => parsePorts(text) ?? []);
  const known = table.flatMap(([text, service, common]) => read(text, service, common === 'common'));
  const kept = removed.reduce<readonly SensitivePort[]>(
    (list, gone) => list.flatMap((ports) => without(ports, gone)),
    known,
  );
  const added = (changes.add ?? []).flatMap((text) => read(text, 'a port of the configuration', false));
  return [...kept, ...added].sort((a, b) =>
    a.protocol === b.protocol ? a.low - b.low || a.high - b.high : a.protocol < b.protocol ? -1 : 1,
  );
}

/** What is left of a range where another is taken out of it. */
function without(
  ports: SensitivePort,
  gone: Pick<SensitivePort, 'protocol' | 'low' | 'high'>,
): readonly SensitivePort[] {
  if (gone.protocol !== ports.protocol || gone.low > ports.high || gone.high < ports.low) return [ports];
  return [
    { ...ports, high: gone.low - 1 },
    { ...ports, low: gone.high + 1 },
  ].filter(({ low, high }) => low <= high);
}
