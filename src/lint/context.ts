/** The context of the checks of one machine. */

import type { RemoteEnd } from '../analysis/diff-connections.ts';
import { compile, type Program } from '../engine/program.ts';
import type { Registry } from '../extensions/registry.ts';
import type { ReadMachine } from '../link/read-machine.ts';
import type { Fact } from '../model/machine.ts';
import { type AllPackets, createAllPackets } from './all-packets.ts';
import type { Check, CheckContext, RulesetView } from './check.ts';
import type { Profile } from './profile.ts';
import {
  sensitivePorts as listSensitivePorts,
  type SensitivePort,
  type SensitivePortChanges,
} from './sensitive-ports.ts';
import { chooseLocal, chooseRemote, interfaceNames, sidedInterfaces } from './sides.ts';
import { sketchOfRule } from './sketch.ts';
import { createSender } from './walks.ts';

/** What the checks of a run have in common. */
export interface ContextInput {
  readonly views: readonly RulesetView[];
  readonly read: ReadMachine;
  readonly registry: Registry;
  /** What the configuration changes about them. */
  readonly sensitivePorts: SensitivePortChanges | undefined;
  readonly profile: Fact<Profile>;
  readonly asRemote: RemoteEnd | undefined;
  /** What the checks of the run will ask of all packets. */
  readonly mentions: readonly NonNullable<Check['mentions']>[];
  /** How many nodes the sets of one view may need; default: that of all commands. */
  readonly nodesMax: number | undefined;
  /** Told of the sets of a view when a check asks for them first. */
  readonly onPackets: (all: AllPackets) => void;
}

/** Makes the context of one machine's views. Nothing is computed before a check asks. */
export function createContext({
  views,
  read,
  registry,
  sensitivePorts,
  profile,
  asRemote,
  mentions,
  nodesMax,
  onPackets,
}: ContextInput): CheckContext {
  const { machine } = read;
  let ports: readonly SensitivePort[] | undefined;
  const sensitive = (): readonly SensitivePort[] => {
    ports ??= listSensitivePorts(sensitivePorts);
    return ports;
  };
  let names: readonly string[] | undefined;
  const mentioned = (): readonly string[] => {
    names ??= interfaceNames(machine, views);
    return names;
  };
  let compiled: Program | undefined;
  const program = (): Program => {
    compiled ??= compile(
      views.map((view) => view.ruleset),
      machine,
      registry,
    );
    return compiled;
  };
  const send = createSender(program, machine, ({ id }) =>
    views.some((view) => {
      const target = view.ruleById(id)?.target;
      return target?.kind === 'extension' && target.extension === 'REDIRECT';
    }),
  );
  const allPackets = new Map<RulesetView, AllPackets>();
  const packets = (view: RulesetView): AllPackets => {
    let all = allPackets.get(view);
    if (all === undefined) {
      all = createAllPackets({
        view,
        program,
        registry,
        mentions: mentions.map((mention) => mention(view.family, sensitive(), read)),
        nodesMax,
        interfaceNames: () => mentioned().filter((name) => name !== 'lo'),
        localAddress: (family, inInterface) => chooseLocal(machine, family, inInterface),
        remoteAddress: (family, behind) => chooseRemote(machine, views, family, behind),
      });
      allPackets.set(view, all);
      onPackets(all);
    }
    return all;
  };
  return {
    machine,
    profile,
    asRemote,
    sensitivePorts: sensitive,
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
    packets,
    answers: (view) => packets(view).rules,
    interfaces: () => sidedInterfaces(machine, mentioned()),
    localAddress: (family, inInterface) => chooseLocal(machine, family, inInterface),
    remoteAddress: (family, behind) => chooseRemote(machine, views, family, behind),
  };
}
