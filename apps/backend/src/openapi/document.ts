import { errorBodySchema, routes as table, type RouteAuth } from '@longshore/contracts';
import { z } from 'zod';
import { errorResponses, responsesOf, type AnyRoute } from './responses.ts';
import { createSchemas, type JsonSchema, type Schemas } from './schemas.ts';

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: JsonSchema & {
    readonly title: string;
    readonly version: string;
    readonly description: string;
  };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly responses: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, JsonSchema>>;
  };
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

interface ParameterSource {
  readonly name: string;
  readonly schema: z.ZodType;
  readonly schemas: Schemas;
}

interface MediaContent {
  readonly content: Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: readonly JsonSchema[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: MediaContent & { readonly required: boolean };
  readonly responses: Readonly<Record<string, JsonSchema>>;
}

const DESCRIPTION = `Everything is asked for with a key: \`Authorization: Bearer <key>\`.

Lists answer one page and \`next_cursor\`; give it as \`cursor\` for the next one, until it is null. Reads under \`/api/v1\`
carry an \`ETag\`. What is refused is answered with one body everywhere: \`type\`, and one entry in \`errors\` for each reason.`;

const bearer = (description: string) => ({ type: 'http', scheme: 'bearer', description });
const securitySchemes = {
  adminKey: bearer('A key that may do everything but what workers do.'),
  organisationKey: bearer('A key for everything of one organisation.'),
  deploymentKey: bearer('A key for one deployment.'),
};

/** Which keys open a route; the first is the one meant for it. */
const keysFor: Record<RouteAuth, readonly (keyof typeof securitySchemes)[]> = {
  none: [],
  service: [],
  run_token: [],
  admin: ['adminKey'],
  organisation: ['organisationKey', 'adminKey'],
  deployment: ['deploymentKey', 'organisationKey'],
};

/** The public routes of the table as an OpenAPI 3.1 document. */
export function openApiDocument(
  version: string,
  routes: Readonly<Record<string, AnyRoute>> = table,
): OpenApiDocument {
  const schemas = createSchemas();
  schemas.convert(errorBodySchema, 'output', 'error');
  const paths: Record<string, Record<string, Operation>> = {};
  const open = Object.entries(routes).filter(([, { area }]) => area === 'public');
  for (const [name, route] of open) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method] = operationOf(name, route, schemas);
  }
  const names = Object.values(paths).flatMap((methods) => Object.values(methods).flatMap(({ tags }) => tags));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Longshore',
      version,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(names)].sort().map((name) => ({ name })),
    paths,
    components: {
      schemas: schemas.components,
      responses: errorResponses(open.map(([, route]) => route)),
      securitySchemes,
    },
  };
}

function operationOf(name: string, route: AnyRoute, schemas: Schemas): Operation {
  const {
    summary = wordsOf(name),
    description,
    tag = resourceOf(route.path),
    headers = {},
  } = route.documentation;
  const body = requestBodyOf(name, route, schemas);
  return {
    operationId: name,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    security: keysFor[route.auth].map((scheme) => ({ [scheme]: [] })),
    parameters: [
      ...parametersOf('path', { name, schema: route.params, schemas }),
      ...parametersOf('query', { name, schema: route.documentation.query ?? route.query, schemas }),
      ...Object.entries(headers).map(([header, meaning]) => headerParameter(header, meaning)),
    ],
    ...(body === undefined ? {} : { requestBody: body }),
    responses: responsesOf(name, route, schemas),
  };
}

function parametersOf(place: 'path' | 'query', { name, schema, schemas }: ParameterSource): Parameter[] {
  if (!(schema instanceof z.ZodObject)) return [];
  const members = Object.entries(schema.shape as Readonly<Record<string, z.ZodType>>);
  return members.map(([member, each]) => {
    const { description, ...converted } = schemas.convert(each, 'input', name);
    return {
      name: member,
      in: place,
      required: place === 'path' || !each.safeParse(undefined).success,
      ...(typeof description === 'string' ? { description } : {}),
      schema: converted,
    };
  });
}

function headerParameter(name: string, description: string): Parameter {
  return { name, in: 'header', required: false, description, schema: { type: 'string' } };
}

function requestBodyOf(name: string, route: AnyRoute, schemas: Schemas): Operation['requestBody'] {
  const { form, examples } = route.documentation;
  if (form !== undefined)
    return {
      required: true,
      content: { 'multipart/form-data': { schema: schemas.convert(form, 'input', name) } },
    };
  if (route.stream || route.method === 'get' || route.body instanceof z.ZodUnknown) return undefined;
  const example = examples?.body === undefined ? {} : { example: examples.body };
  const schema = schemas.convert(route.body, 'input', name);
  const required = !route.body.safeParse({}).success;
  return { required, content: { 'application/json': { schema, ...example } } };
}

/** `rotateKey` → `Rotate key`. */
function wordsOf(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function resourceOf(path: string): string {
  return path.replace(/^\/api\/v\d+/, '').split('/')[1] ?? '';
}
