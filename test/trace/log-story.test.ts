/**
 * Goal: a line is traced to the rule that wrote it. Method: walk the packets of the examples; write each log line as
 * the kernel would; ask who wrote it.
 */
import { describe, expect, test } from 'vitest';
import { defaultRegistry, explainLog, tracePacket } from '../../src/index.ts';
import { type Packet, tcpFlag } from '../../src/model/packet.ts';
import type { RuleRef, Trace } from '../../src/model/trace.ts';
import { addressText } from '../../src/net/address-text.ts';
import { decidedBy } from '../../src/trace/outcome.ts';
import { readExamples } from '../support/examples.ts';

const registry = defaultRegistry();

interface Written {
  readonly rule: RuleRef;
  readonly line: string;
}

/** The lines that a walk writes, as the kernel's nf_log_syslog.c puts them. */
function linesOf(trace: Trace): readonly Written[] {
  const written: Written[] = [];
  let p: Packet = trace.packet;
  let into = '';
  let out = '';
  for (const event of trace.events) {
    if (event.kind === 'hook') {
      into = event.inInterface ?? '';
      out = event.outInterface ?? '';
    } else if (event.kind === 'nat') p = { ...p, ...event.after };
    else if (event.kind === 'change' && event.field === 'ttl') p = { ...p, ttl: event.after as number };
    else if (event.kind === 'log') {
      const names = Object.entries(tcpFlag).flatMap(([name, bit]) => (p.tcpFlags & bit ? [name] : []));
      const above =
        p.protocol === 6
          ? `TCP SPT=${p.sport} DPT=${p.dport} WINDOW=${p.window} RES=0x00 ${names.join(' ')} URGP=0`
          : p.protocol === 17
            ? `UDP SPT=${p.sport} DPT=${p.dport} LEN=8`
            : p.protocol === 1
              ? `ICMP TYPE=${p.icmpType} CODE=${p.icmpCode} ID=${p.icmpId} SEQ=${p.icmpSeq}`
              : String(p.protocol);
      const owner = p.uid === undefined ? '' : ` UID=${p.uid} GID=${p.gid}`;
      const mac = into === '' ? '' : 'MAC= ';
      written.push({
        rule: event.rule,
        line: `Nov 22 04:46:44 gw kernel: ${event.prefix}IN=${into} OUT=${out} ${mac}SRC=${addressText(p.src)} DST=${addressText(p.dst)} LEN=${p.lengthBytes} TOS=0x00 PREC=0x00 TTL=${p.ttl} ID=${p.identification} DF PROTO=${above}${owner} `,
      });
    }
  }
  return written;
}

const cases = readExamples().flatMap((example) => {
  const texts = [
    { name: `${example.name}.rules`, text: example.text },
    ...(example.context === undefined ? [] : [{ name: 'context', text: example.context }]),
  ];
  const known = [
    ...example.addresses.map((a) => `local=${a.split('/')[0]}`),
    ...('net.ipv4.ip_forward' in example.sysctls
      ? [`forwarding=${example.sysctls['net.ipv4.ip_forward'] === '1' ? 'on' : 'off'}`]
      : []),
  ];
  return example.packets.flatMap((packet) => {
    const { traced } = tracePacket(texts, {
      registry,
      expression: packet.text.replace(/^--local /, '').split(' '),
      local: packet.local,
      assume: [...known, ...packet.assumptions],
    });
    return (traced?.exploration.branches ?? []).flatMap(({ trace }) =>
      linesOf(trace).map((w) => ({ example: example.name, texts, known, trace, ...w })),
    );
  });
});

describe('lines of the examples', () => {
  test('there are some, at all hooks', () => {
    expect(cases.length).toBeGreaterThan(20);
    const hooks = cases.map(({ line }) => /IN=(\S*) OUT=(\S*)/.exec(line)?.slice(1).map(Boolean).join());
    expect(new Set(hooks)).toEqual(new Set(['true,false', 'true,true', 'false,true']));
  });

  test.each(cases.map((c, n) => [`${n} ${c.example} ${c.rule.chain}#${c.rule.number}`, c] as const))(
    '%s',
    (_name, { texts, known, line, rule, trace }) => {
      const { story } = explainLog(texts, { registry, log: { name: 'log', text: line }, assume: known });
      expect(story?.diagnostics).toEqual([]);
      const [group] = story?.groups ?? [];
      expect(group?.logged.writtenBy.map((w) => [w.rule.chain, w.rule.index + 1])).toContainEqual([
        rule.chain,
        rule.number,
      ]);
      const ends = group?.ways.map(({ branch }) => decidedBy(branch.trace));
      expect(ends).toContainEqual(decidedBy(trace));
      for (const { mend } of group?.ways ?? []) if (mend) expect(mend).toMatchObject({ proved: true });
    },
  );
});
