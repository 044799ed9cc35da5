import { RE2JS } from 're2js';

/** As much of RegExp as expressions use, on the engine of all other patterns. */
export class LinearRegExp {
  lastIndex = 0;
  readonly #regex: RE2JS;

  constructor({ source, flags }: RegExp) {
    const options =
      (flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0) | (flags.includes('m') ? RE2JS.MULTILINE : 0);
    this.#regex = RE2JS.compile(RE2JS.translateRegExp(source), options);
  }

  /** The next match from `lastIndex` on, which moves behind it. */
  exec(text: string): ((string | undefined)[] & { index: number }) | null {
    const matcher = this.#regex.matcher(text);
    if (this.lastIndex > text.length || !matcher.find(this.lastIndex)) {
      this.lastIndex = 0;
      return null;
    }
    this.lastIndex = matcher.end();
    const groups = Array.from(
      { length: matcher.groupCount() + 1 },
      (_none, group) => matcher.group(group) ?? undefined,
    );
    return Object.assign(groups, { index: matcher.start() });
  }
}
