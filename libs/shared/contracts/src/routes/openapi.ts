import { jsonObjectSchema } from '../json.ts';
import { nothing, route } from './route.ts';

/** The public API, described for programs and for people. */
export const openApiRoutes = {
  openApi: route({
    method: 'get',
    path: '/openapi.json',
    area: 'public',
    auth: 'none',
    response: jsonObjectSchema,
    documentation: { summary: 'This description', tag: 'description' },
  }),
  reader: route({
    method: 'get',
    path: '/docs',
    area: 'public',
    auth: 'none',
    response: nothing,
    stream: true,
    documentation: { summary: 'This description, for people', tag: 'description', media: 'text/html' },
  }),
};
