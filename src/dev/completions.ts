/**
 * Completions for bash, zsh and fish, made from the table of commands. They are plain data in the shell's own language:
 * nothing of fwsim runs while somebody types.
 */
import type { CommandSpec } from '../cli/command.ts';
import { type OptionWords, operandsOf, optionsOf, packetOptions, type Values } from './completion-words.ts';

/** For bash 4 and newer, with or without the package bash-completion. */
export function bashCompletion(commands: readonly CommandSpec[]): string {
  const cases = commands.map((command) => {
    const options = optionsOf(command);
    const valued = options.flatMap(({ names, values }) =>
      values === undefined ? [] : [`        ${names.join('|')}) ${bashReply(values, '"$word"')}; return ;;`],
    );
    return [
      `    ${command.name})`,
      '      case $before in',
      ...valued,
      '      esac',
      `      options=${quoted(options.flatMap(({ names }) => names).join(' '))}`,
      `      _fwsim_operands() { ${bashReply(operandsOf(command), '"$word"')}; }`,
      '      ;;',
    ].join('\n');
  });
  return `# bash completion for fwsim. Made by "npm run generate" from the table of commands.
_fwsim() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command= options= index
  COMPREPLY=()
  # "=" is a word of its own for bash: --format sarif=FILE and --option=VALUE.
  if [[ $before == = && $COMP_CWORD -ge 2 ]]; then before=\${COMP_WORDS[COMP_CWORD-2]}; [[ $before == -* ]] || before=--with; fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    case \${COMP_WORDS[index]} in
      --)
        COMPREPLY=($(compgen -W ${quoted(packetOptions.join(' '))} -- "$word"))
        return
        ;;
      ${commands.map(({ name }) => name).join('|')}) [[ -n $command ]] || command=\${COMP_WORDS[index]} ;;
    esac
  done
  if [[ -z $command ]]; then
    if [[ $word != -* && $COMP_CWORD -eq 1 ]]; then
      COMPREPLY=($(compgen -W ${quoted(commands.map(({ name }) => name).join(' '))} -- "$word") $(compgen -f -- "$word"))
      return
    fi
    command=${defaultName(commands)}
  fi
  case $command in
${cases.join('\n')}
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    _fwsim_operands
  fi
  unset -f _fwsim_operands
}
complete -o filenames -F _fwsim fwsim
`;
}

/** For zsh; a file in \`fpath\`. */
export function zshCompletion(commands: readonly CommandSpec[]): string {
  const rows = commands.map(
    ({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(':', '\\:')}`)}`,
  );
  const cases = commands.map((command) => {
    const args = optionsOf(command).flatMap(zshOption);
    const operands = operandsOf(command);
    const packet =
      command.expression === undefined
        ? []
        : [`    [[ \${words[(ie)--]} -lt CURRENT ]] && { compadd -- ${packetOptions.join(' ')}; return }`];
    return [
      `  ${command.name})`,
      ...packet,
      '    _arguments -s \\',
      ...args.map((arg) => `      ${quoted(arg)} \\`),
      `      ${quoted(`*:${command.arguments[0]?.name ?? 'nothing more'}:${zshAction(operands)}`)}`,
      '    ;;',
    ].join('\n');
  });
  return `#compdef fwsim
# zsh completion for fwsim. Made by "npm run generate" from the table of commands.
_fwsim() {
  local -a commands
  local command
  commands=(
${rows.join('\n')}
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe -t commands command commands
    _files
    return
  fi
  command=$words[2]
  if (( \${commands[(I)$command:*]} )); then
    shift words
    (( CURRENT-- ))
  else
    command=${defaultName(commands)}
  fi
  case $command in
${cases.join('\n')}
  esac
}
_fwsim "$@"
`;
}

/** For fish 3 and newer. */
export function fishCompletion(commands: readonly CommandSpec[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = commands.flatMap((command) => {
    const seen =
      command.isDefault === true
        ? `not __fish_seen_subcommand_from ${names}; or __fish_seen_subcommand_from ${command.name}`
        : `__fish_seen_subcommand_from ${command.name}`;
    const where = `-n ${quoted(`begin; ${seen}; end; and not contains -- -- (commandline -opc)`)}`;
    const operands = operandsOf(command);
    return [
      `complete -c fwsim -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.summary)}`,
      ...optionsOf(command).map((option) => `complete -c fwsim ${where} ${fishOption(option)}`),
      ...(operands.kind === 'words'
        ? [`complete -c fwsim ${where} -f -a ${quoted(operands.words.join(' '))}`]
        : []),
      ...(operands.kind === 'free' ? [`complete -c fwsim ${where} -f`] : []),
    ];
  });
  return `# fish completion for fwsim. Made by "npm run generate" from the table of commands.
${lines.join('\n')}
complete -c fwsim -n 'contains -- -- (commandline -opc)' -f -a ${quoted(packetOptions.join(' '))}
`;
}

function bashReply(values: Values, word: string): string {
  if (values.kind === 'free') return ':';
  const what = values.kind === 'files' ? '-f' : `-W ${quoted(values.words.join(' '))}`;
  return `COMPREPLY=($(compgen ${what} -- ${word}))`;
}

/** `(-o --output)-o+[text]:value:_files`, one for each name. */
function zshOption({ names, description, values, repeatable }: OptionWords): readonly string[] {
  const text = description.replace(/[[\]\\:]/g, '\\$&');
  const apart = repeatable ? '*' : `(${names.join(' ')})`;
  return names.map((name) => {
    if (values === undefined) return `${apart}${name}[${text}]`;
    return `${apart}${name}${name.startsWith('--') ? '=' : '+'}[${text}]:value:${zshAction(values)}`;
  });
}

function zshAction(values: Values): string {
  if (values.kind === 'files') return '_files';
  return values.kind === 'words' ? `(${values.words.join(' ')})` : ' ';
}

function fishOption({ names, description, values }: OptionWords): string {
  const switches = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  const taken =
    values === undefined
      ? []
      : values.kind === 'words'
        ? ['-x', '-a', quoted(values.words.join(' '))]
        : [values.kind === 'files' ? '-r -F' : '-x'];
  return [...switches, ...taken, '-d', quoted(description)].join(' ');
}

/** In single quotes, for all three shells; none of our texts holds a single quote that fish would read otherwise. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function defaultName(commands: readonly CommandSpec[]): string {
  return commands.find(({ isDefault }) => isDefault === true)?.name ?? '';
}
