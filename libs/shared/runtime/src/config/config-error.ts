/** One variable that is wrong or missing. Never holds the value of a secret. */
export interface ConfigProblem {
  /** The environment variable, or the file it should have come from. */
  readonly name: string;
  /** What is wrong, in words. */
  readonly problem: string;
  /** What is allowed, in words. */
  readonly allowed?: string;
}

function sentence({ name, problem, allowed }: ConfigProblem): string {
  return `  ${name} ${problem}.${allowed === undefined ? '' : ` Allowed: ${allowed}.`}`;
}

/** The configuration cannot be used. The message lists every problem, so that one start is enough to see all. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(['The configuration cannot be used:', ...problems.map(sentence)].join('\n'));
    this.problems = problems;
  }
}
