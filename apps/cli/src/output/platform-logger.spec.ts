import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { createPlatformLogger } from './platform-logger.ts';

const dir = mkdtempSync(join(tmpdir(), 'longshore-told-'));
afterAll(() => rmSync(dir, { recursive: true }));

it.each([
  [
    'child died',
    { child: 'general', exit: { code: null, signal: 'SIGKILL' } },
    'general was killed (SIGKILL) and is started again',
  ],
  [
    'child died',
    { child: 'general', exit: { code: 1, signal: null } },
    'general ended with 1 and is started again',
  ],
  ['child is in a crash loop', { child: 'general', restarts: 5 }, 'general died again and again (5 times)'],
  ['second signal', { process: 'longshore up', signal: 'SIGINT' }, 'SIGINT again: stopped at once.'],
  ['anything else', { port: 8000 }, 'anything else (port: 8000)'],
])('a person is told in words: %s', async (message, fields, words) => {
  const told: string[] = [];
  const logger = createPlatformLogger({
    ...{ dir, level: 'info' },
    tell: (line) => told.push(line),
    tellsWarnings: () => true,
  });
  logger.warn(message, fields);
  await logger.close();
  expect(told).toEqual([expect.stringContaining(words)]);
});
