import { readFileSync } from 'node:fs';
import { createHttpSource, type HttpSource } from '@longshore/connectors';
import type { BackendConfig } from '../config.ts';

type UrlSettings = Pick<BackendConfig, 'presignedUrlHosts' | 'presignedUrlAllowHttp' | 'presignedUrlCaFile'>;

/** Where `presigned_urls` are fetched from, as the settings allow. @throws when the file of certificates cannot be read. */
export function createUrlSource(settings: UrlSettings): HttpSource {
  const { presignedUrlHosts: hosts, presignedUrlAllowHttp: allowHttp, presignedUrlCaFile: file } = settings;
  return createHttpSource({
    hosts,
    allowHttp,
    certificates: file === undefined ? [] : [readFileSync(file, 'utf8')],
  });
}
