/** What kind of machine the rules run on: some checks make sense on one kind only. */

import type { Fact, Machine } from '../model/machine.ts';

/** Kinds of machines. `container-host`: forwards as well, but a program writes the rules for it. */
export const profiles = ['host', 'router', 'container-host'] as const;

/** One of {@link profiles}. */
export type Profile = (typeof profiles)[number];

/** The profile of a machine, with the evidence: declared, told by sysctls, or seen in its rules. */
export function profileOf(machine: Machine): Fact<Profile> {
  const { router, containerHost } = machine;
  const declared = machine.roles?.find(({ value }) => (profiles as readonly string[]).includes(value));
  if (declared) return { ...declared, value: declared.value as Profile };
  if (containerHost?.value) return { ...containerHost, value: 'container-host' };
  if (router?.value) return { ...router, value: 'router' };
  return router?.value === false
    ? { ...router, value: 'host' }
    : { value: 'host', provenance: 'default', source: 'nothing speaks of forwarding' };
}
