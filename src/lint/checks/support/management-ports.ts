/** Ports by which machines are managed. */

/** A port of one protocol with what listens there. */
export interface ManagementPort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly service: string;
}

/** SSH, and what else a router is managed by. */
export const managementPorts: readonly ManagementPort[] = [
  { protocol: 'tcp', port: 22, service: 'SSH' },
  { protocol: 'tcp', port: 23, service: 'Telnet' },
  { protocol: 'udp', port: 161, service: 'SNMP' },
  { protocol: 'udp', port: 623, service: 'IPMI' },
  { protocol: 'tcp', port: 8291, service: 'Winbox' },
  { protocol: 'tcp', port: 9090, service: 'Cockpit' },
  { protocol: 'tcp', port: 10000, service: 'Webmin' },
];

/** Whether a range begins at one of {@link managementPorts}. */
export function isManagementPort(ports: { readonly protocol: string; readonly low: number }): boolean {
  return managementPorts.some((m) => m.protocol === ports.protocol && m.port === ports.low);
}
