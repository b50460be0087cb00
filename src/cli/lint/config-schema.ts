/** The shape of `fwsim.yml` and of `.fwsim/suppressions.yml`; schemas/ holds the same as JSON Schema, made from here. */

import * as v from 'valibot';
import { confidences, machineRoles, parsePorts, presets, profiles } from '../../linting.ts';

/**
 * An object that has these keys and no others. Without a prototype, so that a key such as `toString` is unknown too.
 */
function strict<const E extends v.ObjectEntries>(entries: E) {
  return v.strictObject(Object.assign(Object.create(null) as object, entries) as E);
}

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'));
const texts = v.array(text);
const described = <S extends v.GenericSchema>(schema: S, description: string) =>
  v.optional(v.pipe(schema, v.description(description)));

const portsPattern = /^(?:tcp|udp)\/\d{1,5}(?:-\d{1,5})?$/;
const ports = v.pipe(
  v.string(),
  v.regex(portsPattern, 'must be written tcp/8200 or udp/1000-1010'),
  v.check((value) => parsePorts(value) !== undefined, 'must be ports from 0 to 65535, the lower one first'),
);

const interfaceName = v.pipe(
  v.string(),
  v.regex(
    /^[^\s/:]{1,15}$/,
    'must be the name of an interface: up to 15 characters, no blank, slash or colon',
  ),
);

const file = v.union([text, texts]);

/** Outputs that may be named, and the command that gives each. */
export const captureKinds = {
  addr: 'ip -j addr',
  route: 'ip -j route show table all',
  rule: 'ip -j rule',
  sysctl: 'sysctl -a',
  sets: 'ipset save',
  listeners: 'ss -tulnp',
  conntrack: 'conntrack -L',
  xfrm: 'ip xfrm policy; ip xfrm state',
  nft: 'nft -j list tables',
  host: 'uname -nr',
} as const;

const captures = Object.fromEntries(
  Object.entries(captureKinds).map(([kind, command]) => [kind, described(file, `Output of ${command}.`)]),
) as unknown as Record<keyof typeof captureKinds, v.OptionalSchema<typeof file, undefined>>;

/** `lint:`, what the linter does. */
const lintConfigSchema = strict({
  extends: described(
    v.array(v.picklist(presets)),
    'Presets that say which checks run. Default: recommended.',
  ),
  select: described(texts, 'Checks that run besides: codes, beginnings of codes (FW7), or names.'),
  ignore: described(texts, 'Checks that do not run.'),
  preview: described(v.boolean(), 'Whether presets bring checks that are still on probation.'),
  severity: described(
    v.record(v.string(), v.picklist(['error', 'warning', 'info', 'off'])),
    'How grave findings of a check are, by code, beginning of a code, or name. "off" turns it off; any other choice for one check turns it on.',
  ),
  profile: described(
    v.picklist(profiles),
    'What kind of machine it is, in place of what is seen in the rules.',
  ),
  'fail-on': described(
    v.picklist(['error', 'warning', 'info', 'never']),
    'From which severity on the exit code is 1. Default: warning.',
  ),
  'min-confidence': described(v.picklist(confidences), 'Leave out findings that are less sure.'),
  'sensitive-ports': described(
    strict({
      add: described(v.array(ports), 'Ports that are not meant for strangers, besides the usual ones.'),
      remove: described(v.array(ports), 'Ports that may be open.'),
    }),
    'Services that are not meant for strangers.',
  ),
  generators: described(
    v.record(v.string(), v.picklist(['managed', 'user'])),
    'Who writes chains: by the name of a program (docker, ufw …) or of chains, with * for any characters. In "managed" chains no rule is asked to be tidy.',
  ),
  baseline: described(text, 'File of findings that were there before; only new ones are told.'),
});

/** `context:`, what nothing but its administrator can tell of the machine. */
const contextConfigSchema = strict({
  outside: described(v.array(interfaceName), 'Interfaces that lead to strangers.'),
  inside: described(v.array(interfaceName), 'Interfaces that lead to networks of your own.'),
  'expected-interfaces': described(
    v.array(interfaceName),
    'Interfaces that come and go: names, or beginnings with + (veth+).',
  ),
  roles: described(v.array(v.picklist(machineRoles)), 'What the machine is there for.'),
  'input-filtered-elsewhere': described(
    v.boolean(),
    'Whether something else (native nft rules, the provider) keeps packets from the machine itself.',
  ),
  captures: described(strict(captures), 'Files with the output of other commands, relative to this file.'),
});

/** `fwsim.yml`. */
export const configSchema = strict({
  lint: described(lintConfigSchema, 'What fwsim lint does.'),
  context: described(contextConfigSchema, 'What only its administrator knows of the machine.'),
});

const suppression = strict({
  reason: described(text, 'Why the finding is right to be left as it is. Without one it has no effect.'),
  until: described(text, 'The last month or day on which it holds: 2027-06.'),
  file: described(text, 'The ruleset that it is about, relative to the folder that holds .fwsim.'),
});

/** `.fwsim/suppressions.yml`. */
export const suppressionsSchema = strict({
  suppressions: described(
    v.record(v.string(), suppression),
    'By the fingerprint of the finding, as fwsim lint --verbose prints it.',
  ),
});
