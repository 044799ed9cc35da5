import type { ApplyResponse, ValueChange } from '@longshore/contracts';

type Change = ApplyResponse['changes'][number];

const MARKS = { added: '+', removed: '-', changed: '~' } as const;
/** Values are shown whole from here on: `steps[1].extract.fields.total`. */
const SHOWN_DEPTH = 5;
const LONGEST_VALUE = 160;

/** What became of each document, a line each; a dry run says field by field what would become of it. */
export function describeChanges(
  { changes }: ApplyResponse,
  { dryRun = false }: { dryRun?: boolean } = {},
): string[] {
  return changes.flatMap((change) => {
    const line = `${change.kind} ${change.name} ${dryRun ? wouldBe(change) : change.action}${versionOf(change)}`;
    return dryRun ? [line, ...change.differences.flatMap(spread).map(differenceLine)] : [line];
  });
}

function wouldBe({ action }: Change): string {
  return action === 'unchanged' ? 'is unchanged' : `would be ${action}`;
}

function versionOf({ version, kind }: Change): string {
  if (version === null) return '';
  return kind === 'workflow' ? ` (version ${version})` : ` (runs version ${version})`;
}

/** Something large that is new or gone is told by its parts. */
function spread(difference: ValueChange): ValueChange[] {
  const { change, path } = difference;
  const value = change === 'added' ? difference.to : difference.from;
  const parts = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (change === 'changed' || parts.length === 0 || path.split('/').length > SHOWN_DEPTH) return [difference];
  return parts.flatMap(([key, part]) => {
    const place = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return spread({ change, path: place, [change === 'added' ? 'to' : 'from']: part });
  });
}

function differenceLine({ change, path, from, to }: ValueChange): string {
  const values =
    change === 'changed' ? `${shown(from)} → ${shown(to)}` : shown(change === 'added' ? to : from);
  return `  ${MARKS[change]} ${readablePath(path)}: ${values}`;
}

/** A JSON Pointer as the messages about files write it: `steps[1].extract`. */
function readablePath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE).toWellFormed()}…` : text;
}
