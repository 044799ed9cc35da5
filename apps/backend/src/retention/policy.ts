import type { Retention } from '@longshore/contracts';

/** What is kept for a time of its own. */
export type Kind = 'uploads' | 'results' | 'logs' | 'history';

/** How long the platform keeps things after the end of an execution, hours; 0: for ever. */
export type RetentionHours = Readonly<Record<Kind, number>>;

export interface RetentionSettings {
  readonly retainUploadsHours: number;
  readonly retainResultsDays: number;
  readonly retainLogsDays: number;
  readonly retainHistoryDays: number;
}

/** The platform's own periods. */
export function retentionHours(settings: RetentionSettings): RetentionHours {
  return {
    uploads: settings.retainUploadsHours,
    results: settings.retainResultsDays * 24,
    logs: settings.retainLogsDays * 24,
    history: settings.retainHistoryDays * 24,
  };
}

const OWN: Readonly<Record<Kind, { field: keyof Retention; hours: number }>> = {
  uploads: { field: 'uploads_hours', hours: 1 },
  results: { field: 'results_days', hours: 24 },
  logs: { field: 'logs_days', hours: 24 },
  history: { field: 'history_days', hours: 24 },
};

/** SQL: the hours that organisation row `o` wants for itself; null: none of its own. */
export function ownHours(kind: Kind): string {
  const { field, hours } = OWN[kind];
  return `((o.retention ->> '${field}')::int * ${hours})`;
}
