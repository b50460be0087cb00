/** The options that every rule line may have without any extension: commands, addresses, -m, -j. */

/** `letter` is iptables' short option. `words`: how many follow; `optional` more may. */
export interface BaseOption {
  readonly letter: string;
  readonly words: number;
  readonly optional: number;
  readonly command: boolean;
}

const o = (letter: string, words: number, optional = 0, command = false): BaseOption => ({
  letter,
  words,
  optional,
  command,
});

/** By short and long name, dashes included. Source: iptables 1.8.9 iptables/xtables.c original_opts[], man iptables(8). */
const table: readonly (readonly [names: string, BaseOption])[] = [
  ['-A --append', o('A', 1, 0, true)],
  ['-I --insert', o('I', 1, 1, true)],
  ['-D --delete', o('D', 1, 1, true)],
  ['-R --replace', o('R', 2, 0, true)],
  ['-N --new-chain', o('N', 1, 0, true)],
  ['-X --delete-chain', o('X', 0, 1, true)],
  ['-P --policy', o('P', 2, 0, true)],
  ['-F --flush', o('F', 0, 1, true)],
  ['-Z --zero', o('Z', 0, 2, true)],
  ['-E --rename-chain', o('E', 2, 0, true)],
  ['-L --list', o('L', 0, 2, true)],
  ['-S --list-rules', o('S', 0, 2, true)],
  ['-C --check', o('C', 1, 0, true)],
  ['-s --source --src', o('s', 1)],
  ['-d --destination --dst', o('d', 1)],
  ['-p --protocol', o('p', 1)],
  ['-i --in-interface', o('i', 1)],
  ['-o --out-interface', o('o', 1)],
  ['-j --jump', o('j', 1)],
  ['-g --goto', o('g', 1)],
  ['-m --match', o('m', 1)],
  ['-f --fragments', o('f', 0)],
  ['-c --set-counters', o('c', 1, 1)],
  ['-t --table', o('t', 1)],
  ['-4 --ipv4', o('4', 0)],
  ['-6 --ipv6', o('6', 0)],
  ['-n --numeric', o('n', 0)],
  ['-v --verbose', o('v', 0)],
  ['-x --exact', o('x', 0)],
  ['-w --wait', o('w', 0, 1)],
  ['-W --wait-interval', o('W', 1)],
  ['--line-numbers', o('0', 0)],
  ['-M --modprobe', o('M', 1)],
];

/** Base options by every exact name. */
export const baseOptions: ReadonlyMap<string, BaseOption> = new Map(
  table.flatMap(([names, option]) => names.split(' ').map((name) => [name, option] as const)),
);

/** Long names, for abbreviations and suggestions. */
export const baseLongNames: readonly string[] = [...baseOptions.keys()].filter((n) => n.startsWith('--'));

/** Letters whose value iptables 1.8.9 reads from a word of its own: of `-ptcp` and `--protocol=tcp` it takes all. */
export const valueMustStandAlone: ReadonlySet<string> = new Set(['p', 's', 'd', 'i', 'o', 'j', 'g']);
