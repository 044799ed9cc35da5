import { describe, expect, it } from '@jest/globals';
import type { WorkflowDefinition } from '@longshore/contracts';
import { createQuickTest, isSmallText } from './read-here.ts';
import { resultOf } from './reading-thread.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('what is read without a thread', () => {
  it.each([
    ['a short text', bytes('Invoice number: 7\r\nTotal:\t12,50 €\n'), true],
    ['a short JSON document', bytes('{"total": 3}'), true],
    ['an empty file', bytes(''), false],
    ['a text of more than 16 KB', bytes('x'.repeat(16 * 1024 + 1)), false],
    ['a PDF, even one of text alone', bytes('%PDF-1.4\n'), false],
    ['a ZIP and what lies in one', new Uint8Array([0x50, 0x4b, 0x03, 0x04, 0x14, 0x00]), false],
    ['a page', bytes('\n<p>Total: 3</p>'), false],
    ['a message, whose attachments may unpack', bytes('MIME-Version: 1.0\nFrom: a@b.example\n\nB\n'), false],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x41, 0x00]), false],
  ])('%s: %#', (_what, content, expected) => {
    expect(isSmallText(content)).toBe(expected);
  });
});

describe('a workflow that small texts are read for without a thread', () => {
  const definitionWith = (rule: object) =>
    ({
      steps: [{ read: {} }, { extract: { fields: { it: { type: 'string', ...rule } } } }],
    }) as WorkflowDefinition;

  it('has no expression and no heavy pattern', () => {
    const isQuick = createQuickTest();
    const light = definitionWith({
      from: [{ label: 'A' }, { regex: 'a{1,20}(b)' }, { value: '{{custom_data.a}}' }],
    });
    expect([isQuick(light), isQuick(light)]).toEqual([true, true]);
    expect(isQuick({ steps: [{ read: {} }] })).toBe(true);
    expect(isQuick(definitionWith({ compute: '1' }))).toBe(false);
    expect(isQuick(definitionWith({ label: 'A', when: 'true' }))).toBe(false);
    expect(isQuick(definitionWith({ regex: '(?:[a-z]?){500}b' }))).toBe(false);
  });
});

it('a reader that fails tells clients no places in the code; those stand in the cause', () => {
  const reply = {
    type: 'crashed',
    message: 'Too much',
    stack: 'Error: Too much\n    at x (/srv/x.ts:1:2)',
  } as const;
  const error = (() => {
    try {
      return resultOf(reply);
    } catch (thrown) {
      return thrown as Error;
    }
  })();
  expect(error).toMatchObject({ reason: 'crashed', message: 'Reading failed: Too much' });
  expect(((error as Error).cause as Error).stack).toBe(reply.stack);
});
