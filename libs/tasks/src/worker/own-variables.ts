import { ConfigError, loadConfig, variables } from '@longshore/runtime';
import type { ConcurrencyBounds, ConfigKey, LoadOptions, PortChoice } from '@longshore/runtime';

/** `FILE_PROCESSING_HEALTH_PORT` for `file-processing`. */
export function healthPortVariable(worker: string): string {
  return `${upperCased(worker)}_HEALTH_PORT`;
}

/** `FILE_PROCESSING_AUTOSCALE` for `file-processing`. */
export function autoscaleVariable(worker: string): string {
  return `${upperCased(worker)}_AUTOSCALE`;
}

function upperCased(worker: string): string {
  return worker.replace(/[^a-zA-Z0-9]/g, '_').toUpperCase();
}

type HealthPortKey = Extract<ConfigKey, `${string}HealthPort`>;
type AutoscaleKey = Extract<ConfigKey, `${string}Autoscale`>;

/** What the variables say that carry the name of this worker. @throws {ConfigError} */
export function loadOwnVariables(
  worker: string,
  sources: LoadOptions,
): { healthPort: PortChoice | undefined; autoscale: ConcurrencyBounds | undefined } {
  const port = keyOf(healthPortVariable(worker)) as HealthPortKey | undefined;
  const bounds = keyOf(autoscaleVariable(worker)) as AutoscaleKey | undefined;
  if (port === undefined || bounds === undefined) return ownOfOthers(worker, sources);
  const config = loadConfig([port, bounds], sources);
  return { healthPort: config[port], autoscale: config[bounds] };
}

function keyOf(env: string): ConfigKey | undefined {
  return (Object.keys(variables) as ConfigKey[]).find((key) => variables[key].env === env);
}

/** Workers that are not in the table of variables: only their environment is read, by the rules of those that are. */
function ownOfOthers(worker: string, { env = {} }: LoadOptions) {
  const read = <T>(name: string, like: { schema: { safeParse(text: string): Parsed<T> }; range: string }) => {
    const text = env[name]?.trim() ?? '';
    if (text === '') return undefined;
    const { success, data } = like.schema.safeParse(text);
    if (success) return data;
    throw new ConfigError([{ name, problem: `is wrong ("${text.slice(0, 80)}")`, allowed: like.range }]);
  };
  return {
    healthPort: read<PortChoice>(healthPortVariable(worker), variables.generalHealthPort),
    autoscale: read<ConcurrencyBounds>(autoscaleVariable(worker), variables.generalAutoscale),
  };
}

interface Parsed<T> {
  readonly success: boolean;
  readonly data?: T | undefined;
}
