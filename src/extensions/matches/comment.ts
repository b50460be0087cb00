import { defineMatch, YES } from '../define.ts';
import { freeText } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** The remark, cut to 255 bytes. */
export interface CommentData {
  readonly text: string;
}

/** Text for people; every packet matches. At most 255 bytes, the rest is cut off. */
export const comment = defineMatch({
  name: 'comment',
  families: ['ipv4', 'ipv6'],
  options: { comment: { type: freeText(255, { tooLong: 'cut' }), required: true } },
  constraints: {},
  needs: [],
  bind: (o): CommentData => ({ text: o.comment.value }),
  print: (d) => [option('comment', saveString(d.text))],
  compile: () => () => YES,
  columns: () => [],
  packets: (_d, space) => space.all,
  docs: {
    summary: 'A remark of up to 255 bytes; matches every packet.',
    man: 'iptables-extensions(8) comment',
    kernel: 'net/netfilter/xt_comment.c comment_mt()',
  },
});
