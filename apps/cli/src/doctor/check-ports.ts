import { type ConfigKey, type Variable, variables } from '@longshore/runtime';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { configure } from '../home/configuration.ts';
import { claimPort } from '../platform/ports.ts';
import { type Finding, note, ok, wrong } from './finding.ts';

const ANSWERS_WITHIN_MS = 2_000;
const healthSchema = z.object({ status: z.string(), worker: z.string(), reasons: z.array(z.string()) });

/** A port that a setting insists on. */
export interface NamedPort {
  readonly variable: string;
  readonly port: number;
}

/** The health ports that the environment insists on. One that gives way when it is taken (`9000+`) is no trouble. */
export function explicitHealthPorts(env: NodeJS.ProcessEnv): NamedPort[] {
  const keys = (Object.keys(variables) as ConfigKey[]).filter(isHealthPort);
  return Object.entries(configure(keys, { env })).flatMap(([key, { explicit, value }]) =>
    explicit && value !== 0
      ? [{ variable: (variables as Record<string, Variable>)[key]?.env ?? key, port: value }]
      : [],
  );
}

function isHealthPort(key: ConfigKey): key is ConfigKey & `${string}HealthPort` {
  return key.endsWith('HealthPort');
}

/** What the ports mean to a start from this home: of the API, where 0 is any free one, and of the workers' health servers. */
export async function checkPorts(
  host: string,
  port: number,
  healthPorts: readonly NamedPort[],
): Promise<Finding[]> {
  const api = await checkPort(host, { variable: 'PORT', port });
  const health: Finding[] = [];
  // One after the other: two settings of the same port would find it taken by each other.
  for (const each of healthPorts) health.push(await checkHealthPort(host, each));
  const troubles = health.filter(({ state, found }) => state !== 'ok' && found !== api.found);
  return [api, ...troubles, ...namedTwice([{ variable: 'PORT', port }, ...healthPorts])];
}

async function checkPort(host: string, { variable, port }: NamedPort): Promise<Finding> {
  try {
    await claimPort(host, port);
    return ok('port', port === 0 ? 'any free one will do' : `${port} of ${host} is free`);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const [found = error.message, mend = ''] = error.message.split(': ');
    const words = mend.replace(/\bPORT\b/, variable);
    return wrong('port', found, `${words.charAt(0).toUpperCase()}${words.slice(1)}`);
  }
}

/** A worker that was started by itself holds its port rightly, as long as no second one is started. */
async function checkHealthPort(host: string, named: NamedPort): Promise<Finding> {
  const finding = await checkPort(host, named);
  const holder = finding.state === 'ok' ? undefined : await workerAt(named.port);
  if (holder === undefined) return finding;
  const found = `port ${named.port} (${named.variable}) is held by a ${holder} worker that runs already`;
  return note('port', found, 'Stop it before "longshore up", which starts workers of its own.');
}

/** The name of the worker that tells its health there; undefined: it is no worker. */
async function workerAt(port: number): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWERS_WITHIN_MS);
    const response = await fetch(`http://127.0.0.1:${port}/health`, { signal });
    return healthSchema.safeParse(await response.json()).data?.worker;
  } catch {
    // Whatever does not speak HTTP and JSON is another program.
    return undefined;
  }
}

function namedTwice(named: readonly NamedPort[]): Finding[] {
  const groups = Map.groupBy(
    named.filter(({ port }) => port !== 0),
    ({ port }) => port,
  );
  return [...groups].flatMap(([port, same]) => {
    if (same.length < 2) return [];
    const names = same.map(({ variable }) => variable).join(' and ');
    return [
      wrong('port', `${names} name the same port, ${port}`, 'Give each of them a port of its own, or none.'),
    ];
  });
}
