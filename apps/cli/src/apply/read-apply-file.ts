import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text as allOf } from 'node:stream/consumers';
import { type ApplyDocument, applyDocumentSchema } from '@longshore/contracts';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from 'yaml';
import { CliError, usageError } from '../cli-error.ts';
import { resolveValues } from './secret-values.ts';

/** One thing that is wrong in a file. Lines and columns count from 1. */
export interface FileProblem {
  readonly line: number;
  readonly column: number;
  /** Into the document, e.g. `steps[1].extract.fields.total`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

/** A file to apply, with what it takes to say where in it something stands. */
export interface ApplyFile {
  readonly name: string;
  readonly documents: readonly ApplyDocument[];
  /** Where a part of the n-th document stands in the file. */
  locate(document: number, path: readonly PropertyKey[]): Pick<FileProblem, 'line' | 'column' | 'path'>;
}

/** The file cannot be applied; the message has one line for each problem. */
export function applyFileError(name: string, problems: readonly FileProblem[]): CliError {
  const lines = problems.map(({ line, column, path, message }) => {
    return `${name}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
  });
  return new CliError(lines.join('\n'));
}

/**
 * Reads the file of this name, or standard input for `-`. Throws CliError when it cannot be read, or with every problem that is
 * in it.
 */
export async function readApplyFile(name: string, option = '-f'): Promise<ApplyFile> {
  try {
    // A pipe may have nothing to read yet, which a synchronous read takes for an error.
    return parseApplyFile(name, await (name === '-' ? allOf(process.stdin) : readFile(name, 'utf8')));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw usageError(`There is no file ${name}: check the path given with ${option}.`);
    if (code === 'EISDIR')
      throw usageError(`${name} is a folder: name the files in it, each with ${option}.`);
    if (code === 'EACCES') throw usageError(`This user may not read ${name}.`);
    throw error;
  }
}

/** Reads the YAML documents of a text and holds each against the contract. Throws CliError with every problem. */
export function parseApplyFile(name: string, text: string): ApplyFile {
  const lines = new LineCounter();
  // An empty stream is an array too, with properties of its own.
  const parsed: Document[] = [...parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })];
  const broken = parsed.flatMap(({ errors }) =>
    errors.map(({ pos, message }) => ({ ...position(lines, pos[0]), path: '', message })),
  );
  if (broken.length > 0) throw applyFileError(name, broken);

  const filled = parsed.filter(({ contents }) => contents !== null && !isEmptyScalar(contents));
  if (filled.length === 0)
    throw new CliError(
      `${name} holds no document: a workflow, a deployment, a pipeline, a schedule or a credential is needed.`,
    );
  const locate: ApplyFile['locate'] = (index, path) => locateIn(filled[index], path, lines);
  const problems: FileProblem[] = [];
  const documents = filled.flatMap((document, index) => {
    const { document: value, problems: unread } = resolveValues(toValue(document, name), dirname(name));
    for (const { path, message } of unread) problems.push({ ...locate(index, path), message });
    if (unread.length > 0) return [];
    const result = applyDocumentSchema.safeParse(value);
    if (result.success) return [result.data];
    if (isTaskFile(value)) {
      problems.push({ ...locate(index, ['kind']), message: TASK_FILE });
      return [];
    }
    for (const issue of result.error.issues) {
      problems.push({ ...locate(index, pathOfIssue(issue)), message: issue.message });
    }
    return [];
  });
  if (problems.length > 0) throw applyFileError(name, problems);
  return { name, documents, locate };
}

/** What is for another reader. */
const TASK_FILE =
  'this is a task file, which workers read themselves: put it into a folder of TASKS_DIR and start the worker anew';

function isTaskFile(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'command';
}

function isEmptyScalar(node: unknown): boolean {
  return isNode(node) && 'value' in node && node.value === null;
}

/** An alias may stand for more aliases: without a bound a small file could fill the memory. */
function toValue(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new CliError(`${name}: ${(error as Error).message}`);
  }
}

/** A key that is not known is told at that key, not at the map around it. */
function pathOfIssue(issue: {
  path: PropertyKey[];
  code?: string | undefined;
  keys?: unknown;
}): PropertyKey[] {
  if (issue.code !== 'unrecognized_keys' || !Array.isArray(issue.keys)) return issue.path;
  return [...issue.path, issue.keys[0] as string];
}

function position(lines: LineCounter, offset: number): Pick<FileProblem, 'line' | 'column'> {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function locateIn(
  document: Document | undefined,
  path: readonly PropertyKey[],
  lines: LineCounter,
): ReturnType<ApplyFile['locate']> {
  let node: unknown = document?.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const step of path) {
    const found = document && child(document, node, step);
    if (found === undefined) break; // What is missing is told where it should stand: at what would hold it.
    offset = found.offset;
    node = found.node;
  }
  return { ...position(lines, offset), path: writePath(path) };
}

/** The node under a key or at an index, and where to point for it: at the key rather than at its value. */
function child(
  document: Document,
  parent: unknown,
  step: PropertyKey,
): { node: unknown; offset: number } | undefined {
  const holder = isAlias(parent) ? parent.resolve(document) : parent;
  if (isSeq(holder)) {
    const item = holder.items[Number(step)];
    return isNode(item) ? { node: item, offset: item.range?.[0] ?? 0 } : undefined;
  }
  if (!isMap(holder)) return undefined;
  const pair = holder.items.find((entry) => isPair(entry) && keyOf(entry.key) === String(step));
  const key = pair?.key as Node | undefined;
  return pair && { node: pair.value, offset: key?.range?.[0] ?? 0 };
}

function keyOf(key: unknown): string {
  return String(isNode(key) && 'value' in key ? key.value : key);
}

function writePath(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}
