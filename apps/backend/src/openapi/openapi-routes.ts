import { RELEASE, routes, type JsonValue } from '@longshore/contracts';
import { handle, type MountedRoute } from '../http/server.ts';
import { openApiDocument, type OpenApiDocument } from './document.ts';
import { READER_POLICY, readerPage } from './reader.ts';

/** The public API, described: for programs, and as a page for people. Both are made when first asked for. */
export function openApiRoutes(): MountedRoute[] {
  let made: { document: OpenApiDocument; page: string } | undefined;
  const description = () => {
    if (made === undefined) {
      const document = openApiDocument(RELEASE);
      made = { document, page: readerPage(document) };
    }
    return made;
  };
  return [
    handle(routes.openApi, async () => description().document as unknown as { [key: string]: JsonValue }),
    handle(routes.reader, async ({ response }) => {
      response.setHeader('Content-Security-Policy', READER_POLICY);
      response.setHeader('X-Content-Type-Options', 'nosniff');
      response.type('html').send(description().page);
      return undefined;
    }),
  ];
}
