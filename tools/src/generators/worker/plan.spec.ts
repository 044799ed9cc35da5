import { describe, expect, it } from '@jest/globals';
import { NAME_PATTERN } from '@longshore/contracts';
import { besidePattern, withProgram } from './likeness.ts';
import { planWorker, type WorkerOptions } from './plan.ts';

const workers = {
  general: { queues: ['general', 'default'], healthPort: 8081 },
  callback: { queues: ['callbacks'], healthPort: 8083 },
};
const taken = new Set(['backend', 'tasks']);

const plan = (options: WorkerOptions, table: Parameters<typeof planWorker>[1]['workers'] = workers) =>
  planWorker(options, { workers: table, taken, queueName: NAME_PATTERN });

describe('a new worker', () => {
  it('serves a queue of its name, on the next port that no other has', () => {
    expect(plan({ name: 'stamp-reader' })).toMatchObject({ queue: 'stamp_reader', port: 8086 });
    const later = { ...workers, 'stamp-reader': { queues: ['stamp_reader'], healthPort: 8086 } };
    expect(plan({ name: 'weigher' }, later)).toMatchObject({ queue: 'weigher', port: 8087 });
  });

  it('serves and does what was said', () => {
    const said = { name: 'stamp-reader', queue: 'stamps', port: 9000, does: 'reads stamps' };
    expect(plan(said)).toEqual(said);
  });

  it.each([
    ['Stamps'],
    ['stamp_reader'],
    ['-stamps'],
    ['stamps-'],
    ['a--b'],
    ['1st'],
    [''],
    ['../up'],
    ['stamps\n'],
    ['x'.repeat(41)],
  ])('is not called %j', (name) => {
    expect(() => plan({ name })).toThrow(/name/);
  });

  it.each(['general', 'backend', 'tasks'])('is not called %j, which there is', (name) => {
    expect(() => plan({ name, queue: 'own' })).toThrow('already');
  });

  it('is refused with all reasons at once', () => {
    const wrong = { name: 'Stamp Reader', queue: 'a:b', port: 80, does: 'this | that' };
    const reasons =
      /"Stamp Reader" is no name.*\n"a:b" is no queue.*\n80 is no port.*\n.*one line of a table/;
    expect(() => plan(wrong)).toThrow(reasons);
    const served = { name: 'backend', queue: 'default', port: 8083 };
    expect(() => plan(served)).toThrow(
      /already.*\n.*default is served by general.*\n.*8083 is that of callback/,
    );
  });
});

describe('a file in which workers stand side by side', () => {
  const worker = { name: 'stamp-reader', port: 8086 };

  it('has the new one behind the one that it is like, block for block and line for line', () => {
    const text = [
      'services:',
      '  general: {}',
      '',
      '  callback:',
      '    image: longshore-callback',
      '    secrets:',
      '      - service_key_callback',
      '',
      '  workers:',
      '    secrets:',
      '      - service_key_callback',
      '      - other',
      '',
    ].join('\n');
    const block = text.split('\n').slice(3, 7);
    const made = block.map((line) => line.replaceAll('callback', 'stamp-reader'));
    const lines = text.split('\n');
    lines.splice(11, 0, '      - service_key_stamp-reader');
    lines.splice(7, 0, '', ...made);
    expect(besidePattern(text, worker).split('\n')).toEqual(lines);
  });

  it('that names none like it is refused', () => {
    expect(() => besidePattern('services: {}\n', worker)).toThrow('callback is not named');
    expect(() => withProgram('[group:longshore]\nprograms=a\n', worker)).toThrow('no program');
  });
});
