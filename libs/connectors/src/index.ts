export type { AllowedFolders } from './folder/allowed-folders.ts';
export { allowedFolders, isWithin } from './folder/allowed-folders.ts';
export type { FolderDestination } from './folder/folder-destination.ts';
export { openFolderDestination } from './folder/folder-destination.ts';
export { FolderError } from './folder/folder-error.ts';
export type { FolderFile, FolderSource } from './folder/folder-source.ts';
export { openFolderSource } from './folder/folder-source.ts';
export { FetchError } from './https/fetch-error.ts';
export type { HttpSource, HttpSourceOptions, OpenedFile, OpenOptions } from './https/http-source.ts';
export { createHttpSource } from './https/http-source.ts';
export type {
  WebhookAnswer,
  WebhookRequest,
  WebhookSender,
  WebhookSenderOptions,
} from './webhook/webhook-sender.ts';
export { createWebhookSender } from './webhook/webhook-sender.ts';
export type { WebAccess, WebAccessOptions } from './https/web-access.ts';
export { createWebAccess } from './https/web-access.ts';
export type { S3Secret } from './s3/bucket.ts';
export type { S3Destination } from './s3/s3-destination.ts';
export { openS3Destination } from './s3/s3-destination.ts';
export { S3Error } from './s3/s3-error.ts';
export type { S3File, S3Source } from './s3/s3-source.ts';
export { openS3Source } from './s3/s3-source.ts';
export type { AllowedHosts } from './guard/allowed-hosts.ts';
export { allowedHosts } from './guard/allowed-hosts.ts';
export type { PostgresSecret } from './postgresql/connect.ts';
export type { OpenTable, RowValues } from './postgresql/open-table.ts';
export { openTable } from './postgresql/open-table.ts';
export { TableError } from './postgresql/table-error.ts';
export type { ColumnType, WantedColumn } from './postgresql/table-shape.ts';
