import { routes } from '@longshore/contracts';

const HEAD = `/**
 * Method and path of each operation of the public API. Written from the route table by
 * \`node libs/client/src/write-operations.ts\`; a test holds both against each other.
 */
export const operations = Object.freeze({
`;

/** The file `operations.ts` as the route table has it: what keeps the client free of everything but `fetch`. */
export function operationsSource(): string {
  const open = Object.entries(routes).filter(([, route]) => route.area === 'public');
  const lines = open.map(([name, { method, path }]) => `  ${name}: ['${method}', '${path}'],\n`);
  return `${HEAD}${lines.join('')}} as const);\n`;
}
