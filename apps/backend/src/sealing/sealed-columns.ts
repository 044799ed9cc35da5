/** A column of the database that holds sealed texts, or null. `key` is the column that names its row, a uuid. */
export interface SealedColumn {
  readonly table: string;
  readonly key: string;
  readonly column: string;
}

/** Where a sealed text belongs: it opens there and nowhere else. */
export function contextOf({ table, column }: SealedColumn, key: string): string {
  return `${table}.${column}:${key}`;
}

/** Where webhooks are posted to: of some receivers it is the address that is secret. */
export const webhookUrl: SealedColumn = { table: 'webhooks', key: 'id', column: 'url' };
/** Secrets that sign the deliveries of webhooks: the present one, and the one before it while both sign. */
export const webhookSecret: SealedColumn = { table: 'webhooks', key: 'id', column: 'secret' };
export const earlierWebhookSecret: SealedColumn = { table: 'webhooks', key: 'id', column: 'earlier_secret' };

/** What pipelines reach their sources and destinations with, as JSON. */
export const credentialValues: SealedColumn = { table: 'credentials', key: 'id', column: 'sealed_values' };

/** All of them: what the start of a backend looks through, and `reseal` seals anew. One line for each new one. */
export const sealedColumns: readonly SealedColumn[] = [
  webhookUrl,
  webhookSecret,
  earlierWebhookSecret,
  credentialValues,
];
