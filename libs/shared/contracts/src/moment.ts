import { z } from 'zod';

/** A moment as clients name it: ISO 8601 with its offset. A year 0 is no moment: the database counts from 1 on. */
export const moment = z.iso
  .datetime({ offset: true })
  .refine((text) => !text.startsWith('0000'), 'There is no year 0');
