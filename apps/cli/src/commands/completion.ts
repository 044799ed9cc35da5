import { Argument, type Command } from 'commander';
import type { Terminal } from '../output/terminal.ts';
import { completionScript, type Shell, SHELLS } from '../reference/completion.ts';

const EXAMPLES = `
Examples:
  source <(longshore completion bash)                            in ~/.bashrc, with longshore on the PATH
  source <(longshore completion zsh)                             in ~/.zshrc, after compinit
  longshore completion fish > ~/.config/fish/completions/longshore.fish`;

/** Adds `longshore completion`. */
export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command('completion')
    .summary('print a script that completes commands in a shell')
    .description('Prints a script by which a shell completes commands, options and their values.')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell) => terminal.out(completionScript(program, shell).trimEnd()));
}
