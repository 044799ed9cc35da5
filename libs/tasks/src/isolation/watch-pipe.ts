/** The pipe between a worker and a process of its runs that closes with the worker. */
export const WATCH_FD = 4;

/** Said on it by a process that ends itself because it uses too much memory. */
export const OUT_OF_MEMORY = 'out of memory\n';
