import { platformSchema } from '../platform-api.ts';
import { route } from './route.ts';

/** How the platform itself is. */
export const platformRoutes = {
  platform: route({
    method: 'get',
    path: '/api/v1/platform',
    area: 'public',
    auth: 'admin',
    response: platformSchema,
    documentation: {
      summary: 'Show how the backend finds its surroundings',
      description:
        'Database, broker, file store and workers, each looked at when it is asked. `longshore doctor` reads it.',
      tag: 'platform',
    },
  }),
};
