import { readUnsignedPrefix } from '../../net/integer-text.ts';
import { complementIf } from '../../packetset/space.ts';
import { connectionKey } from '../connection-key.ts';
import { defineMatch, invertTri, type OptionType, refuse, type Tri, tri, YES } from '../define.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** A label of the connection. */
export interface ConnlabelData {
  /** 0 to 127. */
  readonly bit: number;
  /** Sets the label where it is not set; then it always is. */
  readonly set: boolean;
  readonly negated: boolean;
}

const bitMax = 127;

/** A bit number; names stand in connlabel.conf. Source: iptables 1.8.9 extensions/libxt_connlabel.c connlabel_mt_parse(). */
const label: OptionType<number> = {
  arity: 1,
  placeholder: 'name|bit',
  shape: { kind: 'integer', min: 0, max: bitMax },
  parse(words, context) {
    const text = words[0] ?? '';
    if (text === '')
      return refuse('too-short', 'Argument must have a minimum length of 1 characters', {
        word: context.option,
        option: context.option,
      });
    const number = readUnsignedPrefix(text);
    const value = number && Number(BigInt.asUintN(32, number.value));
    if (value === undefined || number?.rest !== '' || value === 0xffffffff)
      return refuse('unknown-label', `label '${text}' not found or invalid value`, {
        word: text,
        option: context.option,
        hint: 'names of labels stand in /etc/xtables/connlabel.conf, which is not read: write the bit, 0 to 127',
      });
    const bit = value & 0xffff;
    return bit <= bitMax
      ? bit
      : refuse('bad-value', `connlabel: bit ${bit} is above ${bitMax} (Numerical result out of range)`, {
          word: text,
          option: context.option,
        });
  },
};

/** Labels that rules have set, by connection, beyond those that the entry came with. */
type SetLabels = Readonly<Record<string, readonly number[]>>;
const slot = 'connlabels';

/** A label of the packet's connection: one of 128 bits. */
export const connlabel = defineMatch({
  name: 'connlabel',
  families: ['ipv4', 'ipv6'],
  options: {
    label: { type: label, required: true, invertible: true },
    set: { type: flag },
  },
  constraints: {},
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): ConnlabelData => ({
    bit: o.label.value,
    set: o.set !== undefined,
    negated: o.label.negated,
  }),
  print: (d) => [option('label', `"${d.bit}"`, d.negated), ...(d.set ? [option('set')] : [])],
  compile: (d) => {
    const topic = `connlabel:${d.bit}`;
    return (_packet, env) => {
      const { entry } = env.connection;
      if (!entry) return tri(false, d.negated);
      const all = (env.readState(slot) as SetLabels | undefined) ?? {};
      const key = connectionKey(entry);
      const own = all[key] ?? [];
      let has: Tri = tri(entry.labels.includes(d.bit) || own.includes(d.bit));
      if (d.set) {
        if (has !== YES) env.writeState(slot, { ...all, [key]: [...own, d.bit] });
        has = YES;
      } else if (has !== YES && env.timeMs === undefined) has = env.ask(topic, ['no', 'yes']);
      return d.negated ? invertTri(has) : has;
    };
  },
  packets: (d, space) => {
    const label = d.set
      ? space.all
      : space.choice({ kind: 'shared', list: 'connlabel', key: `connlabel ${d.bit}` });
    return complementIf(d.negated, space, space.and(space.tracked(), label));
  },
  docs: {
    summary: 'A label of the connection; sets it if told to.',
    man: 'iptables-extensions(8) connlabel',
    kernel: 'net/netfilter/xt_connlabel.c connlabel_mt()',
  },
});
