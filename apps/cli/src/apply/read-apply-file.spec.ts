import { describe, expect, it } from '@jest/globals';
import { parseApplyFile, readApplyFile } from './read-apply-file.ts';

const WORKFLOW = `kind: workflow
name: invoices
steps:
  - read:
  - extract:
      fields:
        total:
          type: number
          label: Total
`;
const DEPLOYMENT = `---
kind: deployment
api_name: invoices
workflow: invoices
`;

function messageOf(text: string): string {
  try {
    parseApplyFile('x.yaml', text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the file was accepted');
}

describe('a file to apply', () => {
  it('holds several documents, empty ones left out', () => {
    const { documents } = parseApplyFile('x.yaml', `# first\n${WORKFLOW}${DEPLOYMENT}---\n`);
    expect(documents.map(({ kind }) => kind)).toEqual(['workflow', 'deployment']);
  });

  it('is told with line, column and path where something is wrong', () => {
    expect(messageOf(WORKFLOW.replace('type: number', 'type: money'))).toBe(
      'x.yaml:8:11: steps[1].extract.fields.total.type: type must be one of string, number, date, boolean, list, table',
    );
  });

  it('is not for task files, and says who reads them', () => {
    expect(messageOf('kind: command\nname: x\ncommand: [ls]')).toBe(
      'x.yaml:1:1: kind: this is a task file, which workers read themselves: put it into a folder of TASKS_DIR and start the worker anew',
    );
  });

  it('points at a key that is not known', () => {
    expect(messageOf(WORKFLOW.replace('label: Total', 'labl: Total'))).toContain(
      'x.yaml:9:11: steps[1].extract.fields.total.labl: a number field has no key "labl"',
    );
  });

  it('points at what should hold a key that is missing', () => {
    expect(messageOf(WORKFLOW.replace('name: invoices\n', ''))).toMatch(/^x\.yaml:1:1: name: /);
  });

  it.each([
    ['compute: net +', '9:11: steps[1].extract.fields.total.compute: the expression is not JSONata'],
    [
      'compute: net * 1.2',
      '9:11: steps[1].extract.fields.total.compute: there is no field "net"; there are: total',
    ],
    ['compute: total + 1', '7:9: steps[1].extract.fields.total: total needs total'],
    [
      'from: [{ label: a }, { regex: "(" }]',
      '9:34: steps[1].extract.fields.total.from[1].regex: the pattern is',
    ],
    [
      'from: [{ label: a, wen: b }]',
      '9:30: steps[1].extract.fields.total.from[0].wen: a source has no key "wen"',
    ],
    ['label: "{{vendor}}"', '9:11: steps[1].extract.fields.total.label: "{{vendor}}" names nothing'],
    [
      'label: a\n          validate: { mni: 3 }',
      '10:23: steps[1].extract.fields.total.validate.mni: a check has no',
    ],
    [
      'label: a\n          validate:\n            - min: x',
      '11:15: steps[1].extract.fields.total.validate[0].min: ',
    ],
    [
      'label: a\n      overrides:\n        - file: "[a"',
      '11:11: steps[1].extract.overrides[0].file: is not a file',
    ],
  ])('is told where %j is wrong', (rule, complaint) => {
    expect(messageOf(WORKFLOW.replace('label: Total', rule))).toContain(`x.yaml:${complaint}`);
  });

  it('points into the document in which it is, and tells every problem', () => {
    const message = messageOf(
      `${WORKFLOW.replace('invoices', '"in voices"')}${DEPLOYMENT}settings: { max_parallel_files: 0 }\n`,
    );
    const [first, second] = message.split('\n');
    expect(first).toMatch(/^x\.yaml:2:1: name: a name starts with a letter/);
    expect(second).toMatch(/^x\.yaml:14:13: settings\.max_parallel_files: /);
  });

  it('follows an alias to where the value stands', () => {
    const text = `${WORKFLOW.replace('label: Total', 'label: &l [""]')}        other: { type: string, label: *l }\n`;
    expect(messageOf(text)).toMatch(/x\.yaml:9:\d+: steps\[1\]\.extract\.fields\.total\.label/);
  });

  it('is told where it is no YAML', () => {
    expect(messageOf('kind: workflow\n  name: x\n')).toMatch(/^x\.yaml:\d+:\d+: /);
    expect(messageOf('kind: workflow\nkind: workflow\n')).toMatch(/^x\.yaml:2:1: .*unique/);
  });

  it('must hold a document, and one that is a map', () => {
    expect(messageOf('# nothing\n')).toContain('holds no document');
    expect(messageOf('')).toContain('holds no document');
    expect(messageOf('- a\n')).toMatch(/^x\.yaml:1:1: /);
  });

  it('cannot fill the memory with aliases of aliases', () => {
    const bomb = ['a: &a [1,1,1,1,1,1,1,1,1]'];
    for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg', 'ih'].map((two) => [...two])) {
      bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`);
    }
    expect(messageOf(bomb.join('\n'))).toMatch(/^x\.yaml: .*alias/i);
  });

  it('must be there, and a file', async () => {
    await expect(readApplyFile('/nowhere/x.yaml')).rejects.toThrow('There is no file /nowhere/x.yaml');
    await expect(readApplyFile('/')).rejects.toThrow('/ is a folder');
  });
});
