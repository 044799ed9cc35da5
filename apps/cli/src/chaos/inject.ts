import { queryOnce } from '@longshore/embedded-postgres';
import type { Clock, Logger } from '@longshore/runtime';
import { repeatMessages } from './broker-repeat.ts';
import type { Fault } from './fault.ts';
import { type ChaosInstance, signalProcess } from './instance.ts';

/** Breaks an instance, and mends it. */
export interface Injector {
  /**
   * Answers whether the fault took effect: one that meets what is broken already may not. A fault that lasts ends by
   * itself; this does not wait for it.
   */
  inject(fault: Fault): Promise<boolean>;
  /** Ends all faults that last. */
  heal(): Promise<void>;
}

export interface InjectorOptions {
  instance: ChaosInstance;
  logger: Logger;
  clock: Clock;
}

/** Something broken, and what mends it. */
type Mend = () => Promise<void> | void;

export function createInjector({ instance, logger, clock }: InjectorOptions): Injector {
  const healing = new AbortController();
  const lasting = new Set<Promise<void>>();
  /** Mends after the time, or when all is healed. */
  const last = (forMs: number, mend: Mend): void => {
    const mended = clock
      .sleep(forMs, healing.signal)
      .catch(() => undefined)
      .then(mend)
      .catch((error: unknown) => logger.error('mending failed', { error }))
      .finally(() => lasting.delete(mended));
    lasting.add(mended);
  };
  return {
    inject: async (fault) => {
      try {
        return await carryOut(fault, instance, last);
      } catch (error) {
        logger.info('fault took no effect', { fault, error });
        return false;
      }
    },
    heal: async () => {
      healing.abort();
      await Promise.all(lasting);
      for (const wire of Object.values(instance.wires)) wire.heal();
      await instance.redis?.start();
    },
  };
}

type Last = (forMs: number, mend: Mend) => void;

async function carryOut(fault: Fault, instance: ChaosInstance, last: Last): Promise<boolean> {
  switch (fault.kind) {
    case 'kill':
      return send(instance, fault.target, 'SIGKILL') !== undefined;
    case 'freeze': {
      const pid = send(instance, fault.target, 'SIGSTOP');
      if (pid === undefined) return false;
      last(fault.forMs, () => void signalProcess(pid, 'SIGCONT'));
      return true;
    }
    case 'redis':
      return breakRedis(fault, instance, last);
    case 'postgres':
      return breakPostgres(fault.how, instance);
    case 'network':
      return breakNetwork(fault, instance, last);
    case 'repeat':
      return (await repeatMessages(instance, fault.messages)) > 0;
  }
}

/** Answers the process id, undefined when that process does not run at the moment. */
function send({ processes }: ChaosInstance, target: string, signal: NodeJS.Signals): number | undefined {
  const pid = processes.find(({ name }) => name === target)?.pid;
  return pid !== undefined && signalProcess(pid, signal) ? pid : undefined;
}

type Of<Kind> = Extract<Fault, { kind: Kind }>;

async function breakRedis(fault: Of<'redis'>, { redis }: ChaosInstance, last: Last): Promise<boolean> {
  if (redis === undefined) return false;
  if (fault.how === 'flush') {
    await redis.send([['FLUSHALL']]);
    return true;
  }
  await redis.kill();
  if (fault.how === 'down') last(fault.forMs, redis.start);
  else await redis.start();
  return true;
}

/** The server is started again by whoever keeps it running. */
async function breakPostgres(how: 'restart' | 'crash', { storage }: ChaosInstance): Promise<boolean> {
  const sql = `select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int as pid`;
  const [row] = await queryOnce<{ pid: number }>(storage.adminUrl, sql);
  return row !== undefined && signalProcess(row.pid, how === 'restart' ? 'SIGINT' : 'SIGQUIT');
}

function breakNetwork(fault: Of<'network'>, { wires }: ChaosInstance, last: Last): boolean {
  const wire = wires[fault.wire];
  if (wire === undefined) return false;
  if (fault.how === 'cut') {
    wire.cut();
    return true;
  }
  if (fault.how === 'blackhole') wire.blackhole();
  else wire.delay(fault.byMs);
  last(fault.forMs, () => wire.heal());
  return true;
}
