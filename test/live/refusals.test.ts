import { describe, expect, test } from 'vitest';
import { defaultRegistry, tracePacket } from '../../src/index.ts';
import { askKernel, LiveFailure } from '../../src/live/run.ts';

const text = '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n';

/** The message with which sending is refused; no namespace is made for it. */
async function refusal(expression: string, assume: readonly string[] = []): Promise<string> {
  const { traced } = tracePacket([{ name: 'a.rules', text }], {
    registry: defaultRegistry(),
    expression: expression.split(' '),
    assume,
  });
  if (!traced) throw new Error('no trace');
  const problem = await askKernel(traced).catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(LiveFailure);
  const { message, hint } = problem as LiveFailure;
  return `${message}; ${hint}`;
}

describe('what cannot be sent is refused with a hint', () => {
  test.each([
    [
      'a connection that the namespace does not know',
      '-i eth0 -p tcp -m conntrack --ctstate ESTABLISHED',
      'ESTABLISHED; leave out --ctstate',
    ],
    ['a packet out of IPsec', '-i eth0 -p tcp -m policy --dir in --pol ipsec', 'IPsec cannot be sent'],
    ['a bridged packet', '-i br0 -p tcp -m physdev --physdev-in eth0', 'bridges are not built'],
    ['something that comes in by lo', '-i lo -p tcp', '--local instead of -i lo'],
  ])('%s', async (_what, expression, message) => {
    expect(await refusal(expression)).toContain(message);
  });

  test('connection tracking that is off', async () => {
    expect(await refusal('-i eth0 -p tcp', ['conntrack=off'])).toContain('leave out --assume conntrack=off');
  });
});
