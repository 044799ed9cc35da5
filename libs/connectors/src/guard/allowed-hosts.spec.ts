import { expect, it } from '@jest/globals';
import { allowedHosts, type HostPermission } from './allowed-hosts.ts';

const cases: readonly [list: readonly string[], host: string, port: number, HostPermission][] = [
  [[], 'anything.example', 443, 'public'],
  [[], 'anything.example', 80, 'public'],
  [[], 'anything.example', 8443, 'none'],
  [[], 'localhost', 443, 'public'],
  [['files.example.com'], 'files.example.com', 443, 'public'],
  [['files.example.com'], 'FILES.example.com.', 443, 'public'],
  [['Files.Example.Com'], 'files.example.com', 443, 'public'],
  [['files.example.com'], 'files.example.com', 9000, 'none'],
  [['files.example.com'], 'other.example.com', 443, 'none'],
  [['files.example.com'], 'files.example.com.evil.example', 443, 'none'],
  [['*.example.com'], 'a.example.com', 443, 'public'],
  [['*.example.com'], 'a.b.example.com', 443, 'public'],
  [['*.example.com'], 'example.com', 443, 'none'],
  [['*.example.com'], 'evilexample.com', 443, 'none'],
  [['*.example.com:8443'], 'a.example.com', 8443, 'public'],
  [['localhost:9000'], 'localhost', 9000, 'internal'],
  [['localhost:9000'], 'localhost', 443, 'none'],
  [['localhost:9000'], 'files.example.com', 443, 'none'],
  [['*', 'localhost:9000'], 'files.example.com', 443, 'public'],
  [['*', 'localhost:443'], 'localhost', 443, 'internal'],
  [['10.0.0.5:9000'], '10.0.0.5', 9000, 'internal'],
  [['[fd00::5]:9000'], '[fd00::5]', 9000, 'internal'],
  [['fd00::5'], '[fd00::5]', 443, 'public'],
];

it.each(cases)('of the list %j, host %s on port %i is allowed: %s', (list, host, port, expected) => {
  expect(allowedHosts(list, 'PIPELINE_HOSTS').permission(host, port)).toBe(expected);
});
