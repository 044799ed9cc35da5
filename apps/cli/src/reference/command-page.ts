import type { Command } from 'commander';
import { type CommandNode, commandTree, withDescendants } from './command-tree.ts';

const COLUMNS = 110;

const INTRODUCTION = `# The command line

All commands, as \`--help\` tells them. In a checkout write \`npx longshore …\` or \`npm run -s longshore -- …\`: both work from any of
its folders, and paths are meant from where you are. This page is written from the commands by
\`node apps/cli/src/reference/write-docs.ts\`.

Results go to standard output, all that is about them to standard error; \`--json\` prints what the platform answered, and every command but
\`completion\` has it. On a terminal tables are as narrow as it is: names and ids that the next command takes are never cut, and a line
below says which columns were left out. States have colours there: \`NO_COLOR=1\` is without, \`FORCE_COLOR=1\` with them elsewhere too. A group
of commands lists what there is when it is called without one; \`runs\` needs the id of what they are of, and \`delete\` a command.

## Where it looks

- **Which platform**: \`--url\`, else \`LONGSHORE_URL\`, else the one of the home.
- **Which key**: \`--api-key\` or \`--admin-key\`, else \`LONGSHORE_API_KEY\` or \`LONGSHORE_ADMIN_API_KEY\`, else that of the home, which is sent to
  the platform of the home alone.
- **Which home**: \`LONGSHORE_HOME\`, else the nearest \`.longshore\` in this folder or above it, else \`.longshore\` in this folder. A file
  \`.env\` in this folder, else beside that home, is read too; with one in this folder the home is looked for here alone.
  \`longshore up\` says at its start which \`.env\` was read and which task folders are used; \`longshore doctor\` does so too.
- \`npm start\` and \`npm run longshore\` use the \`.env\` and the \`.longshore\` of the checkout, wherever you call them.

## Exit codes

| code | meaning |
| ---- | ------------------------------------------------------------------------------------------------------ |
| 0 | done; also when the reader of its output, such as \`head\`, has seen enough |
| 1 | it was refused or failed; an execution that was waited for is not COMPLETED, or a file of it failed; \`doctor\` found something wrong |
| 2 | the command line is wrong, or names files that cannot be sent: nothing was done |
| 3 | no platform answers at the address |
| 4 | there is no key, or it was refused |
| 5 | it was accepted and goes on: it had not ended when its result was asked for, or could not be asked for any more |
| 6 | \`extract\`: something that the workflow requires is missing or wrong in a file |

## Waiting

Whatever waits for an end (\`submit\`, \`pipelines run\`, \`result\` and the submits of \`tasks\` with \`--wait\` or \`--follow\`, \`logs -f\`,
\`tasks events\`, \`executions --watch\`, replays and deletions) outlasts a platform that starts anew. A question that nobody answers, within 30
seconds, or that a gateway answers with 502, 503 or 504, is asked again, after pauses that grow from a quarter of a second to five. Standard
error says once that the platform does not answer, and once that it does again. After 60 seconds without any answer the command ends with
exit code 5, and says with which command to go on; with 3 where nobody has answered it at all. Any other refusal ends the waiting at once.
\`run\` waits two minutes; run again, it goes on where it was.

## Completion

\`\`\`sh
source <(longshore completion bash)      # in ~/.bashrc; also zsh and fish
\`\`\`
`;

/** The page \`docs/cli.md\`: what every command's \`--help\` says. */
export function commandPage(program: Command): string {
  const sections = withDescendants(commandTree(program)).map(
    ({ path, command }) => `## ${`longshore ${path}`.trim()}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`,
  );
  return [aligned(INTRODUCTION), ...sections].join('\n');
}

/** What \`--help\` prints, examples included, as wide as a page. */
export function helpOf(command: CommandNode['command']): string {
  const lines: string[] = [];
  const width = () => COLUMNS;
  command.configureOutput({ writeOut: (text) => void lines.push(text), getOutHelpWidth: width });
  command.outputHelp();
  return lines
    .join('')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();
}

/** Columns as wide as their widest cell, as the formatter of the repository wants them. */
function aligned(text: string): string {
  const rows = text.split('\n').filter((line) => line.startsWith('| '));
  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const widths = cells[0]!.map((_cell, column) =>
    Math.max(...cells.map((row) => (/^-+$/.test(row[column]!) ? 3 : row[column]!.length))),
  );
  const made = cells.map((row) => {
    const padded = row.map((cell, column) =>
      /^-+$/.test(cell) ? '-'.repeat(widths[column]!) : cell.padEnd(widths[column]!),
    );
    return `| ${padded.join(' | ')} |`;
  });
  return rows.reduce((page, row, index) => page.replace(row, () => made[index]!), text);
}
