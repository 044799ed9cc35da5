import { wholeNumber } from './schemas.ts';
import { defaulting } from './variable.ts';

const MAX_HOURS = 87_600;
const MAX_DAYS = 3_650;

function retention(text: string, env: string, unit: 'hours' | 'days', help: string) {
  const max = unit === 'hours' ? MAX_HOURS : MAX_DAYS;
  return defaulting(text, {
    env,
    schema: wholeNumber(0, max),
    range: `0 to ${max} ${unit}; 0 keeps them for ever`,
    help: `${help} An organisation may have a value of its own.`,
    readBy: ['backend'],
  });
}

/** How long data are kept, counted from the end of their execution. */
export const retentionVariables = {
  retainUploadsHours: retention(
    '24',
    'RETAIN_UPLOADS_HOURS',
    'hours',
    'How long uploaded files are kept after the end of their execution.',
  ),
  retainResultsDays: retention(
    '30',
    'RETAIN_RESULTS_DAYS',
    'days',
    'How long results and the texts read from files are kept after the end of their execution.',
  ),
  retainLogsDays: retention(
    '7',
    'RETAIN_LOGS_DAYS',
    'days',
    'How long the log lines of runs are kept after the end of their execution.',
  ),
  retainHistoryDays: retention(
    '90',
    'RETAIN_HISTORY_DAYS',
    'days',
    'How long ended executions are known at all; what is left of them goes with them, a month at a time.',
  ),
} as const;
