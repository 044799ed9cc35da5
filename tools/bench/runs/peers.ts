import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Sizes } from './options.ts';

export interface PeerFigures {
  readonly perSecond: number;
  /** CPU of the worker process for one job, µs. */
  readonly cpuMicros: number;
  /** From adding to the handler at idle, ms. */
  readonly idle: readonly number[];
}

/** Bare BullMQ on this broker. */
export function bullmq(
  brokerUrl: string,
  sizes: Pick<Sizes, 'concurrency' | 'runs' | 'warmUp' | 'payload'>,
  samples = 0,
): Promise<PeerFigures> {
  const { concurrency, runs, warmUp, payload } = sizes;
  return peer('bullmq-peer.ts', [brokerUrl, concurrency, runs, warmUp, payload, samples]);
}

export interface FlowFigures {
  readonly perSecond: number;
  /** One flow at idle, ms. */
  readonly idle: readonly number[];
}

/** BullMQ flows of twenty jobs that do nothing and their parent. */
export function flow(redisUrl: string, sizes: Sizes): Promise<FlowFigures> {
  const { concurrency, executions, inFlight } = sizes;
  return peer('../flow-peer.ts', [redisUrl, concurrency, executions, inFlight]);
}

async function peer<T>(program: string, args: readonly (string | number)[]): Promise<T> {
  const path = join(import.meta.dirname, program);
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args.map(String)]);
  return JSON.parse(stdout) as T;
}
