/**
 * Dead rules with their covers, from text to answer, beside reading alone; and one packet looked up in a finished set.
 * The bars: a gateway's 5,556 rules in 1 s warm, 10,000 distinct sources in 2 s, kube-proxy's rules in time that grows
 * as they do; a look-up in a microsecond.
 *
 * The gateway is the dump of the shared data (`FWSIM_SHARED`); without it, that part is left out.
 */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { analyse } from '../src/analysis/analysis.ts';
import { answerRules, type RuleAnswers } from '../src/analysis/rule-answers.ts';
import { nowOf } from '../src/analysis/table-run.ts';
import { measure } from '../src/dev/measure.ts';
import { defaultRegistry, readMachine } from '../src/index.ts';
import { ipv4 } from '../src/net/address.ts';
import type { PacketView } from '../src/packetset/packet-view.ts';
import { sharedPath } from '../test/support/shared.ts';

const registry = defaultRegistry();
const gatewayDump =
  'corpus/gateway/net-network__configs_chair_for_Network_Architectures_and_Services__iptables-save-2016-06-27_16-29-01.gz';

function trial(text: string): RuleAnswers {
  const { rulesets, machine } = readMachine([{ name: 'bench', text }], { registry });
  const ruleset = rulesets[0]?.linked.ruleset;
  if (ruleset === undefined) throw new Error('no ruleset');
  const answers = answerRules(analyse({ ruleset, machine, registry }));
  for (const rule of answers.dead()) answers.death(rule);
  return answers;
}

/** Rules with sources that have nothing in common. */
function sources(count: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const n = Math.imul(i + 1, 0x9e3779b1) >>> 0;
    return `-A INPUT -s ${1 + (n >>> 25)}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}/32 -j DROP`;
  });
  return ['*filter', ':INPUT ACCEPT [0:0]', ...lines, 'COMMIT', ''].join('\n');
}

/** Services with three endpoints each, as kube-proxy writes them: twelve rules a service. */
function services(count: number): string {
  const chains: string[] = [];
  const rules: string[] = [];
  for (let s = 0; s < count; s++) {
    const vip = `10.96.${s >>> 8}.${s & 255}`;
    chains.push(`:SVC-${s} - [0:0]`);
    rules.push(`-A SERVICES -d ${vip}/32 -p tcp -m tcp --dport 80 -j SVC-${s}`);
    for (let e = 0; e < 3; e++) {
      const pod = `10.${244 + ((s * 3 + e) >>> 16)}.${((s * 3 + e) >>> 8) & 255}.${(s * 3 + e) & 255}`;
      chains.push(`:SEP-${s}-${e} - [0:0]`);
      rules.push(`-A SVC-${s} -m statistic --mode random --probability 0.3333 -j SEP-${s}-${e}`);
      rules.push(`-A SEP-${s}-${e} -s ${pod}/32 -j MASQ`);
      rules.push(`-A SEP-${s}-${e} -p tcp -m tcp -j DNAT --to-destination ${pod}:8080`);
    }
  }
  return [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    ':SERVICES - [0:0]',
    ':MASQ - [0:0]',
    ...chains,
    '-A PREROUTING -j SERVICES',
    '-A OUTPUT -j SERVICES',
    '-A MASQ -j MARK --set-xmark 0x4000/0x4000',
    ...rules,
    'COMMIT',
    '',
  ].join('\n');
}

const path = sharedPath(...gatewayDump.split('/'));
if (existsSync(path)) {
  const text = gunzipSync(readFileSync(path)).toString('utf8');
  const { analysis } = trial(text);
  const visit = analysis.visits().find((v) => v.table === 'filter' && v.hook === 'FORWARD');
  const { space } = analysis.vocabulary;
  const accepted = nowOf(space, visit?.ends.get('accept') ?? space.none, analysis.vocabulary.rewritten);
  const views = Array.from({ length: 1000 }, (_, i) => {
    const n = Math.imul(i + 1, 0x85ebca6b) >>> 0;
    const packet = {
      src: ipv4(n),
      dst: ipv4((0x839f0000 + (n >>> 16)) >>> 0),
      protocol: n & 1 ? 6 : 17,
      sport: 40_000,
      dport: n & 1023,
      fragmentOffsetBytes: 0,
      moreFragments: false,
    };
    const connection = { state: 'NEW', direction: 'original' };
    return { packet, inInterface: 'eth1.110', outInterface: 'eth1.97', connection } as unknown as PacketView;
  });
  await measure('a gateway of 5,556 rules', [
    { name: 'read', run: () => readMachine([{ name: 'bench', text }], { registry }) },
    { name: 'read, dead rules and their covers', run: () => trial(text) },
    { name: 'look up 1,000 packets', run: () => views.filter((v) => space.contains(accepted, v)) },
  ]);
} else console.log(`left out: ${path} is not there`);

const distinct = sources(10_000);
await measure('10,000 distinct sources', [
  { name: 'read', run: () => readMachine([{ name: 'bench', text: distinct }], { registry }) },
  { name: 'read, dead rules and their covers', run: () => trial(distinct) },
]);
await measure(
  'growth on the shape of kube-proxy',
  [100, 200, 400, 1000, 2000, 4000].map((count) => {
    const text = services(count);
    return { name: `${count * 10 + 3} rules`, run: () => trial(text) };
  }),
);
