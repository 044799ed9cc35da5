import { readFile } from 'node:fs/promises';
import { LineCounter, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import type { Task } from '../definition/define-task.ts';
import type { CommandDefinition } from './command-definition.ts';
import { commandTask } from './command-task.ts';

/** Larger than this a file is data. */
const MOST_CHARACTERS = 1_000_000;

/**
 * The command tasks that a YAML file declares, one a document: `kind: command` and the keys of a {@link CommandDefinition}, its input as
 * JSON Schema.
 * @throws {TypeError} that names the line and what is wrong
 */
export async function readCommandFile(path: string): Promise<Task[]> {
  const text = await readFile(path, 'utf8');
  if (text.length > MOST_CHARACTERS) throw new TypeError(`It is longer than ${MOST_CHARACTERS} characters`);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: true });
  const filled = Array.isArray(documents) ? documents.filter(({ contents }) => contents !== null) : [];
  if (filled.length === 0) throw new TypeError('The file declares no task');
  return withAllProblems(filled.map((document) => () => taskOf(document, lines)));
}

/** What each makes. @throws {TypeError} with what is wrong with any of them */
function withAllProblems(makes: readonly (() => Task)[]): Task[] {
  const made = makes.map((make) => {
    try {
      return make();
    } catch (error) {
      return (error as Error).message;
    }
  });
  const problems = made.filter((each) => typeof each === 'string');
  if (problems.length > 0) throw new TypeError(problems.join('\n'));
  return made.filter((each) => typeof each !== 'string');
}

function taskOf(document: Document.Parsed, lines: LineCounter): Task {
  if (document.errors.length > 0)
    throw new TypeError(document.errors.map(({ message }) => message).join('\n'));
  const { line } = lines.linePos(document.contents?.range[0] ?? 0);
  try {
    return commandTask(definitionIn(document));
  } catch (cause) {
    throw new TypeError(`From line ${line}: ${(cause as Error).message}`, { cause });
  }
}

function definitionIn(document: Document.Parsed): CommandDefinition {
  const content = document.toJS() as unknown;
  const { kind, ...definition } = (content ?? {}) as { kind?: unknown } & CommandDefinition;
  if (kind === 'command') return definition;
  throw new TypeError(
    kind === undefined
      ? 'It has no kind; a task file in YAML says "kind: command"'
      : `Its kind is ${JSON.stringify(kind)}; a task file in YAML says "kind: command"`,
  );
}
