import type { Network } from '../../net/address.ts';
import { networkTextShort } from '../../net/address-text.ts';
import { parseProtocol } from '../../net/protocols.ts';
import { resolvePort } from '../../net/services.ts';
import { complementIf } from '../../packetset/space.ts';
import { type BoundOption, defineMatch, type OptionType, type Refusal, refuse } from '../define.ts';
import { hostMask } from '../host-address.ts';
import { flag, oneOf } from '../option-types.ts';
import { option } from '../printed-words.ts';

interface Negatable<T> {
  readonly value: T;
  readonly negated: boolean;
}

/** Conditions on the IPVS connection that the packet belongs to; all must hold. */
export interface IpvsData {
  /** Undefined where another condition is there, which includes it. */
  readonly ipvs: { readonly negated: boolean } | undefined;
  readonly protocol: Negatable<number> | undefined;
  readonly address: Negatable<Network> | undefined;
  readonly port: Negatable<number> | undefined;
  readonly direction: 'ORIGINAL' | 'REPLY' | undefined;
  readonly method: Negatable<'GATE' | 'IPIP' | 'MASQ'> | undefined;
  readonly controlPort: Negatable<number> | undefined;
}

const protocolOption: OptionType<number> = {
  arity: 1,
  placeholder: 'protocol',
  shape: { kind: 'words', values: ['tcp', 'udp', 'sctp', '50'] },
  parse(words, context) {
    const word = words[0] ?? '';
    return (
      parseProtocol(word) ??
      refuse('bad-protocol', `unknown protocol "${word}" specified`, { word, option: context.option })
    );
  },
};

const portOption: OptionType<number> = {
  arity: 1,
  placeholder: 'port',
  shape: { kind: 'integer', min: 0, max: 65535 },
  parse(words, context) {
    const word = words[0] ?? '';
    return (
      resolvePort(word) ??
      refuse('bad-port', `Port "${word}" does not resolve to anything.`, { word, option: context.option })
    );
  },
};

const bad = (name: string) => (word: string) => `ipvs: Bad value for "--${name}" option: "${word}"`;

const negatable = <T>(o: BoundOption<T> | undefined) => o && { value: o.value, negated: o.negated };

function conditions(d: IpvsData): readonly string[] {
  const out: string[] = [];
  if (d.protocol) out.push(option('vproto', String(d.protocol.value), d.protocol.negated));
  if (d.address) out.push(option('vaddr', networkTextShort(d.address.value), d.address.negated));
  if (d.port) out.push(option('vport', String(d.port.value), d.port.negated));
  if (d.direction) out.push(option('vdir', d.direction));
  if (d.method) out.push(option('vmethod', d.method.value, d.method.negated));
  if (d.controlPort) out.push(option('vportctl', String(d.controlPort.value), d.controlPort.negated));
  return d.ipvs ? [option('ipvs', '', d.ipvs.negated)] : out;
}

/** Connections of the IP virtual server, which fwsim does not keep: its answer is asked for. */
export const ipvs = defineMatch({
  name: 'ipvs',
  families: ['ipv4', 'ipv6'],
  options: {
    ipvs: { type: flag, invertible: true },
    vproto: { type: protocolOption, invertible: true },
    vaddr: { type: hostMask, invertible: true },
    vport: { type: portOption, invertible: true },
    vdir: { type: oneOf(['ORIGINAL', 'REPLY'], bad('vdir'), { ignoreCase: true }) },
    vmethod: {
      type: oneOf(['GATE', 'IPIP', 'MASQ'], bad('vmethod'), { ignoreCase: true }),
      invertible: true,
    },
    vportctl: { type: portOption, invertible: true },
  },
  constraints: {},
  needs: ['sockets'],
  bind: (o): IpvsData | Refusal => {
    const data: IpvsData = {
      ipvs: o.ipvs && { negated: o.ipvs.negated },
      protocol: negatable(o.vproto),
      address: negatable(o.vaddr),
      port: negatable(o.vport),
      direction: o.vdir?.value,
      method: negatable(o.vmethod),
      controlPort: negatable(o.vportctl),
    };
    const count = Object.values(data).filter((c) => c !== undefined).length;
    if (count === 0) return refuse('missing-option', 'IPVS: At least one option is required');
    return data.ipvs?.negated && count > 1
      ? refuse('bad-combination', '! --ipvs cannot be together with other options', {
          word: '--ipvs',
          option: '--ipvs',
        })
      : count > 1
        ? { ...data, ipvs: undefined }
        : data;
  },
  print: conditions,
  compile: (d) => {
    const onlyNot = d.ipvs?.negated === true;
    return (_packet, env) => env.ask('ipvs', onlyNot ? ['matching', 'other'] : ['other', 'matching']);
  },
  packets: (d, space) => {
    const onlyNot = d.ipvs?.negated === true;
    const key = `ipvs ${onlyNot ? '--ipvs' : conditions(d).join(' ')}`;
    return complementIf(
      onlyNot,
      space,
      space.choice({ kind: 'pure', key, reads: ['src', 'dst', 'sport', 'dport'] }),
    );
  },
  docs: {
    summary: 'Connection of the IP virtual server that the packet belongs to.',
    man: 'iptables-extensions(8) ipvs',
    kernel: 'net/netfilter/xt_ipvs.c ipvs_mt()',
  },
});
