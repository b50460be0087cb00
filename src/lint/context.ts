/** The context of the checks of one machine. */

import type { Registry } from '../extensions/registry.ts';
import type { ReadMachine } from '../link/read-machine.ts';
import type { Fact } from '../model/machine.ts';
import type { CheckContext, RulesetView } from './check.ts';
import type { Profile } from './profile.ts';
import type { SensitivePort } from './sensitive-ports.ts';
import { chooseLocal, chooseRemote, interfaceNames, sidedInterfaces } from './sides.ts';
import { sketchOfRule } from './sketch.ts';
import { createSender } from './walks.ts';

/** What the checks of a run have in common. */
export interface ContextInput {
  readonly views: readonly RulesetView[];
  readonly read: ReadMachine;
  readonly registry: Registry;
  readonly sensitivePorts: readonly SensitivePort[];
  readonly profile: Fact<Profile>;
}

/** Makes the context of one machine's views. Nothing is computed before a check asks. */
export function createContext({
  views,
  read,
  registry,
  sensitivePorts,
  profile,
}: ContextInput): CheckContext {
  const { machine } = read;
  let names: readonly string[] | undefined;
  const mentioned = (): readonly string[] => {
    names ??= interfaceNames(machine, views);
    return names;
  };
  const send = createSender(
    views.map((view) => view.ruleset),
    machine,
    registry,
  );
  return {
    machine,
    profile,
    sensitivePorts,
    registry,
    read,
    views,
    send,
    packetsOf(view, rule, given = {}) {
      // Where any interface will do, it is not the loopback.
      const interfaces = mentioned().filter((name) => name !== 'lo');
      const sketch = sketchOfRule(view, rule, given, { registry, machine, interfaces });
      return sketch ? [sketch] : [];
    },
    interfaces: () => sidedInterfaces(machine, mentioned()),
    localAddress: (family, inInterface) => chooseLocal(machine, family, inInterface),
    remoteAddress: (family, behind) => chooseRemote(machine, views, family, behind),
  };
}
