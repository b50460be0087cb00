import { complementIf } from '../../packetset/space.ts';
import { defineMatch, invertTri, NO, type Refusal, refuse } from '../define.ts';
import { freeText, integer } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** One of both: a class of net_cls, or a path below the root of cgroup2. */
export type CgroupData =
  | { readonly kind: 'class'; readonly id: number; readonly negated: boolean }
  | { readonly kind: 'path'; readonly path: string; readonly negated: boolean };

const keyOf = (d: CgroupData): string => (d.kind === 'class' ? String(d.id) : d.path);

/** Control group of the process that sent the packet. Packets without a socket match neither this nor its negation. */
export const cgroup = defineMatch({
  name: 'cgroup',
  families: ['ipv4', 'ipv6'],
  options: {
    path: { type: freeText(511, { tooLong: 'cut' }), invertible: true },
    cgroup: { type: integer(0, 0xffffffff), invertible: true },
  },
  constraints: { hooks: ['INPUT', 'OUTPUT', 'POSTROUTING'] },
  needs: ['owner', 'sockets'],
  bind: (o): CgroupData | Refusal => {
    const { path, cgroup: id } = o;
    if (path && id) {
      return refuse(
        'excluded-option',
        'cgroup: option "--path" and "--cgroup" cannot be used together (Invalid argument)',
        { word: '--path', option: '--path' },
      );
    }
    if (path) return { kind: 'path', path: path.value, negated: path.negated };
    if (id) return { kind: 'class', id: id.value, negated: id.negated };
    return refuse('missing-option', 'cgroup: needs --path or --cgroup (Invalid argument)');
  },
  print: (d) => [
    d.kind === 'path'
      ? option('path', saveString(d.path), d.negated)
      : option('cgroup', String(d.id), d.negated),
  ],
  compile: (d) => {
    const topic = `cgroup:${keyOf(d)}`;
    return (_packet, env) => {
      // In INPUT, the socket that the packet goes to may have been found early.
      if (!env.hasSocket && env.hook !== 'INPUT') return NO;
      const within = env.ask(topic, ['no', 'yes']);
      return d.negated ? invertTri(within) : within;
    };
  },
  packets: (d, space) => {
    const within = space.choice({ kind: 'pure', key: `cgroup ${keyOf(d)}`, reads: [] });
    const socket = space.choice({ kind: 'pure', key: 'cgroup socket', reads: [] });
    const known = space.or(space.has('uid'), socket);
    return space.and(known, complementIf(d.negated, space, within));
  },
  docs: {
    summary: 'Control group of the sending process.',
    man: 'iptables-extensions(8) cgroup',
    kernel: 'net/netfilter/xt_cgroup.c cgroup_mt_v2()',
  },
});
