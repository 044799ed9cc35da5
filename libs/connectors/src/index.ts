export { FetchError } from './https/fetch-error.ts';
export type { HttpSource, HttpSourceOptions, OpenedFile, OpenOptions } from './https/http-source.ts';
export { createHttpSource } from './https/http-source.ts';
