import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { collectedNames, collectScript } from '../../src/cli/collect-script.ts';
import { commands } from '../../src/cli/command-table.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { claimContext } from '../../src/context/claim.ts';
import { checks, defaultRegistry, lintMachine } from '../../src/index.ts';
import { fakeIo } from '../support/fake-io.ts';

async function collect(...args: readonly string[]) {
  const io = fakeIo();
  const ran: string[] = [];
  const runScript = async (script: string): Promise<number> => {
    ran.push(script);
    return 0;
  };
  const exitCode = await runCommandLine(['collect', ...args], () => ({ ...io, runScript }), commands);
  return { exitCode, ran, ...io.said };
}

describe('fwsim collect', () => {
  test('runs what --script prints', async () => {
    const printed = await collect('--script');
    const { ran, exitCode } = await collect();
    expect(ran).toEqual([printed.out]);
    expect(printed.ran).toEqual([]);
    expect([exitCode, printed.exitCode]).toEqual([exitCodes.ok, exitCodes.ok]);
  });

  test('parts can be left out, unknown ones are refused with the list', async () => {
    const { out } = await collect('--script', '--without', 'connections,sockets', '--without', 'sets');
    expect(out).not.toMatch(/conntrack -L|ss -tulnp|ipset/);
    expect(out).toMatch(/ip -d -j addr/);
    const wrong = await collect('--without', 'connection');
    expect(wrong.exitCode).toBe(exitCodes.usage);
    expect(wrong.err).toContain('"connection" is no part');
    expect(wrong.err.replace(/\s+/g, ' ')).toContain(collectedNames.join(', '));
  });

  test('a script that read no rules ends with "could not look"', async () => {
    const io = { ...fakeIo(), runScript: async () => 1 };
    expect(await runCommandLine(['collect'], () => io, commands)).toBe(exitCodes.couldNotLook);
  });
});

describe('the script', () => {
  const shells = [['dash'], ['bash', '--posix'], ['busybox', 'sh']].filter(
    ([program = '']) => spawnSync(program, ['-c', 'true']).error === undefined,
  );

  test.each(shells)('is read by %s', (...shell) => {
    const [program = '', ...options] = shell;
    const { status, stderr } = spawnSync(program, [...options, '-n'], {
      input: collectScript(),
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });

  test('without iptables it says so and ends with 1', () => {
    const script = collectScript().replace(/^PATH=.*$/m, 'PATH=/nowhere');
    const { status, stderr, stdout } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('neither iptables-save nor ip6tables-save could be run');
    expect(stdout).toBe('');
  });
});

/** A machine with a bridge, a VLAN with a dot in its name, a policy rule, both families, a set and a listening program. */
const machine = `set -e
ip link set lo up
ip tuntap add eth0 mode tap && ip tuntap add eth0.5 mode tap && ip link add br0 type bridge
ip tuntap add port0 mode tap && ip link set port0 master br0
ip addr add 203.0.113.1/24 dev eth0 && ip addr add 2001:db8::1/64 dev eth0 nodad && ip addr add 192.168.1.1/24 dev br0
for i in eth0 eth0.5 br0 port0; do ip link set $i up; done
ip route add default via 203.0.113.254 && ip rule add fwmark 7 table 100 && ip -6 rule add from 2001:db8:5::/48 table 200
echo 1 > /proc/sys/net/ipv4/ip_forward
ipset create office hash:net && ipset add office 198.51.100.0/28
iptables-restore <<'RULES'
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m set --match-set office src -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
RULES
ip6tables -A INPUT -i eth0 -p tcp --dport 22 -j DROP
`;

function inNamespace(script: string) {
  return spawnSync(
    'unshare',
    ['--net', '--mount', 'sh', '-c', `mount -t sysfs none /sys 2>/dev/null; ${script}`],
    {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    },
  );
}

const refused = inNamespace(machine);
const why =
  refused.error?.message ?? (refused.status === 0 ? undefined : refused.stderr.trim().split('\n')[0]);
if (why !== undefined) console.warn(`fwsim collect on a real machine is skipped: ${why}`);

describe.skipIf(why !== undefined)('on a machine with everything', () => {
  const state = 'iptables-save; ip6tables-save; ip addr; ip route show table all; ip rule; ipset save';

  test('all of what it prints is read, and nothing on the machine is changed', () => {
    const { stdout, stderr } = inNamespace(
      `${machine}{ ${state}; } > /tmp/fwsim-before-$$\n` +
        `( ${collectScript()} )\n{ ${state}; } > /tmp/fwsim-after-$$\n` +
        // Counters move by themselves: a bridge that comes up reports its multicast groups.
        "for i in before after; do sed '/^#/d; s/\\[[0-9]*:[0-9]*\\]//' /tmp/fwsim-$i-$$ > /tmp/fwsim-$i-$$.x; done\n" +
        'cmp /tmp/fwsim-before-$$.x /tmp/fwsim-after-$$.x >&2; rm -f /tmp/fwsim-*-$$ /tmp/fwsim-*-$$.x\n',
    );
    expect(stderr).toBe('');
    const result = lintMachine([{ name: 'gw.dump', text: stdout }], {
      registry: defaultRegistry(),
      checks,
      select: ['FW906', 'FW908'],
    });
    expect(result.findings).toEqual([]);

    const { facts } = claimContext([{ text: stdout.slice(0, stdout.indexOf('# Generated by')), offset: 0 }]);
    const sysctls = facts.sysctls?.value ?? {};
    expect(sysctls['net.ipv4.ip_forward']).toBe('1');
    expect(Object.keys(sysctls).filter((name) => name.includes('eth0/5'))).not.toEqual([]);
    expect(Object.keys(sysctls).filter((name) => name.includes('secret'))).toEqual([]);
    expect(facts.interfaces?.value.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['lo', 'eth0', 'eth0.5', 'br0', 'port0']),
    );
  });
});
