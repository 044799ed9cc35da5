import { isAbsolute } from 'node:path';
import { hostList, list } from './schemas.ts';
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
  pipelineHosts: defaulting('', {
    env: 'PIPELINE_HOSTS',
    schema: hostList,
    range: 'hosts separated by commas: `s3.example.com`, `*.example.com`, `*`, `db.internal:5432`',
    help:
      'Hosts of buckets and databases that pipelines may reach; any public host when not set. Only an entry with a port may lead to ' +
      'an internal address, or to another port than 443 of a bucket and 5432 of a database.',
    readBy: ['general'],
  }),
} as const;
