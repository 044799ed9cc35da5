/** Where the entry of this name lies: `.ts` beside the source that asks, as in development; `.js` beside the bundle in production. */
export function entryUrl(name: string, from: string): URL {
  return new URL(from.endsWith('.ts') ? `./${name}.ts` : `./${name}.js`, from);
}
