import { describe, expect, it } from '@jest/globals';
import { checkLedger } from './check-ledger.ts';
import type { History, LedgerEntry, Outcome } from './ledger.ts';

const OUTPUT = { number: 'c0-0', total: 12.5 };

function outcome(changes: Partial<Outcome> = {}): Outcome {
  const [sound, incomplete] = [
    { file: 'sound.txt', fileExecutionId: 'f1', status: 'Success' as const, output: OUTPUT, error: null },
    {
      file: 'incomplete.txt',
      fileExecutionId: 'f2',
      status: 'Failed' as const,
      output: null,
      error: 'no total',
    },
  ];
  return {
    status: 'COMPLETED',
    error: null,
    totalFiles: 2,
    successfulFiles: 1,
    failedFiles: 1,
    results: [sound, incomplete],
    ...changes,
  };
}

/** One execution as it should go; each test forges something in it. */
function entry(changes: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    tag: 'c0',
    files: [
      { name: 'sound.txt', output: OUTPUT },
      { name: 'incomplete.txt', output: undefined },
    ],
    postedAt: 0,
    acceptedAt: 10,
    executionIds: ['e0', 'e0'],
    samples: [
      { at: 20, status: 'PENDING' },
      { at: 30, status: 'EXECUTING' },
      { at: 40, status: 'COMPLETED' },
    ],
    first: outcome(),
    last: outcome(),
    ...changes,
  };
}

function history(changes: Partial<LedgerEntry> = {}, listed: History['listed'] = LISTED): History {
  return { entries: [entry(changes)], listed };
}

const LISTED = [{ executionId: 'e0', tags: ['c0'] }];

const kinds = (given: History): string[] => checkLedger(given).map(({ kind }) => kind);

/** The outcome with other results, and counters that fit them. */
function withResults(results: Outcome['results']): Pick<LedgerEntry, 'first' | 'last'> {
  const successes = results.filter(({ status }) => status === 'Success').length;
  const forged = outcome({
    results,
    totalFiles: results.length,
    successfulFiles: successes,
    failedFiles: results.length - successes,
  });
  return { first: forged, last: forged };
}

describe('the checker finds nothing', () => {
  it('in a history as it should be', () => {
    expect(checkLedger(history())).toEqual([]);
    expect(checkLedger({ entries: [], listed: [] })).toEqual([]);
  });

  it('when the end was seen only by the last reading', () => {
    const { first: _first, ...unseen } = entry();
    expect(checkLedger({ entries: [unseen], listed: LISTED })).toEqual([]);
  });

  it('in an execution that had to fail', () => {
    const [, incomplete] = outcome().results;
    const failed = {
      ...withResults([incomplete!]).last!,
      status: 'ERROR' as const,
      error: 'every file failed',
    };
    const files = [{ name: 'incomplete.txt', output: undefined }];
    const samples = [{ at: 40, status: 'ERROR' as const }];
    expect(checkLedger(history({ files, samples, first: failed, last: failed }))).toEqual([]);
  });
});

