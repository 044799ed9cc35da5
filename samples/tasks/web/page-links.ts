import { defineTask } from '@longshore/tasks';
import { z } from 'zod';

/** A task in TypeScript, for a worker that has Node and nothing else. */
export default defineTask({
  name: 'page_links',
  group: 'WebScraping',
  description: 'Finds the links of a page.',
  input: z.object({ html: z.string().max(1_000_000), base: z.url() }),
  isolation: 'thread',
  hardLimitMs: 60_000,
  handler: ({ html, base }) => {
    const found = [...html.matchAll(/<a\s[^>]*?href\s*=\s*["']([^"']*)["']/gi)];
    return { links: [...new Set(found.map(([, href = '']) => URL.parse(href, base)?.href).filter(Boolean))] };
  },
});
