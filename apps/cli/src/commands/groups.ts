import type { Command } from 'commander';

/** What commander says of a word that is no command, with the one that is probably meant. It ends the command line. */
interface TellsUnknown {
  unknownCommand(): never;
}

/**
 * Has every group say of a word that is none of its commands that it is unknown, where commander would hand it to the list that the group
 * shows by itself; and has a group without such a list say which commands it has, whatever options stand there.
 */
export function tellUnknownCommands(program: Command): void {
  refuseHelpOfUnknown(program);
  for (const group of program.commands.filter(({ commands }) => commands.length > 0)) {
    refuseHelpOfUnknown(group);
    const names = group.commands.map((command) => command.name());
    group.hook('preSubcommand', (_group, chosen) => {
      const [word = '-'] = group.args;
      const isListed = names.includes(word) || word === 'help' || word.startsWith('-');
      if (isListed || chosen.registeredArguments.length > 0) return;
      (group as unknown as TellsUnknown).unknownCommand();
    });
  }
}

/** `help nope` is a wrong command line too: commander shows the help of the whole group for it, as an error. */
function refuseHelpOfUnknown(group: Command): void {
  group.addHelpText('before', ({ error, command }) => {
    const [first, word] = command.args;
    if (error && first === 'help' && word !== undefined) command.error(`error: unknown command '${word}'`);
    return '';
  });
}

/** Makes a command out of one that has only subcommands: called without one it says which there are. */
export function needsSubcommand(group: Command): void {
  group
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      if (group.args.some((word) => !word.startsWith('-')))
        (group as unknown as TellsUnknown).unknownCommand();
      const names = group.commands.map((command) => `"longshore ${group.name()} ${command.name()}"`);
      group.error(`error: say what to ${group.name()}: ${names.join(' or ')}.`);
    });
}
