import { describe, expect, it } from '@jest/globals';
import type { ApplyResponse } from '@longshore/contracts';
import { describeChanges } from './describe-changes.ts';

const label = { type: 'string', label: 'A' };

describe('what became of documents', () => {
  const answer: ApplyResponse = {
    changes: [
      {
        ...{ kind: 'workflow', name: 'w', action: 'updated', version: 2 },
        differences: [
          { change: 'changed', path: '/steps/1/extract/fields/a/label', from: 'A', to: 'B' },
          { change: 'removed', path: '/steps/1/extract/fields/b', from: label },
        ],
      },
      { kind: 'deployment', name: 'd', action: 'unchanged', version: 1, differences: [] },
    ],
  };

  it('is a line each', () => {
    expect(describeChanges(answer)).toEqual([
      'workflow w updated (version 2)',
      'deployment d unchanged (runs version 1)',
    ]);
  });

  it('is told field by field beforehand', () => {
    expect(describeChanges(answer, { dryRun: true })).toEqual([
      'workflow w would be updated (version 2)',
      '  ~ steps[1].extract.fields.a.label: "A" → "B"',
      '  - steps[1].extract.fields.b: {"type":"string","label":"A"}',
      'deployment d is unchanged (runs version 1)',
    ]);
  });

  it('of something new are its parts', () => {
    const steps = [
      { read: {} },
      { extract: { fields: { a: label, 'b/c': { ...label, label: 'x'.repeat(300) } } } },
    ];
    const created: ApplyResponse = {
      changes: [
        {
          ...{ kind: 'workflow', name: 'w', action: 'created', version: 1 },
          differences: [{ change: 'added', path: '/steps', to: steps }],
        },
      ],
    };
    const lines = describeChanges(created, { dryRun: true });
    expect(lines.slice(0, 3)).toEqual([
      'workflow w would be created (version 1)',
      '  + steps[0].read: {}',
      '  + steps[1].extract.fields.a: {"type":"string","label":"A"}',
    ]);
    expect(lines[3]).toMatch(/^ {2}\+ steps\[1\]\.extract\.fields\.b\/c: \{"type":"string","label":"x+…$/u);
  });
});