describe('the checker notices', () => {
  it('a file that was processed again although it was delivered before', () => {
    const [sound, incomplete] = outcome().results;
    const files = [
      { name: 'sound.txt', output: OUTPUT, wasDelivered: true },
      { name: 'incomplete.txt', output: undefined },
    ];
    const skipped = { ...sound!, status: 'Skipped' as const, output: null, error: 'unchanged' };
    const right = outcome({ totalFiles: 1, successfulFiles: 0, results: [skipped, incomplete!] });
    expect(kinds(history({ files, first: right, last: right }))).toEqual([]);
    expect(kinds(history({ files }))).toEqual(['wrong']);
  });

  it('an execution that did not end', () => {
    const last = outcome({ status: 'EXECUTING', results: [] });
    const { first: _first, ...open } = entry({ samples: [{ at: 20, status: 'EXECUTING' }], last });
    expect(checkLedger({ entries: [open], listed: LISTED })).toEqual([
      { kind: 'lost', about: 'e0', what: 'it did not end, and is EXECUTING' },
    ]);
  });

  it('an execution that is gone', () => {
    const { last: _last, ...gone } = entry();
    expect(kinds({ entries: [gone], listed: [] })).toEqual(['lost', 'lost']);
    expect(kinds(history({}, []))).toEqual(['lost']);
    expect(kinds(history({ vanished: true }))).toEqual(['lost']);
  });

  it('a file without a result', () => {
    expect(checkLedger(history(withResults(outcome().results.slice(0, 1))))).toEqual([
      { kind: 'lost', about: 'e0', what: 'incomplete.txt has no result' },
    ]);
  });

  it('two executions of one idempotency key, also when the client heard of one alone', () => {
    expect(kinds(history({ executionIds: ['e0', 'e1'] }))).toEqual(['doubled']);
    const twice = [...LISTED, { executionId: 'e1', tags: ['c0'] }];
    expect(checkLedger(history({}, twice))).toEqual([
      { kind: 'doubled', about: 'e0', what: 'one idempotency key made 2 executions: e0, e1' },
    ]);
  });

  it('two results of one file', () => {
    const [sound, incomplete] = outcome().results;
    const results = [sound!, { ...sound!, fileExecutionId: 'f3' }, incomplete!];
    expect(checkLedger(history(withResults(results)))).toEqual([
      { kind: 'doubled', about: 'e0', what: 'sound.txt has 2 results' },
    ]);
  });

  it('a status that fell back', () => {
    const samples = [
      { at: 20, status: 'EXECUTING' as const },
      { at: 30, status: 'PENDING' as const },
      { at: 40, status: 'COMPLETED' as const },
    ];
    expect(checkLedger(history({ samples }))).toEqual([
      { kind: 'fell-back', about: 'e0', what: 'EXECUTING became PENDING' },
    ]);
  });

  it.each(['EXECUTING', 'ERROR', 'STOPPED'] as const)('an end that became %s', (status) => {
    const samples = [...entry().samples, { at: 50, status }, { at: 60, status: 'COMPLETED' as const }];
    expect(kinds(history({ samples }))[0]).toBe('fell-back');
  });

  it('a result that changed after the end', () => {
    const [sound, incomplete] = outcome().results;
    const last = outcome({ results: [{ ...sound!, fileExecutionId: 'f9' }, incomplete!] });
    expect(checkLedger(history({ last }))).toEqual([
      { kind: 'fell-back', about: 'e0', what: 'its result changed after its end' },
    ]);
  });

  it('a wrong content, and a result where there should be none', () => {
    const [sound, incomplete] = outcome().results;
    const swapped = [{ ...sound!, output: { number: 'c0-0', total: 12 } }, incomplete!];
    expect(checkLedger(history(withResults(swapped)))).toEqual([
      {
        kind: 'wrong',
        about: 'e0',
        what: 'sound.txt gave {"number":"c0-0","total":12} instead of {"number":"c0-0","total":12.5}',
      },
    ]);
    const invented = [sound!, { ...incomplete!, status: 'Success' as const, output: OUTPUT }];
    expect(kinds(history(withResults(invented)))).toEqual(['wrong']);
  });

  it('a sound execution that ended as an error', () => {
    const failed = outcome({ status: 'ERROR', error: 'its worker was lost' });
    const samples = [{ at: 40, status: 'ERROR' as const }];
    expect(kinds(history({ samples, first: failed, last: failed }))).toEqual(['wrong']);
  });

  it('what nobody posted or sent', () => {
    expect(kinds(history({}, [...LISTED, { executionId: 'e7', tags: [] }]))).toEqual(['foreign']);
    const [sound, incomplete] = outcome().results;
    const results = [sound!, incomplete!, { ...incomplete!, file: 'strange.txt' }];
    expect(kinds(history(withResults(results)))).toEqual(['foreign']);
  });

  it('a sound request that was refused, or never answered', () => {
    const unanswered: LedgerEntry = { tag: 'c0', files: [], postedAt: 0, executionIds: [], samples: [] };
    expect(kinds({ entries: [unanswered], listed: [] })).toEqual(['refused']);
    expect(kinds({ entries: [{ ...unanswered, refusal: 'status 409' }], listed: [] })).toEqual(['refused']);
    expect(kinds(history({ refusal: 'status 409' }))).toEqual(['refused']);
  });

  it('counters that do not add up', () => {
    const last = outcome({ successfulFiles: 2 });
    expect(kinds(history({ first: last, last }))).toEqual(['miscounted']);
    const more = outcome({ totalFiles: 3 });
    expect(kinds(history({ first: more, last: more }))).toEqual(['miscounted']);
  });
});
