import type { ChildSpec, Lifecycle, Logger } from '@longshore/runtime';
import {
  createHealthServer,
  createMetrics,
  createSupervisor,
  SetUpError,
  sharedHeap,
  systemClock,
  WRONG_SET_UP,
} from '@longshore/runtime';
import type { Child, HealthChecks, Metrics, SupervisorEvent } from '@longshore/runtime';
import type { MemberFacts } from './group-health.ts';
import { groupHealth, groupReadiness } from './group-health.ts';
import type { AskingEnd } from './health-channel.ts';
import { createAskingEnd } from './health-channel.ts';
import { mergeMetrics } from './merge-metrics.ts';
import { healthPortVariable } from './own-variables.ts';
import type { WorkerConfig } from './worker-config.ts';
import { numberedName } from './worker-config.ts';

export interface SeveralOptions {
  /** The kind of worker. */
  worker: string;
  config: Pick<WorkerConfig, 'count' | 'queues' | 'host' | 'healthPort' | 'givenName'>;
  /** The program that is one worker process, and its environment. */
  program: Pick<ChildSpec, 'command' | 'args' | 'env'>;
  logger: Logger;
  lifecycle: Lifecycle;
  /** From the death of a process to its next start, milliseconds. Default 10,000. */
  restartDelayMs?: number;
  /** Where the lines go that the processes write. */
  writeLine: (line: string) => void;
}

interface Member {
  readonly child: Child;
  readonly asking: AskingEnd;
}

/**
 * Runs WORKER_COUNT processes of a worker and keeps them running, with one health server for all: each has a session of its own. Resolves
 * to the port of that server when they were started. They stop side by side within the deadline of this process.
 */
export async function runSeveral(options: SeveralOptions): Promise<number> {
  const { worker, config, logger, lifecycle, restartDelayMs } = options;
  const { count, queues, host, healthPort } = config;
  const supervisor = createSupervisor({
    logger,
    ...(restartDelayMs !== undefined && { restartDelayMs }),
    onEvent: endingWithWrongSetUp(lifecycle),
  });
  const members: Member[] = [];
  const server = await createHealthServer({
    ...{ worker, host, port: healthPort, logger },
    checks: checksOf(members, lifecycle),
    metrics: metricsOf(members, worker),
  });
  lifecycle.onStop('health server', () => server.close());
  lifecycle.onStop('worker processes', (deadline) => supervisor.stopAll(deadline));
  logger.info(`Starting ${count} workers for queue ${queues.join(', ')}`);
  for (let index = 1; index <= count; index += 1) {
    const asking = createAskingEnd({
      send: (message) => members[index - 1]?.child.send(message) ?? false,
      clock: systemClock,
    });
    const child = supervisor.add({ ...childSpec(options, index, server.port), onMessage: asking.hear });
    members.push({ child, asking });
  }
  return server.port;
}

/** All have the same set-up: when it is wrong for one, it is for the others. */
function endingWithWrongSetUp(lifecycle: Lifecycle): (event: SupervisorEvent) => void {
  return (event) => {
    if (event.type !== 'exited' || event.expected || event.exit.code !== WRONG_SET_UP) return;
    lifecycle.fail(new SetUpError(event.exit.lastLines.join(' ')));
  };
}

function childSpec(
  { worker, config, program, writeLine }: SeveralOptions,
  index: number,
  port: number,
): ChildSpec {
  const env = sharedHeap(program.env ?? process.env, config.count);
  return {
    ...program,
    name: numberedName(config.givenName, index),
    env: {
      ...env,
      LONGSHORE_WORKER_INDEX: String(index),
      // It does not listen there: it tells the backend where it can be asked about.
      [healthPortVariable(worker)]: String(port),
    },
    stdout: writeLine,
    stderr: writeLine,
  };
}

function checksOf(members: readonly Member[], lifecycle: Lifecycle): HealthChecks {
  const facts = (): Promise<MemberFacts[]> => Promise.all(members.map(factsOf));
  return {
    health: async () => groupHealth(await facts(), lifecycle.stopping),
    ready: async () => groupReadiness(lifecycle.stopping ? [] : await facts(), lifecycle.stopping),
  };
}

async function factsOf({ child, asking }: Member): Promise<MemberFacts> {
  const said = await asking.state();
  const { name, state, pid, restarts, crashLooping, startedAt } = child;
  const now = systemClock.monotonic();
  const silentForMs = now - Math.max(startedAt, asking.silentSince ?? now);
  return { name, state, pid, restarts, crashLooping, said, silentForMs };
}

/** Those of all processes, each with the label `process`, and those of this one. */
function metricsOf(members: readonly Member[], worker: string): Pick<Metrics, 'text' | 'contentType'> {
  const own = createMetrics({ worker, process: 'supervisor' });
  const restarts = own.counter({
    name: 'longshore_supervisor_restarts_total',
    help: 'How often processes of this worker were started again.',
  });
  const running = own.gauge({
    name: 'longshore_supervisor_processes',
    help: 'Processes of this worker that run, of WORKER_COUNT.',
  });
  return {
    contentType: own.contentType,
    text: async () => {
      const children = members.map(({ child }) => child);
      restarts.reset();
      restarts.inc(children.reduce((sum, child) => sum + child.restarts, 0));
      running.set(children.filter(({ state }) => state === 'running').length);
      const texts = await Promise.all(members.map(({ asking }) => asking.metrics()));
      return mergeMetrics([await own.text(), ...texts.filter((text) => text !== undefined)]);
    },
  };
}
