import { totalmem } from 'node:os';
import type { CounterConfiguration, GaugeConfiguration, HistogramConfiguration } from 'prom-client';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { usableCores } from './usable-cores.ts';

/** One registry of measurements. Every process makes its own; there is no global one. */
export interface Metrics {
  counter<T extends string = never>(options: CounterConfiguration<T>): Counter<T>;
  gauge<T extends string = never>(options: GaugeConfiguration<T>): Gauge<T>;
  histogram<T extends string = never>(options: HistogramConfiguration<T>): Histogram<T>;
  /** All of them in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** Whether those of the Node process are in it: of several registries in a process, in one. Default true. */
  readonly ofProcess?: boolean;
}

/** A registry with the labels on every measurement (`{ worker: 'general' }`). */
export function createMetrics(
  labels: Readonly<Record<string, string>> = {},
  { ofProcess = true }: MetricsOptions = {},
): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ ...labels });
  const metrics: Metrics = {
    counter: (options) => new Counter({ ...options, registers: [registry] }),
    gauge: (options) => new Gauge({ ...options, registers: [registry] }),
    histogram: (options) => new Histogram({ ...options, registers: [registry] }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
  if (ofProcess) {
    // Four looks a second instead of a hundred, which cost each idle process 0.4 % of a core.
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 250 });
    measureLimits(metrics);
  }
  return metrics;
}

/** Beside what the process uses, which is measured already: what it may use, without which neither is much. */
function measureLimits(metrics: Metrics): void {
  metrics.gauge({
    name: 'longshore_process_memory_limit_bytes',
    help: 'Memory that the process may use: the limit of its container, else what the machine has.',
    collect() {
      // Without a limit the kernel names a number beyond any machine, and elsewhere it is 0.
      const limit = process.constrainedMemory();
      this.set(limit > 0 ? Math.min(limit, totalmem()) : totalmem());
    },
  });
  metrics.gauge({
    name: 'longshore_process_cpu_limit_cores',
    help: 'Processors that the process may use: the limit of its container, else what the machine has.',
    collect() {
      this.set(usableCores());
    },
  });
}
