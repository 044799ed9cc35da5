import { ApiError } from '@longshore/contracts';
import { ChildStartError } from '@longshore/runtime';
import { ZodError } from 'zod';

/** What to tell a person about an error: what happened and what to do, without a stack. */
export function explainError(error: unknown): string {
  if (error instanceof ApiError) return explainRefusal(error);
  if (error instanceof ChildStartError) return explainChild(error);
  if (error instanceof ZodError) {
    return 'The platform answered something that this command does not understand: use the command of its release.';
  }
  return error instanceof Error ? error.message : String(error);
}

function explainRefusal(error: ApiError): string {
  const reasons = error.errors
    .map(({ attr, detail }) => (attr === null ? detail : `${attr}: ${detail}`))
    .join('; ');
  if (error.status === 401 || error.status === 403) {
    return `The platform refused the key (${reasons}): check the key and the address.`;
  }
  const retry = error.retryAfterSeconds === undefined ? '' : ` Try again in ${error.retryAfterSeconds} s.`;
  return `The platform refused: ${reasons.replace(/\.$/, '')}.${retry}`;
}

/** How a process ends that insists on a port which another one has. */
const TAKEN_PORT = /choose another port$/m;

/** The variable that names the health port of a worker. */
function healthPortOf(name: string): string {
  return `${name.replaceAll('-', '_').toUpperCase()}_HEALTH_PORT`;
}

/** The last line a process wrote is nearly always why it ended. */
function explainChild({ exit }: ChildStartError): string {
  const how = exit.signal === null ? `exit code ${String(exit.code)}` : exit.signal;
  const said = exit.lastLines.filter((line) => line.trim() !== '').join('\n');
  const mend = said.replace(TAKEN_PORT, (words) => `${words} with ${healthPortOf(exit.name)}`);
  return `The ${exit.name} process ended before it was ready (${how})${said === '' ? '.' : `:\n${mend}`}`;
}
