import { deploymentRoutes } from './routes/deployment.ts';
import { internalRoutes } from './routes/internal.ts';
import { nativeRoutes } from './routes/native.ts';

export type { Route, RouteAuth } from './routes/route.ts';

/** Every route of the backend. The server mounts them from here and the client calls them from here. */
export const routes = Object.freeze({ ...internalRoutes, ...deploymentRoutes, ...nativeRoutes });
export type Routes = typeof routes;
