import type { JsonValue } from '@longshore/contracts';

type JsonObject = { [key: string]: JsonValue };

export interface Asking {
  /** Asks one question. Resolves to the answer, without its end of line. */
  readonly ask: (question: string) => Promise<string>;
  /** Tells why an answer will not do. */
  readonly tell: (line: string) => void;
}

/**
 * Asks for the parameters of a task, one after the other: those that it needs first, in the order in which its input schema names them, for the
 * platform does not keep the order of the properties themselves. An empty answer leaves one out, which
 * then has its default; of one that is required it is asked again. Asks nothing where the schema names no properties. What a question cannot
 * check is checked by the platform.
 */
export async function askParameters(schema: JsonValue, { ask, tell }: Asking): Promise<JsonObject> {
  const given: JsonObject = {};
  for (const { name, property, isNeeded } of questionsOf(objectOf(schema))) {
    for (;;) {
      const answer = (await ask(questionOf(name, property, isNeeded))).trim();
      if (answer === '' && !isNeeded) break;
      const read = answer === '' ? { problem: 'is required' } : readAnswer(answer, property);
      if ('value' in read) {
        given[name] = read.value;
        break;
      }
      tell(`${name} ${read.problem}.`);
    }
  }
  return given;
}

interface Question {
  readonly name: string;
  readonly property: JsonObject;
  readonly isNeeded: boolean;
}

function questionsOf({ properties, required }: JsonObject): Question[] {
  const named = new Map(Object.entries(objectOf(properties)));
  const needed = Array.isArray(required) ? required.map(String).filter((name) => named.has(name)) : [];
  const all = [...new Set([...needed, ...named.keys()])].map((name) => {
    const property = objectOf(named.get(name));
    const isNeeded = needed.includes(name) && property['default'] === undefined;
    return { name, property, isNeeded };
  });
  return [...all.filter(({ isNeeded }) => isNeeded), ...all.filter(({ isNeeded }) => !isNeeded)];
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function questionOf(name: string, property: JsonObject, isNeeded: boolean): string {
  const { description, default: standard } = property;
  const kind = kindOf(property);
  const without =
    standard === undefined ? (isNeeded ? '' : ', may be left out') : `, default ${JSON.stringify(standard)}`;
  const words = typeof description === 'string' ? ` ${description.replace(/\s+/g, ' ').trim()}` : '';
  return `${name} (${kind}${boundsOf(property)}${without})${words === '' ? '' : `:${words}`}\n> `;
}

function kindOf({ type, enum: choices }: JsonObject): string {
  if (Array.isArray(choices)) return choices.map((choice) => textOf(choice)).join(', ');
  if (type === 'boolean') return 'yes or no';
  if (type === 'string') return 'text';
  if (type === 'integer') return 'whole number';
  return type === 'number' ? 'number' : 'JSON';
}

/** The greatest whole number is what schemas say that have no bound. */
function boundsOf({ minimum, maximum }: JsonObject): string {
  const isBound = (bound: JsonValue | undefined): bound is number =>
    typeof bound === 'number' && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (isBound(minimum) && isBound(maximum)) return `, ${minimum} to ${maximum}`;
  if (isBound(minimum)) return `, ${minimum} or more`;
  return isBound(maximum) ? `, ${maximum} or less` : '';
}

type Read = { readonly value: JsonValue } | { readonly problem: string };

function readAnswer(answer: string, property: JsonObject): Read {
  const { type, enum: choices } = property;
  if (Array.isArray(choices)) {
    const chosen = choices.find((choice) => textOf(choice) === answer);
    return chosen === undefined ? { problem: `is one of ${kindOf(property)}` } : { value: chosen };
  }
  if (type === 'string') return { value: answer };
  if (type === 'boolean') return readYesOrNo(answer);
  if (type === 'integer' || type === 'number') return readNumber(answer, property);
  try {
    return { value: JSON.parse(answer) as JsonValue };
  } catch (error) {
    return { problem: `is to be JSON (${(error as Error).message})` };
  }
}

function readYesOrNo(answer: string): Read {
  if (/^(y|yes|true|1)$/i.test(answer)) return { value: true };
  return /^(n|no|false|0)$/i.test(answer) ? { value: false } : { problem: 'is yes or no' };
}

function readNumber(answer: string, property: JsonObject): Read {
  const value = Number(answer);
  const { type, minimum, maximum } = property;
  const isKind = type === 'integer' ? Number.isInteger(value) : Number.isFinite(value);
  const isLow = typeof minimum === 'number' && value < minimum;
  const isHigh = typeof maximum === 'number' && value > maximum;
  return isKind && !isLow && !isHigh
    ? { value }
    : { problem: `is a ${kindOf(property)}${boundsOf(property)}` };
}

function textOf(choice: JsonValue): string {
  return typeof choice === 'string' ? choice : JSON.stringify(choice);
}
