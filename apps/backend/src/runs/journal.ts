import type { LogLinesRequest, ProgressRequest } from '@longshore/contracts';
import type { Database } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { MAX_LOG_BYTES, MAX_LOG_LINES, writeLogLines } from './log-statement.ts';
import type { RunTokenClaims, RunTokens } from './run-tokens.ts';

/** What running attempts say while they run. An item without a valid token is dropped: it can write nowhere. */
export interface RunJournal {
  progress(items: ProgressRequest['items']): Promise<void>;
  log(items: LogLinesRequest['items']): Promise<void>;
}

/** $1 {run id: {epoch, percentage, message, data}}, $2 run ids ascending, $3..$4 family range. */
const writeProgress = {
  name: 'write_progress',
  text: `
update runs r set progress = ($1::jsonb -> r.id::text) - 'epoch'
 where r.id = any($2::uuid[]) and r.id between $3::uuid and $4::uuid
   and r.state = 'running' and r.epoch = ($1::jsonb -> r.id::text ->> 'epoch')::int`,
};

export interface RunJournalDependencies {
  readonly database: Database;
  readonly tokens: RunTokens;
  /** Told of the executions whose runs said something, once it can be read. */
  readonly said?: (executionIds: readonly string[]) => void;
}

export function createRunJournal({
  database,
  tokens,
  said = () => undefined,
}: RunJournalDependencies): RunJournal {
  return {
    async progress(items) {
      const latest = new Map<string, { run: RunTokenClaims; item: (typeof items)[number] }>();
      for (const item of items) {
        const run = tokens.verify(item.token);
        if (run !== null) latest.set(run.runId, { run, item });
      }
      if (latest.size === 0) return;
      const ids = [...latest.keys()].sort();
      const { from, to } = familyRange(ids);
      const values = [...latest.values()].map(({ run, item: { percentage, message, data } }) => [
        run.runId,
        { epoch: run.epoch, percentage, message, data },
      ]);
      await database.hot(writeProgress, [storableText(Object.fromEntries(values)), ids, from, to]);
      said([...new Set([...latest.values()].map(({ run }) => run.executionId))]);
    },
    async log(items) {
      const speaking = new Set<string>();
      const rows = items.flatMap(({ token, level, message, fields }) => {
        const run = tokens.verify(token);
        if (run === null) return [];
        speaking.add(run.executionId);
        return [{ run_id: run.runId, level, message, fields }];
      });
      if (rows.length === 0) return;
      await database.query(writeLogLines, [storableText(rows), MAX_LOG_LINES, MAX_LOG_BYTES]);
      said([...speaking]);
    },
  };
}

/**
 * PostgreSQL stores neither NUL nor half a surrogate pair. What people read may lose them; results may not, those are
 * refused one by one.
 */
function storableText(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'string' ? storable(item) : withStorableKeys(item),
  );
}

function withStorableKeys(item: unknown): unknown {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
  return Object.fromEntries(Object.entries(item).map(([key, value]) => [storable(key), value]));
}

function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}
