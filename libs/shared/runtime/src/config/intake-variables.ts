import { FLAG_RANGE, flag, hostList, seconds, text } from './schemas.ts';
import { defaulting, optional } from './variable.ts';

/** How files come in with a request, and from where they may be fetched for it. */
export const intakeVariables = {
  uploadStallMs: defaulting('60', {
    env: 'UPLOAD_STALL_TIMEOUT',
    schema: seconds(0.1, 3600),
    range: '0.1 to 3600 seconds',
    help: 'A client that sends nothing for this long in the middle of a request is taken for gone.',
    readBy: ['backend'],
  }),
  presignedUrlHosts: defaulting('', {
    env: 'PRESIGNED_URL_HOSTS',
    schema: hostList,
    range: 'hosts separated by commas: `files.example.com`, `*.example.com`, `*`, `localhost:9000`',
    help:
      'Hosts from which `presigned_urls` and the `https` sources of pipelines may be fetched; any public host when not set. Only an entry with a port may ' +
      'lead to an internal address or to another port than 443.',
    readBy: ['backend', 'general'],
  }),
  presignedUrlAllowHttp: defaulting('false', {
    env: 'PRESIGNED_URL_ALLOW_HTTP',
    schema: flag,
    range: FLAG_RANGE,
    help: 'Whether `presigned_urls` and the `https` sources of pipelines may also be plain http. For development.',
    readBy: ['backend', 'general'],
  }),
  presignedUrlTimeoutMs: defaulting('120', {
    env: 'PRESIGNED_URL_TIMEOUT',
    schema: seconds(0.1, 3600),
    range: '0.1 to 3600 seconds',
    help: 'How long fetching all `presigned_urls` of one request may take, or one file of an `https` source.',
    readBy: ['backend', 'general'],
  }),
  presignedUrlCaFile: optional({
    env: 'PRESIGNED_URL_CA_FILE',
    schema: text,
    range: 'path of a PEM file',
    help: 'Certificates of authorities that are trusted for `presigned_urls` and `https` sources, besides the usual ones.',
    readBy: ['backend', 'general'],
  }),
} as const;
