import { EventEmitter, once } from 'node:events';
import { afterEach, expect, it } from '@jest/globals';
import { restWhenIdle } from './settle-heap.ts';

const endings: (() => unknown)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

function setup() {
  const bus = new EventEmitter();
  const work = { active_tasks: 0, processed_tasks: 0 };
  let released = 0;
  restWhenIdle({
    checks: {
      health: () => {
        bus.emit('look');
        return { healthy: true, reasons: [], details: { ...work } };
      },
      ready: () => ({ ready: true }),
    },
    lifecycle: { onStop: (_label, stop) => endings.push(stop as () => void) },
    release: () => (released += 1),
    lookEveryMs: 1,
  });
  const looks = async (count: number) => {
    for (let i = 0; i < count; i += 1) await once(bus, 'look');
    await new Promise(setImmediate);
  };
  return { work, looks, released: () => released };
}

it('gives memory back once after the start and after each time of work, and never meanwhile', async () => {
  const { work, looks, released } = setup();
  await looks(4);
  expect(released()).toBe(1);
  Object.assign(work, { active_tasks: 1, processed_tasks: 5 });
  await looks(3);
  expect(released()).toBe(1);
  work.active_tasks = 0;
  await looks(4);
  expect(released()).toBe(2);
  work.processed_tasks = 6;
  await looks(4);
  expect(released()).toBe(3);
});
