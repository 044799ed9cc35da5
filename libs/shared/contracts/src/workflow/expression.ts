import jsonata from 'jsonata';
import { z } from 'zod';
import { patternComplaint } from './pattern.ts';

/** What every expression may name beside the fields. */
const VARIABLES: readonly string[] = ['document', 'file', 'custom_data', 'text'];
/** A check may also name what it is about. */
const CHECK_VARIABLES: readonly string[] = [...VARIABLES, 'value'];

/** The functions of JSONata 2 whose answer depends on their arguments alone. */
export const EXPRESSION_FUNCTIONS: readonly string[] = (
  'abs append assert average base64decode base64encode boolean ceil clone contains count decodeUrl decodeUrlComponent ' +
  'distinct each encodeUrl encodeUrlComponent error exists filter floor formatBase formatInteger formatNumber fromMillis ' +
  'join keys length lookup lowercase map match max merge min not number pad parseInteger power reduce replace reverse ' +
  'round sift single sort split spread sqrt string substring substringAfter substringBefore sum toMillis trim type ' +
  'uppercase zip'
).split(' ');

/** The same file shall give the same answer every time, and an expression be known before it runs. */
const REFUSED = new Set(['now', 'millis', 'random', 'shuffle', 'eval']);

/** What an expression names of the object that it is evaluated on. */
export interface ExpressionNames {
  readonly fields: ReadonlySet<string>;
  /** It looks at the object as a whole, by `$`, `$$`, `*` or `**`. */
  readonly whole: boolean;
}

interface Seen {
  readonly fields: Set<string>;
  readonly variables: Set<string>;
  readonly bound: Set<string>;
  readonly patterns: string[];
  whole: boolean;
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string };

/**
 * Takes an expression apart that may use these variables.
 * @throws Error that says what is wrong, worded to follow "the expression"
 */
export function readExpression(text: string, variables = CHECK_VARIABLES): ExpressionNames {
  const seen: Seen = {
    fields: new Set(),
    variables: new Set(),
    bound: new Set(),
    patterns: [],
    whole: false,
  };
  look(syntaxTree(text), true, seen);
  refuseVariables(seen, variables);
  for (const pattern of seen.patterns) {
    const complaint = patternComplaint(pattern);
    if (complaint !== undefined) throw new Error(`holds the pattern /${pattern}/, which ${complaint}`);
  }
  return seen;
}

function syntaxTree(text: string): unknown {
  try {
    return jsonata(text).ast();
  } catch (error) {
    const { message, position } = error as { message: string; position?: number };
    const where = position === undefined ? '' : ` (at character ${position})`;
    throw new Error(`is not JSONata: ${message}${where}`, { cause: error });
  }
}

function refuseVariables({ variables, bound }: Seen, given: readonly string[]): void {
  for (const name of variables) {
    if (REFUSED.has(name)) throw new Error(`uses $${name}, whose answer is not known beforehand`);
    if (bound.has(name) || given.includes(name) || EXPRESSION_FUNCTIONS.includes(name)) continue;
    const known = given.map((variable) => `$${variable}`).join(', ');
    throw new Error(`names $${name}, which is neither a function of JSONata nor one of ${known}`);
  }
}

/** Goes through a tree. `atRoot`: names at this place are keys of the object that the expression is evaluated on. */
function look(value: unknown, atRoot: boolean, seen: Seen): void {
  if (Array.isArray(value)) return value.forEach((item) => look(item, atRoot, seen));
  if (!isNode(value)) return;
  const { predicate, stages, group, ...node } = value;
  for (const part of [predicate, stages, group]) lookInside(part, seen);
  for (const key of ['focus', 'index']) if (typeof node[key] === 'string') seen.bound.add(node[key]);
  if (node.type === 'path') return lookAlong(node['steps'] as unknown[], atRoot, seen);
  lookAt(node, atRoot, seen);
}

/** What stands in brackets or braces behind something is about that, not about the root. */
function lookInside(part: unknown, seen: Seen): void {
  if (Array.isArray(part)) part.forEach((item) => lookInside(item, seen));
  else if (isObject(part)) {
    look(part['expr'], false, seen);
    look(part['expression'], false, seen);
    if (part['type'] === undefined) look(part['lhs'], false, seen);
  }
}

/** `a.b`: the first step is looked up where the path stands, the others in what was found. */
function lookAlong(steps: readonly unknown[], atRoot: boolean, seen: Seen): void {
  let root = atRoot;
  for (const [index, step] of steps.entries()) {
    const variable = isNode(step) && step.type === 'variable' ? step['value'] : undefined;
    const stays = index === 0 && steps.length > 1 && (variable === '$' || (variable === '' && root));
    if (stays) {
      for (const key of ['stages', 'predicate', 'group']) lookInside((step as Node)[key], seen);
    } else look(step, root, seen);
    root = stays;
  }
}

function lookAt(node: Node, atRoot: boolean, seen: Seen): void {
  const { type, value } = node;
  if (type === 'name' && atRoot) seen.fields.add(String(value));
  if (type === 'regex') seen.patterns.push((value as RegExp).source);
  if ((type === 'wildcard' || type === 'descendant') && atRoot) seen.whole = true;
  if (type === 'variable') lookAtVariable(String(value), atRoot, seen);
  if (type === 'bind') seen.bound.add(String((node['lhs'] as Node)['value']));
  if (type === 'lambda') {
    for (const { value: name } of node['arguments'] as Node[]) seen.bound.add(String(name));
    return look(node['body'], atRoot, seen);
  }
  if (type === 'sort') return lookInside(node['terms'], seen);
  const inside = type !== 'transform' && atRoot;
  for (const [key, part] of Object.entries(node)) {
    if (key !== 'value' && !(type === 'bind' && key === 'lhs')) look(part, inside, seen);
  }
}

function lookAtVariable(name: string, atRoot: boolean, seen: Seen): void {
  if (name !== '' && name !== '$') seen.variables.add(name);
  else if (name === '$' || atRoot) seen.whole = true;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isNode(value: unknown): value is Node {
  return isObject(value) && typeof value['type'] === 'string';
}

/** A JSONata expression over the fields. */
export const expressionSchema = checkedExpression(VARIABLES);

/** An expression that says whether `$value` is right. */
export const checkExpressionSchema = checkedExpression(CHECK_VARIABLES);

function checkedExpression(variables: readonly string[]) {
  return z
    .string()
    .trim()
    .min(1)
    .max(4000)
    .superRefine((text, context) => {
      try {
        readExpression(text, variables);
      } catch (error) {
        context.addIssue(`the expression ${(error as Error).message}`);
      }
    });
}
