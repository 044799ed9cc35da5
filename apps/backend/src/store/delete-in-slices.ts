import type { Database } from './database.ts';

/**
 * Repeats a `delete` that takes at most `slice` rows, with `value` as its $1, until it finds less: each is a short transaction of its own,
 * however much there is.
 */
export async function deleteInSlices(
  database: Database,
  statement: string,
  value: string | number,
  slice: number,
): Promise<void> {
  for (let removed = slice; removed === slice;)
    removed = (await database.query(`with gone as (${statement} returning 1) select 1 from gone`, [value]))
      .length;
}
