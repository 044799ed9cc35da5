/** What is asked for, as Nx read it from the command line. */
export interface WorkerOptions {
  readonly name: string;
  readonly queue?: string;
  readonly port?: number;
  readonly does?: string;
}

/** What there is already, by which a new worker is judged. */
export interface Surroundings {
  /** The table of workers. */
  readonly workers: Readonly<
    Record<string, { readonly queues: readonly string[]; readonly healthPort: number }>
  >;
  /** Words that mean something else where a worker is named: projects, commands. */
  readonly taken: ReadonlySet<string>;
  /** What queues are called. */
  readonly queueName: RegExp;
}

/** A worker to be made. */
export interface NewWorker {
  readonly name: string;
  readonly queue: string;
  readonly port: number;
  readonly does: string;
}

/** Below lie the ports of the first workers, of one for language models and of one for Python. */
const FIRST_PORT = 8086;
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const LONGEST_NAME = 40;

/**
 * Decides what is made.
 * @throws Error with every reason why it cannot be
 */
export function planWorker(options: WorkerOptions, there: Surroundings): NewWorker {
  const { name, queue = snakeCased(name), does = 'what its tasks do' } = options;
  const port = options.port ?? freePort(there);
  const problems = [
    ...nameProblems(name, there),
    ...queueProblems(queue, there),
    ...portProblems(port, there),
  ];
  if (/[|\n]/.test(does)) problems.push('What it does is one line of a table, without "|".');
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return { name, queue, port, does };
}

function nameProblems(name: string, { workers, taken }: Surroundings): string[] {
  if (!NAME.test(name)) {
    return [`"${name}" is no name: small letters, digits and single dashes, a letter first.`];
  }
  if (name.length > LONGEST_NAME)
    return [`The name has ${name.length} letters; ${LONGEST_NAME} are allowed.`];
  if (Object.hasOwn(workers, name)) return [`There is a worker ${name} already.`];
  return taken.has(name) ? [`"${name}" means something else already, a project or a command.`] : [];
}

function queueProblems(queue: string, { workers, queueName }: Surroundings): string[] {
  const problems: string[] = [];
  if (!queueName.test(queue)) {
    problems.push(`"${queue}" is no queue: letters, digits, "_", "-" and ".", a letter first.`);
  }
  const server = Object.keys(workers).find((worker) => workers[worker]!.queues.includes(queue));
  if (server !== undefined) problems.push(`The queue ${queue} is served by ${server} already.`);
  return problems;
}

function portProblems(port: number, { workers }: Surroundings): string[] {
  if (!Number.isInteger(port) || port < 1024 || port > 65_535) {
    return [`${port} is no port for it: 1024 to 65535.`];
  }
  const owner = Object.keys(workers).find((worker) => workers[worker]!.healthPort === port);
  return owner === undefined ? [] : [`The port ${port} is that of ${owner}.`];
}

function freePort({ workers }: Surroundings): number {
  const ports = Object.values(workers).map(({ healthPort }) => healthPort);
  return Math.max(FIRST_PORT, ...ports.map((port) => port + 1));
}

/** `my_worker` for `my-worker`. */
export function snakeCased(name: string): string {
  return name.replaceAll('-', '_');
}
