import type { Metrics } from '@longshore/runtime';

/** The labels and the value of one line. */
type Line<Label extends string> = readonly [Readonly<Record<Label, string>>, number];

interface GaugeOf<Row, Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: Label[];
  lines(row: Row): readonly Line<Label>[];
}

/** Registers gauges that are made of the same rows. A gauge is asked alone, so those of one look share one reading. */
export function gaugesOf<Row>(metrics: Metrics, read: () => Promise<readonly Row[]>) {
  let reading: Promise<readonly Row[]> | undefined;
  const readOnce = () => (reading ??= read().finally(() => (reading = undefined)));
  return <Label extends string>({ lines, ...gauge }: GaugeOf<Row, Label>): void => {
    metrics.gauge<Label>({
      ...gauge,
      async collect() {
        const rows = await readOnce();
        this.reset();
        for (const [labels, value] of rows.flatMap(lines)) this.set(labels, value);
      },
    });
  };
}
