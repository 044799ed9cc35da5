import sequencer from '@jest/test-sequencer';

// Its declarations are those of its CommonJS build; as a module its default export is the class.
const TestSequencer = sequencer as unknown as typeof sequencer.default;
type Tests = Parameters<InstanceType<typeof sequencer.default>['sort']>[0];

/** Whole platforms first, then what starts a server: a long suite that begins last would run alone in the end. */
export default class LongestFirst extends TestSequencer {
  override async sort(tests: Tests): Promise<Tests> {
    const sorted = await super.sort(tests);
    // What is known from the last run is better than any rule.
    if (sorted.every(({ duration }) => duration !== undefined)) return sorted;
    return sorted.toSorted((a, b) => rank(a.path) - rank(b.path));
  }
}

function rank(path: string): number {
  if (path.endsWith('.e2e.spec.ts')) return 0;
  return path.endsWith('.integration.spec.ts') ? 1 : 2;
}
