const PERCENTAGE = /(--max-old-space-size-percentage=)(\d+(?:\.\d+)?)/;

/**
 * The environment for `among` processes that share the memory of one container: where NODE_OPTIONS gives a process a percentage of it, each
 * gets its part of that. Sizes in megabytes stay: they were meant for each.
 */
export function sharedHeap(env: NodeJS.ProcessEnv, among: number): NodeJS.ProcessEnv {
  const options = env['NODE_OPTIONS'];
  if (options === undefined || among < 2) return env;
  const shared = options.replace(
    PERCENTAGE,
    (_whole, name: string, percent: string) => `${name}${Math.max(1, Math.floor(Number(percent) / among))}`,
  );
  return { ...env, NODE_OPTIONS: shared };
}
