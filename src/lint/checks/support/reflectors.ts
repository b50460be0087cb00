/** Services of UDP that answer with more than they were sent: whoever forges a sender turns them on him. */

/** One of them. */
export interface Reflector {
  readonly port: number;
  readonly service: string;
  /** A machine of this role answers everybody on purpose. */
  readonly role?: 'dns' | 'ntp';
}

/** Ports whose services answer with more than they were sent. */
export const reflectors: readonly Reflector[] = [
  { port: 17, service: 'quote of the day' },
  { port: 19, service: 'chargen' },
  { port: 53, service: 'DNS', role: 'dns' },
  { port: 123, service: 'NTP', role: 'ntp' },
  { port: 161, service: 'SNMP' },
  { port: 389, service: 'LDAP' },
  { port: 1900, service: 'SSDP' },
  { port: 3283, service: 'Apple Remote Desktop' },
  { port: 5353, service: 'multicast DNS' },
  { port: 5683, service: 'CoAP' },
  { port: 11211, service: 'memcached' },
];

/** Whether a service behind this port of UDP is one of them. */
export function isReflector(port: number | undefined): boolean {
  return reflectors.some((one) => one.port === port);
}
