import type { CounterConfiguration, GaugeConfiguration, HistogramConfiguration } from 'prom-client';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** One registry of measurements. Every process makes its own; there is no global one. */
export interface Metrics {
  counter<T extends string = never>(options: CounterConfiguration<T>): Counter<T>;
  gauge<T extends string = never>(options: GaugeConfiguration<T>): Gauge<T>;
  histogram<T extends string = never>(options: HistogramConfiguration<T>): Histogram<T>;
  /** All of them in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** A registry with the labels on every measurement (`{ worker: 'general' }`) and those of the Node process in it. */
export function createMetrics(labels: Readonly<Record<string, string>> = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ ...labels });
  collectDefaultMetrics({ register: registry });
  return {
    counter: (options) => new Counter({ ...options, registers: [registry] }),
    gauge: (options) => new Gauge({ ...options, registers: [registry] }),
    histogram: (options) => new Histogram({ ...options, registers: [registry] }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
