/** What is left of a text when nobody holds its tree any more: nothing. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { parse } from '../../src/grammar/parse.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('the parser keeps no tree', async () => {
  const tree = new WeakRef(parse('*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n').tree);
  await setImmediate();
  collectGarbage();
  expect(tree.deref()).toBeUndefined();
});
