/** Short forms of common questions: who reaches this service, what does this address reach. */

import { addressText, parseAddress } from '../net/address-text.ts';
import { parseProtocol } from '../net/protocols.ts';

/** The words of a short form, or why it is none. */
export type ShortQuestion = { readonly words: readonly string[] } | { readonly problem: string };

const form = 'ADDRESS, ADDRESS:PORT or ADDRESS:PORT/PROTOCOL; an IPv6 address with a port stands in []';

/**
 * `203.0.113.1`, `203.0.113.1:22`, `203.0.113.1:53/udp`, `[2001:db8::1]:443` as destination in match options. Without
 * a protocol, a port is one of TCP.
 */
export function destinationWords(text: string): ShortQuestion {
  const [, bracketed, plain, port, protocol = 'tcp'] =
    /^(?:\[([^\]]*)\]|([^[\]/]*?))(?::(\d{1,5}))?(?:\/([a-z0-9-]+))?$/i.exec(text) ?? [];
  const whole = parseAddress('ipv6', text);
  const address =
    whole ?? parseAddress('ipv4', plain ?? '') ?? parseAddress('ipv6', bracketed ?? plain ?? '');
  if (address === undefined) return { problem: `"${text}" is not ${form}` };
  const words = ['-d', addressText(address)];
  if (whole !== undefined || port === undefined) return { words };
  if (Number(port) > 65535) return { problem: `"${port}" is no port` };
  const number = parseProtocol(protocol);
  if (number === undefined) return { problem: `"${protocol}" is no protocol` };
  return { words: ['-p', protocol.toLowerCase(), ...words, '--dport', port] };
}

/** An address or network as source. */
export function sourceWords(text: string): ShortQuestion {
  const [address = '', length] = text.split('/');
  const known = parseAddress('ipv4', address) ?? parseAddress('ipv6', address);
  if (known === undefined || (length !== undefined && !/^\d{1,3}$/.test(length)))
    return { problem: `"${text}" is no address` };
  return { words: ['-s', text] };
}
