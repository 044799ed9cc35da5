import { isAbsolute } from 'node:path';
import { list } from './schemas.ts';
import { defaulting } from './variable.ts';

/** What the general worker may reach for pipelines. */
export const pipelineVariables = {
  pipelineFolders: defaulting('', {
    env: 'PIPELINE_FOLDERS',
    schema: list.refine((folders) => folders.every((folder) => isAbsolute(folder)), 'is not absolute'),
    range: 'absolute paths of folders separated by commas',
    help:
      'The folders below which pipelines may read and write files of the machine that the general worker runs on; none ' +
      'when not set. Addresses are governed by PRESIGNED_URL_HOSTS and its like.',
    readBy: ['general'],
  }),
} as const;
