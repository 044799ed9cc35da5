import type { Command, Option } from 'commander';

/** One command as completion and pages see it. */
export interface CommandNode {
  /** The words behind `longshore`: `keys create`; empty for `longshore` itself. */
  readonly path: string;
  readonly summary: string;
  readonly command: Command;
  readonly subcommands: readonly CommandNode[];
  readonly options: readonly Option[];
}

/** The program and all its commands below it, in the order of its help; without what is hidden. */
export function commandTree(command: Command, path = ''): CommandNode {
  const help = command.createHelp();
  const shown = help.visibleCommands(command).filter((one) => one.name() !== 'help');
  const below = shown.map((one) => commandTree(one, `${path} ${one.name()}`.trim()));
  return {
    path,
    summary: help.subcommandDescription(command),
    command,
    subcommands: below,
    options: [...help.visibleOptions(command)],
  };
}

/** A node and all below it, each before those below it. */
export function withDescendants(node: CommandNode): CommandNode[] {
  return [node, ...node.subcommands.flatMap(withDescendants)];
}
