/** What the administrator says of the machine himself, where no command's output can tell. */

import type { Fact, Machine, MachineRole } from '../model/machine.ts';

/** Statements about one machine, and where they stand. What is absent was not said. */
export interface DeclaredContext {
  /** `fwsim.yml`. */
  readonly source: string;
  /** Interfaces that lead to strangers; said, they take the place of every guess. */
  readonly outside?: readonly string[];
  readonly inside?: readonly string[];
  /** Names or beginnings (`veth+`) of interfaces that come and go. */
  readonly expectedInterfaces?: readonly string[];
  readonly roles?: readonly MachineRole[];
  readonly inputFilteredElsewhere?: boolean;
}

/** Roles of a machine that forwards for others. */
const forwarding: readonly MachineRole[] = ['router', 'transit', 'container-host'];

/** Whether the roles say that the machine forwards; undefined: they do not speak of it. */
export function declaredForwarding(declared: DeclaredContext | undefined): boolean | undefined {
  if (declared?.roles?.some((role) => forwarding.includes(role))) return true;
  return declared?.roles?.includes('host') ? false : undefined;
}

/** A machine with what was declared of it; what outputs have given stays as it is. */
export function withDeclared(machine: Machine, declared: DeclaredContext | undefined): Machine {
  if (!declared) return machine;
  const fact = <T>(value: T, key: string): Fact<T> => ({
    value,
    provenance: 'given',
    source: `${declared.source} (${key})`,
  });
  const { outside, inside, expectedInterfaces, roles, inputFilteredElsewhere } = declared;
  return {
    ...machine,
    outside: outside
      ? outside.map((name) => fact(name, 'outside'))
      : // A guess does not stand against a statement.
        machine.outside.filter((f) => !inside?.includes(f.value)),
    ...(inside ? { inside: inside.map((name) => fact(name, 'inside')) } : {}),
    ...(expectedInterfaces
      ? { expectedInterfaces: expectedInterfaces.map((name) => fact(name, 'expected-interfaces')) }
      : {}),
    ...(roles ? { roles: roles.map((role) => fact(role, 'roles')) } : {}),
    ...(roles?.includes('container-host') ? { containerHost: fact(true, 'roles') } : {}),
    ...(inputFilteredElsewhere === undefined
      ? {}
      : { inputFilteredElsewhere: fact(inputFilteredElsewhere, 'input-filtered-elsewhere') }),
  };
}
