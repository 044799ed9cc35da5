import { expect, it } from '@jest/globals';
import { confirmBroker } from './confirm-broker.ts';

/** Nobody listens there. */
const AWAY = 'redis://127.0.0.1:1';

it('asks no broker whose mark was seen already, nor for a backend that tells none', async () => {
  await expect(confirmBroker(AWAY, 'a', 'a')).resolves.toBeUndefined();
  await expect(confirmBroker(AWAY, undefined, null)).resolves.toBeUndefined();
});

it.each([null, 'b'])('asks again where it saw %p', async (saw) => {
  await expect(confirmBroker(AWAY, 'a', saw)).rejects.toThrow('127.0.0.1:1');
});
