/* Loaded by the worker, and once more by each process that carries out runs of these tasks. */
import { containers } from './containers.ts';
import { diskSpace } from './disk-space.ts';
import { submissionTest } from './submission-test.ts';
import { tableSizes } from './table-sizes.ts';

/** Tasks that run programs. Where its program is missing, a run fails and says which. */
export default [submissionTest, diskSpace, containers, tableSizes];
