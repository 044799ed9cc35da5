import type { Command } from 'commander';
import { type CommandNode, commandTree, withDescendants } from './command-tree.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Word {
  readonly word: string;
  readonly description: string;
}

/** What can stand behind the words of one command. */
interface Place {
  readonly path: string;
  /** Commands below it, and what its arguments can be where these are a few values. */
  readonly words: readonly Word[];
  readonly options: readonly Word[];
  /** Options that take one of a few values. */
  readonly values: readonly { readonly flags: readonly string[]; readonly choices: readonly string[] }[];
  /** Options that take anything else; for these the shell offers files. */
  readonly open: readonly string[];
}

/** A script that completes commands, options and their values in this shell; made from the program alone. */
export function completionScript(program: Command, shell: Shell): string {
  const places = withDescendants(commandTree(program)).map(placeOf);
  switch (shell) {
    case 'bash':
      return bash(places);
    case 'zsh':
      return zsh(places);
    case 'fish':
      return fish(places);
  }
}

function placeOf({ path, subcommands, options, command }: CommandNode): Place {
  const all = [...options, ...optionsOfDefault(command)];
  const flags = ({ short, long }: { short?: string; long?: string }) =>
    [short, long].filter((flag) => flag !== undefined);
  const taking = all.filter((option) => option.required || option.optional);
  return {
    path,
    words: [
      ...subcommands.map((node) => ({ word: lastOf(node.path), description: node.summary })),
      ...argumentWords(command),
    ],
    options: all.flatMap((option) =>
      flags(option as never).map((word) => ({ word, description: option.description })),
    ),
    values: taking
      .filter((option) => option.argChoices !== undefined)
      .map((option) => ({ flags: flags(option as never), choices: option.argChoices! })),
    open: taking
      .filter((option) => option.argChoices === undefined)
      .flatMap((option) => flags(option as never)),
  };
}

/** The values of arguments, also of those of the subcommand that is meant when none is named. */
function argumentWords(command: Command): Word[] {
  const meant = defaultOf(command);
  const all = [...command.registeredArguments, ...(meant?.registeredArguments ?? [])];
  // What describes an argument says nothing of one of its values.
  return all.flatMap(({ argChoices = [] }) => argChoices.map((word) => ({ word, description: '' })));
}

/** The subcommand that is meant when none is named. */
function defaultOf(command: Command): Command | undefined {
  const name = (command as unknown as { _defaultCommandName: string | null })._defaultCommandName;
  return command.commands.find((one) => one.name() === name);
}

function optionsOfDefault(command: Command) {
  const meant = defaultOf(command);
  return meant === undefined
    ? []
    : meant
        .createHelp()
        .visibleOptions(meant)
        .filter(({ long }) => long !== '--help');
}

function lastOf(path: string): string {
  return path.split(' ').at(-1)!;
}

/** Patterns of a `case` that moves from one command to the one below it. */
function steps(places: readonly Place[]): string[] {
  return places.filter(({ path }) => path !== '').map(({ path }) => `${parentOf(path)} ${lastOf(path)}`);
}

function parentOf(path: string): string {
  return path.split(' ').slice(0, -1).join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function bash(places: readonly Place[]): string {
  const valueCases = places.flatMap(({ path, values }) =>
    values.map(({ flags, choices }) => {
      const patterns = flags.map((flag) => quoted(`${path} ${flag}`)).join('|');
      return `    ${patterns}) COMPREPLY=($(compgen -W ${quoted(choices.join(' '))} -- "$cur")); return ;;`;
    }),
  );
  const openCases = places.flatMap(({ path, open }) =>
    open.length === 0 ? [] : [`    ${open.map((flag) => quoted(`${path} ${flag}`)).join('|')}) return ;;`],
  );
  const wordCases = places.map(({ path, words, options }) => {
    const all = [...words, ...options].map(({ word }) => word).join(' ');
    return `    ${quoted(path)}) words=${quoted(all)} ;;`;
  });
  return `# Completion of longshore for bash: source <(longshore completion bash)
_longshore() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path= words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
    ${steps(places).map(quoted).join('|')}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path $prev" in
${[...valueCases, ...openCases].join('\n')}
  esac
  case "$path" in
${wordCases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _longshore longshore
`;
}

function zsh(places: readonly Place[]): string {
  const entry = ({ word, description }: Word) => quoted(`${word.replaceAll(':', '\\:')}:${description}`);
  const valueCases = places.flatMap(({ path, values }) =>
    values.map(({ flags, choices }) => {
      const patterns = flags.map((flag) => quoted(`${path} ${flag}`)).join('|');
      return `    ${patterns}) compadd -- ${choices.map(quoted).join(' ')}; return ;;`;
    }),
  );
  const openCases = places.flatMap(({ path, open }) =>
    open.length === 0
      ? []
      : [`    ${open.map((flag) => quoted(`${path} ${flag}`)).join('|')}) _files; return ;;`],
  );
  const wordCases = places.map(({ path, words, options }) =>
    [
      `    ${quoted(path)})`,
      `      found=(${words.map(entry).join(' ')})`,
      `      flags=(${options.map(entry).join(' ')}) ;;`,
    ].join('\n'),
  );
  return `#compdef longshore
# Completion of longshore for zsh: source <(longshore completion zsh), or this file as _longshore in a folder of $fpath.
_longshore() {
  local at= word
  local -a found flags
  for word in \${words[2,CURRENT-1]}; do
    case "$at $word" in
    ${steps(places).map(quoted).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${[...valueCases, ...openCases].join('\n')}
  esac
  case "$at" in
${wordCases.join('\n')}
  esac
  [[ \${words[CURRENT]} == -* ]] && { _describe option flags; return; }
  (( \${#found} )) && { _describe command found; return; }
  _files
}
if [[ \${funcstack[1]} == _longshore ]]; then _longshore; else compdef _longshore longshore; fi
`;
}

function fish(places: readonly Place[]): string {
  const text = (words: string) => `'${words.replace(/[\\']/g, (one) => `\\${one}`)}'`;
  const at = (path: string) => `-n ${text(`test (__longshore_at) = "${path}"`)}`;
  const flag = (word: string) => (word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`);
  const lines = places.flatMap(({ path, words, options, values, open }) => [
    ...(words.length === 0 ? [] : [`complete -c longshore -f ${at(path)}`]),
    ...words.map(
      ({ word, description }) => `complete -c longshore ${at(path)} -a ${word} -d ${text(description)}`,
    ),
    ...options.map(({ word, description }) => {
      const choices = values.find(({ flags }) => flags.includes(word))?.choices;
      const value =
        choices === undefined ? (open.includes(word) ? ' -r' : '') : ` -x -a ${text(choices.join(' '))}`;
      return `complete -c longshore ${at(path)} ${flag(word)}${value} -d ${text(description)}`;
    }),
  ]);
  return `# Completion of longshore for fish: longshore completion fish | source
function __longshore_at
    set -l at ''
    for word in (commandline -opc)[2..]
        switch "$at $word"
            case ${steps(places).map(text).join(' ')}
                set at (string trim "$at $word")
        end
    end
    echo "$at"
end
${lines.join('\n')}
`;
}
