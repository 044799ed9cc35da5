/** One line of a panel: what is asked, and how a line of the answer is called (`{{queue}}`). */
interface Query {
  readonly expr: string;
  readonly legend: string;
}

/** What Grafana calls the units that are used here. */
type Unit = 'short' | 's' | 'ops' | 'bytes' | 'percentunit';

interface PanelOptions {
  readonly title: string;
  /** Shown behind the title: how to read it. */
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** From here on the line is drawn in red: where the alert is. */
  readonly alertAt?: number;
}

/** Prometheus, as the one who imports the dashboard chooses it. */
export const DATA_SOURCE = { type: 'prometheus', uid: '${source}' };

const WIDTH = 12;
const HEIGHT = 8;
const PANELS_PER_ROW = 2;

/** A line plot; place and id are given by {@link placed}. */
export function panel({ title, description, unit, queries, alertAt }: PanelOptions) {
  const green = { color: 'green', value: null };
  return {
    type: 'timeseries',
    title,
    description,
    datasource: DATA_SOURCE,
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        custom: { fillOpacity: 10, showPoints: 'never', thresholdsStyle: { mode: alertAt ? 'line' : 'off' } },
        thresholds: {
          mode: 'absolute',
          steps: alertAt === undefined ? [green] : [green, { color: 'red', value: alertAt }],
        },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom' },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATA_SOURCE,
      expr,
      legendFormat: legend,
    })),
  };
}

/** Puts panels two beside each other, from the top down. */
export function placed(panels: readonly ReturnType<typeof panel>[]) {
  return panels.map((each, index) => ({
    id: index + 1,
    ...each,
    gridPos: {
      x: (index % PANELS_PER_ROW) * WIDTH,
      y: Math.floor(index / PANELS_PER_ROW) * HEIGHT,
      w: WIDTH,
      h: HEIGHT,
    },
  }));
}
