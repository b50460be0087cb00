/** The form for a packet, and where the simulator's answer goes; the page's script fills it. */

import type { Ruleset } from '../model/ruleset.ts';
import { element, type Html } from './html.ts';

/** Interfaces that the form offers. */
const interfacesMax = 60;

/** Names of the form's fields: the keys of the page's fragment, too. */
export const formFields = {
  /** Match options that have a field of their own, with the field. */
  options: { '-i': 'in', '-p': 'proto', '-s': 'src', '--sport': 'sport', '-d': 'dst', '--dport': 'dport' },
  /** All others, as words. */
  more: 'more',
  assume: 'assume',
  local: 'local',
} as const;

/** In-interfaces that rules name, without patterns. */
export function interfacesOf(rulesets: readonly Ruleset[]): readonly string[] {
  const names = new Set<string>();
  for (const { tables } of rulesets)
    for (const { chains } of tables)
      for (const { rules } of chains)
        for (const { base } of rules)
          for (const use of [base.inInterface, base.outInterface])
            if (use?.value.exact) names.add(use.value.name);
  return [...names].slice(0, interfacesMax);
}

/** The form. Hidden until the page's script runs: without it a form would do nothing. */
export function simulatorForm(interfaces: readonly string[]): Html {
  const field = (name: string, label: string, hint: string, list?: string): Html =>
    element(
      'label',
      {},
      element('span', {}, label),
      element('input', { name, placeholder: hint, list, autocomplete: 'off', spellcheck: 'false' }),
    );
  const choices = (id: string, values: readonly string[]): Html =>
    element(
      'datalist',
      { id },
      values.map((value) => element('option', { value })),
    );
  const { options, more, assume, local } = formFields;
  return element(
    'form',
    { id: 'packet', hidden: true, 'aria-label': 'A packet' },
    element(
      'div',
      { class: 'fields' },
      field(options['-i'], 'comes in by', 'eth0', 'interfaces'),
      field(options['-p'], 'protocol', 'tcp', 'protocols'),
      field(options['-s'], 'source', '198.51.100.7'),
      field(options['--sport'], 'source port', '40000'),
      field(options['-d'], 'destination', '203.0.113.1'),
      field(options['--dport'], 'port', '443'),
      field(more, 'more match options', '-m mark --mark 1'),
      field(assume, 'assume', 'local=203.0.113.1'),
    ),
    element(
      'div',
      { class: 'actions' },
      element(
        'label',
        { class: 'check' },
        element('input', { type: 'checkbox', name: local, value: '1' }),
        ' sent by this machine',
      ),
      element('button', { type: 'submit', class: 'primary' }, 'Walk'),
      element('button', { type: 'reset' }, 'Clear'),
    ),
    choices('interfaces', interfaces),
    choices('protocols', ['tcp', 'udp', 'icmp', 'ipv6-icmp', 'sctp', 'esp', 'gre']),
  );
}
