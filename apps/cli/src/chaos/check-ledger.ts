import { isDeepStrictEqual } from 'node:util';
import { type History, hasEnded, type LedgerEntry, type Outcome, type Status } from './ledger.ts';

/** One way in which the promise was broken. */
export interface Violation {
  readonly kind: ViolationKind;
  /** The execution it is about; where there is none, the tag of the request. */
  readonly about: string;
  readonly what: string;
}

/**
 * `lost`: accepted, and not ended or gone. `doubled`: done twice. `fell-back`: an end that changed, or a status before its
 * predecessor. `wrong`: another result than the file has. `foreign`: nobody posted it. `refused`: a sound request was.
 * `miscounted`: counters that do not add up. `database`: what the truth itself says does not fit together.
 */
export type ViolationKind =
  'lost' | 'doubled' | 'fell-back' | 'wrong' | 'foreign' | 'refused' | 'miscounted' | 'database';

/** Holds what the client knows against the promise: nothing accepted is lost or done twice. [] when it was kept. */
export function checkLedger({ entries, listed }: History): Violation[] {
  const idsByTag = new Map<string, string[]>();
  for (const { executionId, tags } of listed)
    for (const tag of tags) idsByTag.set(tag, [...(idsByTag.get(tag) ?? []), executionId]);
  const ours = new Set(entries.map(({ tag }) => tag));
  const foreign = listed
    .filter(({ tags }) => !tags.some((tag) => ours.has(tag)))
    .map(({ executionId }) => violation('foreign', executionId, 'nobody posted it'));
  return [...entries.flatMap((entry) => checkEntry(entry, idsByTag.get(entry.tag) ?? [])), ...foreign];
}

export function violation(kind: ViolationKind, about: string, what: string): Violation {
  return { kind, about, what };
}

function checkEntry(entry: LedgerEntry, listedIds: readonly string[]): Violation[] {
  const about = entry.executionIds[0] ?? entry.tag;
  const given = (kind: ViolationKind, what: string): Violation => violation(kind, about, what);
  const refused = entry.refusal === undefined ? [] : [given('refused', entry.refusal)];
  if (entry.executionIds.length === 0) {
    return refused.length > 0
      ? refused
      : [given('refused', 'it was posted again and again and never answered')];
  }
  const vanished = entry.vanished ? [given('lost', 'it was accepted, and a moment later unknown')] : [];
  const ids = [...new Set([...entry.executionIds, ...listedIds])];
  const doubled =
    ids.length > 1
      ? [given('doubled', `one idempotency key made ${ids.length} executions: ${ids.join(', ')}`)]
      : [];
  const unlisted = listedIds.includes(about) ? [] : [given('lost', 'it is not in the list of executions')];
  return [
    ...refused,
    ...vanished,
    ...doubled,
    ...unlisted,
    ...checkOrder(entry, given),
    ...checkEnd(entry, given),
  ];
}

type Give = (kind: ViolationKind, what: string) => Violation;

function rank(status: Status): number {
  if (hasEnded(status)) return 2;
  return status === 'EXECUTING' ? 1 : 0;
}

/** A status never comes before one that was read earlier, and an end stays. */
function checkOrder({ samples }: LedgerEntry, given: Give): Violation[] {
  return samples.flatMap(({ status }, index) => {
    const before = samples[index - 1]?.status;
    if (before === undefined || before === status) return [];
    if (rank(status) > rank(before)) return [];
    return [given('fell-back', `${before} became ${status}`)];
  });
}

function checkEnd(entry: LedgerEntry, given: Give): Violation[] {
  const { first, last, samples } = entry;
  if (last === undefined) {
    return [
      given('lost', first === undefined ? 'it was never read' : 'it could not be read again at the end'),
    ];
  }
  if (!hasEnded(last.status))
    return [given('lost', `it did not end, and is ${samples.at(-1)?.status ?? last.status}`)];
  const changed =
    first !== undefined && hasEnded(first.status) && !isDeepStrictEqual(first, last)
      ? [given('fell-back', 'its result changed after its end')]
      : [];
  return [
    ...changed,
    ...checkStatus(entry, last, given),
    ...checkFiles(entry, last, given),
    ...checkCounts(last, given),
  ];
}

/** COMPLETED when at least one file is sound, else ERROR. */
function checkStatus({ files }: LedgerEntry, { status, error }: Outcome, given: Give): Violation[] {
  const expected = files.some(({ output }) => output !== undefined) ? 'COMPLETED' : 'ERROR';
  if (status === expected) return [];
  return [given('wrong', `it ended as ${status} instead of ${expected}: ${error ?? 'without a reason'}`)];
}

function checkFiles({ files }: LedgerEntry, { results }: Outcome, given: Give): Violation[] {
  const names = new Set(files.map(({ name }) => name));
  const strange = results
    .filter(({ file }) => !names.has(file))
    .map(({ file }) => given('foreign', `${file} was not sent with it`));
  return [...files.flatMap((file) => checkFile(file, results, given)), ...strange];
}

function checkFile(
  { name, output, wasDelivered }: LedgerEntry['files'][number],
  results: Outcome['results'],
  given: Give,
): Violation[] {
  const own = results.filter(({ file }) => file === name);
  const [result] = own;
  if (result === undefined) return [given('lost', `${name} has no result`)];
  if (own.length > 1) return [given('doubled', `${name} has ${own.length} results`)];
  const status = wasDelivered ? 'Skipped' : output === undefined ? 'Failed' : 'Success';
  if (result.status !== status)
    return [
      given(
        'wrong',
        `${name} is ${result.status} instead of ${status}: ${result.error ?? 'without a reason'}`,
      ),
    ];
  if (status !== 'Success' || isDeepStrictEqual(result.output, output)) return [];
  return [
    given('wrong', `${name} gave ${JSON.stringify(result.output)} instead of ${JSON.stringify(output)}`),
  ];
}

function checkCounts(outcome: Outcome, given: Give): Violation[] {
  const { totalFiles, successfulFiles, failedFiles } = outcome;
  const results = outcome.results.filter(({ status }) => status !== 'Skipped');
  const successes = results.filter(({ status }) => status === 'Success').length;
  const fits =
    successfulFiles === successes &&
    failedFiles === results.length - successes &&
    totalFiles === results.length;
  if (fits) return [];
  const said = `${totalFiles} files, ${successfulFiles} successful, ${failedFiles} failed`;
  return [given('miscounted', `it says ${said}, and has ${results.length} results, ${successes} successful`)];
}
