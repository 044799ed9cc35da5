import { basename, join } from 'node:path';
import ts from 'typescript';

/** A declaration file by its name. */
export type Declarations = ReadonlyMap<string, string>;

/** Types of the contract that the client's own declarations name. */
const CONTRACT = ['ErrorBody', 'ErrorCode', 'ExecutionDetail'] as const;

/**
 * Asked for beside the sources: what the types come to. `JsonValue` is named here because it speaks of itself; whatever is not named
 * is written out where it stands.
 */
const QUESTIONS = `import type { ${CONTRACT.join(', ')}, JsonValue } from '@longshore/contracts';
import type { Answer, Input, OperationName } from './index.ts';
export type Inputs = { [Name in OperationName]: Input<Name> };
export type Answers = { [Name in OperationName]: Answer<Name> };
${CONTRACT.map((name) => `export type The${name} = ${name};`).join('\n')}
export type TheJsonValue = JsonValue;
`;

const JSON_VALUE = `export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };`;

const FORMAT =
  ts.TypeFormatFlags.NoTruncation |
  ts.TypeFormatFlags.InTypeAlias |
  ts.TypeFormatFlags.UseSingleQuotesForStringLiteralType;

/**
 * The declarations of the client with every type of the contract written out: who uses them needs neither the contract nor the
 * library in which it is written.
 * @throws when the sources have type errors
 */
export function clientDeclarations(sources: string, tsconfig: string): Declarations {
  const program = programOf(sources, tsconfig);
  const wrong = ts.getPreEmitDiagnostics(program).filter(({ file }) => file?.fileName.startsWith(sources));
  if (wrong.length > 0) throw new Error(ts.formatDiagnostics(wrong, ts.createCompilerHost({})));
  const files = new Map<string, string>();
  program.emit(
    undefined,
    (path, text) => {
      if (path.startsWith(sources)) files.set(basename(path), withoutContract(text));
    },
    undefined,
    true,
  );
  for (const name of ['questions.d.ts', 'operations.d.ts', 'operation-types.d.ts']) files.delete(name);
  return new Map([...files, ...writtenOut(program, join(sources, 'questions.ts'))]);
}

function programOf(sources: string, tsconfig: string): ts.Program {
  const { config } = ts.readConfigFile(tsconfig, ts.sys.readFile) as { config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, join(tsconfig, '..'));
  const emitting = { ...options, noEmit: false, declaration: true, emitDeclarationOnly: true };
  const host = ts.createCompilerHost(emitting);
  const questions = join(sources, 'questions.ts');
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => path === questions || fileExists(path);
  host.getSourceFile = (path, version, ...rest) =>
    path === questions
      ? ts.createSourceFile(path, QUESTIONS, version, true)
      : getSourceFile(path, version, ...rest);
  return ts.createProgram([join(sources, 'index.ts'), questions], emitting, host);
}

function withoutContract(text: string): string {
  return text
    .replaceAll("'@longshore/contracts'", "'./contract.js'")
    .replace(/from '(\.\/[\w-]+)\.ts'/g, "from '$1.js'");
}

function writtenOut(program: ts.Program, questions: string): [string, string][] {
  const source = program.getSourceFile(questions)!;
  const checker = program.getTypeChecker();
  const types = new Map(
    source.statements
      .filter(ts.isTypeAliasDeclaration)
      .map(({ name }) => [name.text, checker.getTypeAtLocation(name)]),
  );
  const spelled = (type: ts.Type): string => checker.typeToString(type, source, FORMAT);
  const members = (name: string): string[] =>
    checker
      .getPropertiesOfType(types.get(name)!)
      .map((each) => `  ${each.name}: ${spelled(checker.getTypeOfSymbolAtLocation(each, source))};`);
  const contract = CONTRACT.map((name) => `export type ${name} = ${spelled(types.get(`The${name}`)!)};`);
  const operations = [
    "import type { JsonValue } from './contract.js';",
    '/** What each operation of the public API has to be given. */',
    'export interface Inputs {',
    ...members('Inputs'),
    '}',
    '/** What each operation of the public API answers. */',
    'export interface Answers {',
    ...members('Answers'),
    '}',
    '/** The operations of the public API, by name. */',
    'export type OperationName = keyof Answers;',
    '/** What a call of this operation has to be given. A form stands for what an operation reads as a stream. */',
    'export type Input<Name extends OperationName> = Inputs[Name];',
    '/** What this operation answers. */',
    'export type Answer<Name extends OperationName> = Answers[Name];',
  ];
  return [
    ['contract.d.ts', `${[JSON_VALUE, ...contract].join('\n')}\n`],
    ['operation-types.d.ts', `${operations.join('\n')}\n`],
  ];
}
