/** The whole look of the reader. Its hash stands in the page's Content-Security-Policy. */
export const READER_STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent);
  --faint: color-mix(in srgb, currentColor 6%, transparent) }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 2rem 1rem 6rem }
h1, h2 { line-height: 1.2 } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line) }
code, pre { font: 0.875em/1.45 ui-monospace, monospace } pre { background: var(--faint); padding: 0.75rem; overflow: auto }
details { border: 1px solid var(--line); border-radius: 4px; margin: 0.5rem 0 }
summary { cursor: pointer; padding: 0.5rem 0.75rem } details > :not(summary) { margin: 0.75rem }
details details { margin: 0.5rem 0.75rem }
table { border-collapse: collapse; width: calc(100% - 1.5rem) }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.75rem 0.3rem 0; border-top: 1px solid var(--line) }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; text-transform: uppercase }
nav ul { columns: 3 12rem; padding-left: 1rem } .keys { opacity: 0.7 }
`;
