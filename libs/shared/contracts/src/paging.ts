import { z } from 'zod';

/** Default and greatest number of items on one page. */
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/**
 * How every list is read: at most `limit` items, and where the next page begins. A cursor is opaque, and stands for a
 * place between two items, so that what is added or removed meanwhile neither repeats nor hides others.
 */
export const pageQuery = {
  limit: z.coerce
    .number<number | string>()
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .default(DEFAULT_LIMIT)
    .describe('At most this many items on the page.'),
  cursor: z.string().max(1000).optional().describe('`next_cursor` of the page before.'),
};

/** What a list answers beside its items; null: this was the last page. */
export const pageEnd = { next_cursor: z.string().nullable().describe('Null: this was the last page.') };

/** Names of things, as they stand in an address or a query. */
const nameInAddress = z.string().min(1).max(100);

/** An admin key may look into one organisation; an organisation key sees its own, whatever it asks for. */
export const organisationFilter = {
  organisation: nameInAddress
    .optional()
    .describe('Only of this organisation. An organisation key sees its own and no other.'),
};

/** Names the organisation of one thing. */
export const organisationOfOne = {
  organisation: nameInAddress
    .optional()
    .describe('Default: the organisation of the key; with an admin key, `default`.'),
};

export const nameParams = z.object({ name: nameInAddress });
