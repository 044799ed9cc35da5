import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { cleanUp, runCommand, startUp, temporaryHome, withoutWorkers } from '../running-command.fixture.ts';

afterEach(cleanUp);

describe('longshore reseal', () => {
  it('uses database and keys of its home, while the platform runs and when it does not', async () => {
    const home = temporaryHome();
    const { child, ended, ready } = await startUp(withoutWorkers, { home });
    const made = await fetch(`${ready.url}/api/v1/webhooks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ready.api_key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'sealed',
        url: 'https://example.com/hook',
        events: ['execution.completed'],
      }),
    });
    expect([made.status, await made.text()]).toEqual([201, expect.any(String)]);
    expect(await runCommand(['reseal', '--json'], { home })).toEqual({
      code: 0,
      out: '{"sealed":0}\n',
      err: '',
    });
    child.kill('SIGTERM');
    await ended;
    const keys = join(home, 'encryption.key');
    writeFileSync(keys, `${randomBytes(32).toString('base64')},${readFileSync(keys, 'utf8')}`);
    expect(await runCommand(['reseal'], { home })).toEqual({
      ...{ code: 0, err: '' },
      out: '2 secrets were sealed anew; all are sealed by the first key.\n',
    });
  });

  it('says what it needs where there is neither', async () => {
    const { code, err } = await runCommand(['reseal'], { home: temporaryHome() });
    expect([code, err]).toEqual([
      1,
      expect.stringContaining('set DATABASE_URL, BROKER_URL and ENCRYPTION_KEYS'),
    ]);
  });
});
